"""Causal features and the indicators of the trading rules.

To add a feature, append a `Feature` to the `FEATURES` of the module of its category, such as
``categories/momentum.py``; to add a category, add a module to ``categories``.
`catalog` finds those of all categories, so the table, the audit and the models find them there.
"""
