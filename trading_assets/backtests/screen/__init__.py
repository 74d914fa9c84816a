"""Screen many parameter sets, each symbol by itself, without a portfolio."""
