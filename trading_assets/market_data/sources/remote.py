"""What every vendor's source shares: patience with the service, a limit to what is asked, a cache, progress.

A source is delivered whole or not at all: one symbol that cannot be had after all tries is an error.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl

from trading_assets.config.remote_sources import RemoteSource
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.raw import NUMBERS, SCHEMA, arrange
from trading_assets.market_data.sources.request_limit import DeadlineError, RefusedError, RequestLimit, TransientError
from trading_assets.market_data.sources.retries import tried
from trading_assets.metering import BREAKERS_OPENED, CACHE_HITS, count

#: Settings that an answer does not depend on.
_PATIENCE = {
    "attempts",
    "timeout_seconds",
    "deadline_seconds",
    "first_wait_seconds",
    "longest_wait_seconds",
    "requests_per_second",
    "most_pages",
    "breaker_failures",
    "fallback",
    "fallback_tolerance",
    "when_down",
}

logger = logging.getLogger(__name__)


class Vendor(NamedTuple):
    """One vendor's way to fetch bars.

    Attributes
    ----------
    fetch
        (symbol, first, last) -> session, open, high, low, close, volume and perhaps adj_close; raises `TransientError`,
        `RefusedError`.
    by_year
        Whether the past is fetched and kept in calendar years. Not for a vendor whose prices of the past change with
        what comes later.
    limit
        What every request of `fetch` goes through.
    """

    fetch: Callable[[str, dt.date, dt.date], pl.DataFrame]
    by_year: bool
    limit: RequestLimit


def read(
    source: RemoteSource,
    vendor: Vendor,
    *,
    start: dt.date,
    end: dt.date,
    today: dt.date,
    cache: Path,
) -> pl.DataFrame:
    """Return bars of all symbols of the source with sessions in [start, end], in the raw columns.

    Parameters
    ----------
    today
        Nothing later is asked for; what is younger than `look_back_sessions` is asked for again each time.
    cache
        Folder of the answers about the past.

    Raises
    ------
    SourceError
        A symbol cannot be had, so many requests failed in a row that the source was given up, or its time is over.
    """
    caller = _Caller(source, vendor.limit)
    last = min(end, today)
    settled = today - dt.timedelta(days=source.look_back_sessions + 1)
    parts = [pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date, **dict.fromkeys(NUMBERS, pl.Float64)})]
    failed: dict[str, str] = {}
    for number, symbol in enumerate(source.symbols, start=1):
        try:
            for first_day, last_day in _chunks(start, last, vendor.by_year):
                place = _place(cache, source, symbol, first_day, last_day) if last_day <= settled else None
                parts.append(_fetched(caller, vendor, symbol, first_day, last_day, place))
        except (TransientError, RefusedError) as error:
            failed[symbol] = str(error)
            if caller.is_open:
                break
        except DeadlineError:
            failed[symbol] = f"not had within {source.deadline_seconds:g} s (`deadline_seconds`)"
            failed |= dict.fromkeys(source.symbols[number:], "not asked for any more")
            break
        if number % max(len(source.symbols) // 10, 1) == 0:
            logger.info("%s: %d of %d symbols", source.source, number, len(source.symbols))
    if failed:
        raise _failure(source, failed, given_up=caller.is_open)
    bars = pl.concat(parts, how="diagonal").with_columns(
        asset_class=pl.lit(source.asset_class),
        source=pl.lit(source.source),
        source_file=pl.lit(None, pl.String),
    )
    return arrange(bars, start, last)


class _Caller:
    """Tries a fetch again, and stops after too many failures in a row."""

    def __init__(self, source: RemoteSource, limit: RequestLimit) -> None:
        self._source, self._limit = source, limit
        self._failures = 0

    @property
    def is_open(self) -> bool:
        """Whether nothing is asked any more."""
        return self._failures >= self._source.breaker_failures

    def __call__(self, request: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        try:
            answer = tried(request, self._limit, self._source)
        except TransientError:
            self._failures += 1
            if self._failures == self._source.breaker_failures:
                count(BREAKERS_OPENED)
            raise
        self._failures = 0
        return answer


def _chunks(start: dt.date, end: dt.date, by_year: bool) -> list[tuple[dt.date, dt.date]]:
    if start > end:
        return []
    if not by_year:
        return [(start, end)]
    years = range(start.year, end.year + 1)
    return [(max(start, dt.date(year, 1, 1)), min(end, dt.date(year, 12, 31))) for year in years]


def _fetched(
    caller: _Caller, vendor: Vendor, symbol: str, first: dt.date, last: dt.date, place: Path | None
) -> pl.DataFrame:
    if place is not None and place.is_file():
        try:
            kept = pl.read_parquet(place)
        except pl.exceptions.PolarsError:
            kept = pl.DataFrame()
        if not kept.is_empty():
            count(CACHE_HITS)
            return kept
        place.unlink(missing_ok=True)  # a damaged answer, or one of an earlier version that was empty
    bars = caller(lambda: vendor.fetch(symbol, first, last)).with_columns(symbol=pl.lit(symbol))
    known = [name for name in ("symbol", "session", *NUMBERS) if name in bars.columns]
    bars = bars.select(pl.col(name).cast(SCHEMA[name]) for name in known)
    if place is not None and not bars.is_empty():  # of a year without a bar nobody knows whether it stays so
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_suffix(f".{os.getpid()}.partial")
        bars.write_parquet(partial)
        partial.replace(place)
    return bars


def _place(cache: Path, source: RemoteSource, symbol: str, first: dt.date, last: dt.date) -> Path:
    """By a hash of all that the answer depends on: no symbol becomes a path."""
    asked = source.model_dump(mode="json", exclude=_PATIENCE | {"symbols"})
    asked |= {"symbol": symbol, "first": first, "last": last}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
    return cache / digest[:2] / f"{digest}.parquet"


def _failure(source: RemoteSource, failed: dict[str, str], *, given_up: bool) -> SourceError:
    name = source.source
    lines = [f"  {symbol}: {cause}" for symbol, cause in list(failed.items())[:10]]
    what = f"{name} did not deliver {len(failed)} of {len(source.symbols)} symbols"
    if given_up:
        what += f", and was given up after {source.breaker_failures} failed requests in a row"
    return SourceError(
        "\n".join([what, *lines]),
        expected="bars of every symbol: a source is taken whole or not at all",
        todo="try again later, correct the symbols, or take them out of the source",
    )
