"""Lock the holdout, record every look at it, and say where the protocol stands."""
