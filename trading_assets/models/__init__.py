"""Models: labels, leakage-safe splits, walk-forward training, registry, explanations."""
