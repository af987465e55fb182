"""What is known about a run, as plain values."""
