"""Hooks into a training run, and passes what happens there to `storage`."""
