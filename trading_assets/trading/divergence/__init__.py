"""Live against promise: what a running account pays and earns at its broker beside what the backtest promised."""
