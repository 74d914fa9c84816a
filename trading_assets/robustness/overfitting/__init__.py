"""Infer what a Sharpe ratio is worth after a search: PSR, DSR, PBO, reality check."""
