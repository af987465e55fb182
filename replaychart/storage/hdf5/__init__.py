"""Safe reading and writing of HDF5 files; knows nothing about runs."""
