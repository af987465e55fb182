"""Benchmarks of ReplayChart, compared with other tools for the same job."""
