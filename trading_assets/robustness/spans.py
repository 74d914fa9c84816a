"""The spans of the validation protocol, from `models.splits`."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from trading_assets.config.sections import Interval


class NoHoldoutError(Exception):
    """The splits leave no holdout, so a registered strategy cannot be judged."""


def spans_of(splits: pl.DataFrame) -> dict[str, Interval]:
    """Each split that exists, by name; both dates inclusive."""
    return {row["split"]: Interval(start=row["start"], end=row["end"]) for row in splits.sort("start").to_dicts()}


def development(spans: Mapping[str, Interval]) -> Interval:
    """From the first date of train to the last of validation: all that may be looked at freely."""
    return Interval(start=spans["train"].start, end=spans.get("validation", spans["train"]).end)


def holdout(spans: Mapping[str, Interval]) -> Interval:
    """The locked span.

    Raises
    ------
    NoHoldoutError
        There is none.
    """
    if "holdout" not in spans:
        raise NoHoldoutError(
            "there is no holdout to evaluate\n  key: splits.holdout\n  expected: dates, or more than 0"
        )
    return spans["holdout"]
