"""Charts of a training run that is still going on: in a notebook, or served to a browser."""
