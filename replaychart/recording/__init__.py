"""Hooks into a training and hands over what happens there to `storage`."""
