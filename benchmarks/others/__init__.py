"""The same charts in other libraries, written as in the documentation of those libraries."""
