"""The version of the package: built from here, and written into every recording."""

__version__ = "0.1.0"
