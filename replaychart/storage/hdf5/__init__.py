"""HDF5 files that survive crashes and damage; nothing here knows what a run is."""
