"""Turn what the engine returns into tables, metrics and baselines."""
