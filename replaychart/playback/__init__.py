"""Makes a finished chart play as an animation."""
