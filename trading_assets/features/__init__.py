"""Causal features and the indicators of the trading rules."""
