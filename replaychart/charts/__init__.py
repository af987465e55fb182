"""One file per chart, named after its function; what charts share stands beside them."""
