"""Turns evaluated arrays into tidy pandas frames, and the plane into contours."""
