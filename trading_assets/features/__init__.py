"""Causal features and the indicators of the trading rules.

A feature of a user's own is made of the names here. To add one to the house, append a `Feature` to the `FEATURES` of
the module of its category, such as ``categories/momentum.py``; to add a category, add a module to ``categories``.
`catalog` finds those of all categories, so the table, the audit and the models find them there.
"""

from trading_assets.features.feature import (
    CLOSE,
    DOLLARS,
    HIGH,
    LOW,
    OPEN,
    RETURN,
    Feature,
    change,
    correlation,
    moved,
    share,
    varies,
)

__all__ = [
    "CLOSE",
    "DOLLARS",
    "HIGH",
    "LOW",
    "OPEN",
    "RETURN",
    "Feature",
    "change",
    "correlation",
    "moved",
    "share",
    "varies",
]
