"""Publications for tests, and what is known of them by brute force: each session looks at every publication."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import exchange_calendars
import polars as pl

from trading_assets.market_data.tables import PUBLICATIONS


class Known(NamedTuple):
    """What a session knows."""

    value: float | None
    age: int | None
    surprise: float | None
    zscore: float | None


NOTHING = Known(None, None, None, None)


def published(
    *rows: tuple[str, dt.datetime, dt.datetime, dt.date, float], provider: str = "macro", name: str = "level"
) -> pl.DataFrame:
    """Rows of `market_data.publications` of symbol, observed, published_at, session and value."""
    columns = ("symbol", "observed", "published_at", "session", "value")
    frame = pl.DataFrame(list(rows), schema={each: PUBLICATIONS.columns[each].dtype for each in columns}, orient="row")
    return PUBLICATIONS.conform(
        frame.with_columns(
            provider=pl.lit(provider),
            name=pl.lit(name),
            source_file=pl.lit("made.csv"),
            source_line=pl.int_range(pl.len()) + 2,
        )
    )


@cache
def closes_by_library(calendar: str, first: dt.date, last: dt.date) -> list[tuple[dt.date, dt.datetime]]:
    """Sessions and their closes in UTC, straight from the library."""
    if calendar == "24/7":
        days = [first + dt.timedelta(days=each) for each in range((last - first).days + 1)]
        return [(day, dt.datetime.combine(day + dt.timedelta(days=1), dt.time())) for day in days]
    found = exchange_calendars.get_calendar(calendar, start=first.isoformat(), end=last.isoformat())
    return [(day.date(), close.to_pydatetime().replace(tzinfo=None)) for day, close in found.closes.items()]


def known_by_brute_force(
    rows: pl.DataFrame, symbol: str, calendar: str, span: tuple[dt.date, dt.date], max_age: int
) -> dict[dt.date, Known]:
    """What each session of a span knows of one series, from a list that is gone through anew at each."""
    sessions = closes_by_library(calendar, *span)
    own = rows.filter(pl.col("symbol").is_in(["", symbol])).to_dicts()
    first_known = [_first_known(sessions, row) for row in own]
    known = {}
    for now, (session, _) in enumerate(sessions):
        # observation -> publications by when they became known
        public: dict[dt.datetime, list[tuple[int, dt.datetime, float]]] = {}
        for row, since in zip(own, first_known, strict=True):
            if since is not None and since <= now:
                public.setdefault(row["observed"], []).append((since, row["published_at"], row["value"]))
        if not public:
            known[session] = NOTHING
            continue
        history = [sorted(public[each]) for each in sorted(public)]
        latest = [each[-1][2] for each in history]
        age = now - _since(history[-1])
        known[session] = _compared(latest, age) if age <= max_age else NOTHING
    return known


def _first_known(sessions: Sequence[tuple[dt.date, dt.datetime]], row: dict[str, object]) -> int | None:
    for number, (session, close) in enumerate(sessions):
        if row["published_at"] < close and session >= row["session"]:  # type: ignore[operator]
            return number
    return None


def _since(publications: Sequence[tuple[int, dt.datetime, float]]) -> int:
    """Session since which the last value is the value: a publication that repeats it is no news."""
    since, _, value = publications[-1]
    for earlier, _, said in reversed(publications[:-1]):
        if said != value:
            break
        since = earlier
    return since


def _compared(values: Sequence[float], age: int) -> Known:
    """The latest value, and how it compares with up to 20 observations, and 20 changes, before it."""
    *before, value = values
    changes = [one - other for other, one in pairwise(before)][-20:]
    surprise = zscore = None
    if len(changes) >= 8 and statistics.stdev(changes) > 1e-9:
        surprise = (value - before[-1]) / statistics.stdev(changes)
    if len(before) >= 8 and statistics.stdev(before[-20:]) > 1e-9:
        zscore = (value - statistics.fmean(before[-20:])) / statistics.stdev(before[-20:])
    return Known(value, age, surprise, zscore)
