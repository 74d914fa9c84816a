"""The locked span of the validation protocol, beside the open ones."""

from __future__ import annotations

from collections.abc import Mapping

from trading_assets.config.sections import Interval
from trading_assets.models.splits import development, spans_of

__all__ = ["NoHoldoutError", "development", "holdout", "spans_of"]


class NoHoldoutError(Exception):
    """The splits leave no holdout, so a registered strategy cannot be judged."""


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
