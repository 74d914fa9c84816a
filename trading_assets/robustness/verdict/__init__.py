"""Hold the results against the registered criteria."""
