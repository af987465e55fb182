"""Saves finished charts to files, with one module per family of formats."""
