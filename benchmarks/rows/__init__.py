"""One module per benchmark, named after what it measures."""
