"""Simulate a strategy under worse markets, costs and data."""
