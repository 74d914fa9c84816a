"""Causal features and the indicators of the trading rules.

To add a feature, append a `Feature` to the `FEATURES` of the module of its category, such as
``momentum.py``.
`catalog` collects those of all categories, so the table, the audit and the models find it there.
"""
