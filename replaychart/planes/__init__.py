"""The geometry of planes: projections, slices, grid lines, surfaces and boundaries."""
