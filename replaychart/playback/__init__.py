"""Makes a finished chart play by itself."""
