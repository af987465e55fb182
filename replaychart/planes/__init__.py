"""The geometry of planes: grid lines, surfaces, boundaries and projections."""
