"""The HDF5 file: the only room that imports h5py and knows the names inside a file."""
