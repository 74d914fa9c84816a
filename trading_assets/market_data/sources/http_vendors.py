"""Vendors that are asked over plain HTTP: Alpha Vantage, and Polygon.io, which is called Massive now.

Both hand over prices as they were traded, with cash dividends and splits on their ex-dates.
"""

from __future__ import annotations

import datetime as dt
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from trading_assets.config.remote_sources import AlphaVantageSource, PolygonSource
from trading_assets.market_data.sources.http_json import MISSHAPEN, JsonService
from trading_assets.market_data.sources.remote import Vendor
from trading_assets.market_data.sources.request_limit import RefusedError, RequestLimit, TransientError

ALPHA_VANTAGE_URL, POLYGON_URL = "https://www.alphavantage.co", "https://api.massive.com"
_PRICES = ("open", "high", "low", "close", "volume")
_SCHEMA = pl.Schema(
    {"session": pl.Date, **dict.fromkeys((*_PRICES, "cash_dividend", "split_ratio"), pl.Float64)}
)  # fmt: skip
_NEW_YORK = ZoneInfo("America/New_York")
#: What is said of a limit, with status 200; anything else under these names will be said again.
_LIMITS = ("rate limit", "call frequency", "requests per", "higher api call", "spreading out")
#: Days before the first one whose bars are asked for, too: an ex-date without a bar goes to the next bar.
_BEFORE = dt.timedelta(days=14)


def alpha_vantage(source: AlphaVantageSource, limit: RequestLimit) -> Vendor:
    """Ask TIME_SERIES_DAILY_ADJUSTED: raw prices, dividends and splits of the whole history in one answer.

    Raises
    ------
    MissingSecretError
        The key is not in the environment.
    """
    key = source.key().get_secret_value()
    service = JsonService(
        source.base_url or ALPHA_VANTAGE_URL,
        headers={},
        secret=key,
        limit=limit,
        timeout_seconds=source.timeout_seconds,
    )

    def fetch(symbol: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        query = {"function": "TIME_SERIES_DAILY_ADJUSTED", "symbol": symbol, "outputsize": "full", "apikey": key}
        answer = service.get("/query", query)
        series = answer.get("Time Series (Daily)") if isinstance(answer, dict) else None
        if not isinstance(series, dict):
            raise _failure_in_words(answer, key)
        try:
            rows = [_of_alpha_vantage(day, values) for day, values in series.items()]
        except MISSHAPEN as error:
            raise TransientError(f"a broken answer: {type(error).__name__}: {error}") from None
        return _bars(rows).filter(pl.col("session").is_between(first, last))

    return Vendor(fetch, by_year=False, limit=limit)


def _of_alpha_vantage(day: str, values: Mapping[str, str]) -> dict[str, Any]:
    """One day: keys are numbered, as in `6. volume`."""
    named = {name.split(". ", 1)[1]: value for name, value in values.items()}
    actions = {"cash_dividend": named["dividend amount"], "split_ratio": named["split coefficient"]}
    numbers = {name: float(value) for name, value in ({name: named[name] for name in _PRICES} | actions).items()}
    return {"session": dt.date.fromisoformat(day), **numbers}


def _failure_in_words(answer: Any, key: str) -> TransientError | RefusedError:
    """Make the error of an answer with status 200 that holds words in place of bars."""
    told = answer if isinstance(answer, dict) else {}
    text = " ".join(str(told[name]) for name in ("Note", "Information", "Error Message") if name in told)
    if not text:
        return TransientError("a broken answer: no daily series")
    text = text.replace(key, "***")[:300]
    if "Error Message" not in told and any(word in text.lower() for word in _LIMITS):
        return TransientError(text)
    return RefusedError(text)


def polygon(source: PolygonSource, limit: RequestLimit) -> Vendor:
    """Ask for daily aggregates with adjusted=false, and for splits and dividends.

    Raises
    ------
    MissingSecretError
        The key is not in the environment.
    """
    key = source.key().get_secret_value()
    service = JsonService(
        source.base_url or POLYGON_URL,
        headers={"Authorization": f"Bearer {key}"},
        secret=key,
        limit=limit,
        timeout_seconds=source.timeout_seconds,
    )

    def fetch(symbol: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        start = first - _BEFORE
        bars = service.pages(
            f"/v2/aggs/ticker/{urllib.parse.quote(symbol, safe='')}/range/1/day/{start}/{last}",
            {"adjusted": "false", "sort": "asc", "limit": "50000"},
        )
        span = {"ticker": symbol, "limit": "5000"}
        splits = service.pages(
            "/stocks/v1/splits", span | {"execution_date.gte": str(start), "execution_date.lte": str(last)}
        )
        dividends = service.pages(
            "/stocks/v1/dividends", span | {"ex_dividend_date.gte": str(start), "ex_dividend_date.lte": str(last)}
        )
        try:
            rows = [_of_polygon(bar) for bar in bars]
            ratios = [
                (_day(row["execution_date"]), _number(row["split_to"]) / _number(row["split_from"])) for row in splits
            ]
            paid = [
                (_day(row["ex_dividend_date"]), _number(row["cash_amount"]))
                for row in dividends
                if row.get("currency", "USD") == "USD"
            ]
        except MISSHAPEN as error:
            raise TransientError(f"a broken answer: {type(error).__name__}: {error}") from None
        found = _with_actions(_bars(rows), ratios, paid)
        return found.filter(pl.col("session").is_between(first, last))

    return Vendor(fetch, by_year=True, limit=limit)


def _of_polygon(bar: Mapping[str, Any]) -> dict[str, Any]:
    """One aggregate; `t` is the start of the New York day in milliseconds."""
    session = dt.datetime.fromtimestamp(bar["t"] / 1000, _NEW_YORK).date()
    return {"session": session, **{name: _number(bar[name[0]]) for name in _PRICES}}


def _number(value: object) -> float:
    """A number of JSON; text and truth values are none, whatever Python makes of them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _bars(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=_SCHEMA).sort("session")


def _with_actions(
    bars: pl.DataFrame, splits: Iterable[tuple[dt.date, float]], dividends: Iterable[tuple[dt.date, float]]
) -> pl.DataFrame:
    """Put each action on the first bar of its ex-date or after; several of one bar are multiplied, or added."""
    sessions = bars["session"].to_list()
    ratio, cash = dict.fromkeys(sessions, 1.0), dict.fromkeys(sessions, 0.0)
    for day, factor in splits:
        session = next((session for session in sessions if session >= day), None)
        if session is not None:
            ratio[session] *= factor
    for day, amount in dividends:
        session = next((session for session in sessions if session >= day), None)
        if session is not None:
            cash[session] += amount
    return bars.with_columns(
        cash_dividend=pl.Series(list(cash.values()), dtype=pl.Float64),
        split_ratio=pl.Series(list(ratio.values()), dtype=pl.Float64),
    )
