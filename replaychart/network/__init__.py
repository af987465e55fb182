"""Rebuilds the recorded model and evaluates it with the weights of each snapshot."""
