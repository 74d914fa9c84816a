"""The locked span of the validation protocol, beside the open ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from trading_assets.config.sections import Interval
from trading_assets.market_data import calendars
from trading_assets.models.splits import development, spans_of

__all__ = ["NoHoldoutError", "development", "holdout", "is_over", "spans_of"]


class NoHoldoutError(Exception):
    """The splits leave no holdout, so a registered strategy cannot be judged."""


def holdout(spans: Mapping[str, Interval]) -> Interval:
    """Return the locked span.

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


def is_over(locked: Interval, last: dt.date, of_calendars: Iterable[str]) -> bool:
    """Return whether no session of the locked span comes after `last`, the last that there are data of.

    A span that ends after what is recorded for an exchange is not over.

    Parameters
    ----------
    locked
        Holdout, both ends included.
    last
        Newest session of the data.
    of_calendars
        Names of the exchange calendars that the strategy trades on; all of them have to be over.
    """
    following = last + dt.timedelta(days=1)
    return last >= locked.end or all(
        locked.end <= calendars.bounds(calendar)[1] and calendars.sessions(calendar, following, locked.end).is_empty()
        for calendar in sorted(set(of_calendars))
    )
