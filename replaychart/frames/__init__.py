"""Turns evaluated arrays into tidy pandas frames."""
