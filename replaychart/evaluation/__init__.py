"""Evaluates a recorded network at every epoch, and remembers what it computed."""
