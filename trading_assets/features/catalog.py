"""Every feature, and the table that lists them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import Protocol, cast

import polars as pl

from trading_assets.features import categories
from trading_assets.features.feature import Feature
from trading_assets.features.tables import CATALOG


class Category(Protocol):
    """A module of features that describe the same thing.

    Attributes
    ----------
    FEATURES
        Features of the category, in the order of their columns.
    POSITION
        Place of the category among the others; no two share one.
    """

    FEATURES: tuple[Feature, ...]
    POSITION: int
    __name__: str


def find_categories(package: ModuleType = categories) -> list[Category]:
    """Return the modules of a package in order of their positions.

    Raises
    ------
    ValueError
        A module has no features or no position, or two share a position: the order of columns would be left to chance.
    """
    found: dict[int, Category] = {}
    for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(each.name)
        for name, what in (("FEATURES", "a tuple of features"), ("POSITION", "a whole number")):
            if not hasattr(module, name):
                raise ValueError(f"{each.name} is a category of features without {name}\n  expected: {name}, {what}")
        category = cast(Category, module)
        if category.POSITION in found:
            raise ValueError(
                f"{each.name} has the position {category.POSITION}, as has {found[category.POSITION].__name__}\n"
                f"  expected: a position of its own, such as {max(found) + 10}, behind all others"
            )
        found[category.POSITION] = category
    return [found[position] for position in sorted(found)]


FEATURES: tuple[Feature, ...] = tuple(feature for category in find_categories() for feature in category.FEATURES)


def catalog_table(features: Sequence[Feature] = FEATURES) -> pl.DataFrame:
    """Return rows of `features.catalog`, in order of column name."""
    return pl.DataFrame(
        [
            {
                "feature": feature.column,
                "name": feature.name,
                "category": feature.category,
                "provider": feature.provider,
                "lookback": feature.lookback,
                "warm_up": feature.warm_up,
                "version": feature.version,
                "description": feature.description,
                "source": feature.source,
            }
            for feature in features
        ],
        schema=CATALOG.empty().schema,
    ).sort("feature")
