"""What earlier runs decided, for a run that checks only what came after."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import polars as pl


class ChangedPriorResultError(Exception):
    """A new bar changes what was decided of an earlier session: everything is to be checked again."""


class PriorResults(NamedTuple):
    """What is known of the sessions before `since`.

    Attributes
    ----------
    since
        Sessions from this one on are checked; those before it are read as their past.
    reasons
        symbol, session, occurrence, rule: the quarantine of the bars before that are read again, a row a reason.
    last
        symbol, session, forward_factor, is_extreme: the last usable bar of each symbol, and whether it is flagged as
        an extreme move, which the next bar may take back.
    first
        symbol, session: its first usable bar.
    kinds
        symbol, asset_class, calendar, source of every instrument.
    calendars
        calendar, session: the first expected session.
    """

    since: dt.date
    reasons: pl.DataFrame
    last: pl.DataFrame
    first: pl.DataFrame
    kinds: pl.DataFrame
    calendars: pl.DataFrame


_BAR = {"symbol": pl.String, "session": pl.Date}
#: For a run that checks everything.
NO_PRIOR_RESULTS = PriorResults(
    since=dt.date.min,
    reasons=pl.DataFrame(schema=_BAR | {"occurrence": pl.Int64, "rule": pl.String}),
    last=pl.DataFrame(schema=_BAR | {"forward_factor": pl.Float64, "is_extreme": pl.Boolean}),
    first=pl.DataFrame(schema=_BAR),
    kinds=pl.DataFrame(schema=dict.fromkeys(("symbol", "asset_class", "calendar", "source"), pl.String)),
    calendars=pl.DataFrame(schema={"calendar": pl.String, "session": pl.Date}),
)
