"""Families of models, a module each, behind the interface of `trading_assets.models.families.interface`."""
