"""Evaluates a recorded network at every epoch, and keeps the results."""
