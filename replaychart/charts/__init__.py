"""The public charts: one file each, named after its function. Shared code is in `drawing`."""
