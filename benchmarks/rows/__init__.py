"""One file per row of the table, named after what it measures."""
