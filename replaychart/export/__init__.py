"""Writes finished charts into files: one module per family of formats."""
