"""Resample a run: bootstrap of its returns and trades, permutation of its decisions."""
