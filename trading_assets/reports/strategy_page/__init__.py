"""Build the page of one strategy."""
