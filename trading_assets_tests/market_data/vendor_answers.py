"""Bars of two symbols in the wire formats of Yahoo, Coinbase and Alpaca, and sources that ask for them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from trading_assets.config.remote_sources import AlpacaSource, CcxtSource, RemoteSource, YfinanceSource
from trading_assets.market_data import calendars
from trading_assets.market_data.sources import Access, read_bars
from trading_assets_tests.market_data.vendor_server import Service, midnight

START, TODAY = dt.date(2022, 11, 1), dt.date(2024, 3, 1)
#: Both the day of TODAY and its session are over.
TONIGHT = dt.datetime.combine(TODAY + dt.timedelta(days=1), dt.time())
NEW_YORK = ZoneInfo("America/New_York")
SESSIONS = calendars.sessions("XNYS", START, TODAY).to_list()
DAYS = calendars.sessions("24/7", START, TODAY).to_list()
SPLIT, EX = SESSIONS[100], SESSIONS[200]


def traded(day: dt.date, symbol: str = "A") -> dict[str, float]:
    """The prices at which `symbol` traded on `day`: halved by a split."""
    base = 100.14 + day.toordinal() % 17 + len(symbol)
    close = base / (2 if day >= SPLIT else 1)
    return {"o": close - 0.5, "h": close + 1, "l": close - 1, "c": close, "v": 1000.0 + day.day}


def yahoo(path: str, query: dict[str, str]) -> Any:
    """The chart service: prices, volumes and dividends as if every split had always been."""
    symbol = path.rsplit("/", 1)[-1]
    first, last = int(query.get("period1", 0)), int(query.get("period2", 2**40))
    days = [day for day in SESSIONS if first <= midnight(day, NEW_YORK) < last]
    later = [2 if day < SPLIT else 1 for day in days]
    quote = {
        name: [traded(day, symbol)[name[0]] / ratio for day, ratio in zip(days, later, strict=True)]
        for name in ("open", "high", "low", "close")
    }
    quote["volume"] = [int(traded(day, symbol)["v"] * ratio) for day, ratio in zip(days, later, strict=True)]
    opens = [midnight(day, NEW_YORK) + 9 * 3600 + 1800 for day in days]
    zone = {"timezone": "EST", "gmtoffset": -18000, "exchangeTimezoneName": "America/New_York"}
    period = {"start": opens[-1], "end": opens[-1] + 23400, **{key: zone[key] for key in ("timezone", "gmtoffset")}}
    events = {
        "dividends": {str(midnight(EX)): {"amount": 0.25, "date": midnight(EX, NEW_YORK) + 34200}},
        "splits": {
            str(midnight(SPLIT)): {
                "date": midnight(SPLIT, NEW_YORK) + 34200,
                "numerator": 2,
                "denominator": 1,
                "splitRatio": "2:1",
            }
        },
    }
    meta = {
        "currency": "USD",
        "symbol": symbol,
        "instrumentType": "EQUITY",
        "regularMarketPrice": quote["close"][-1],
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "max"],
        **zone,
    }
    result = {"meta": meta, "timestamp": opens, "events": events}
    result["indicators"] = {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]}
    return {"chart": {"result": [result], "error": None}}


def coinbase(path: str, query: dict[str, str]) -> Any:
    """Products, and candles newest first, at most 300 an answer."""
    if path.endswith("/products"):
        return [_product(name) for name in ("A-USD", "BB-USD")]
    if not path.endswith("/candles"):
        return []
    symbol = path.split("/")[-2].split("-", maxsplit=1)[0]
    first = dt.datetime.fromisoformat(query["start"].replace("Z", "+00:00")).date()
    last = dt.datetime.fromisoformat(query["end"].replace("Z", "+00:00")).date()
    days = [day for day in DAYS if first <= day <= last][:300]
    rows = [(midnight(day), traded(day, symbol)) for day in reversed(days)]
    return [[stamp, bar["l"], bar["h"], bar["o"], bar["c"], bar["v"]] for stamp, bar in rows]


def _product(name: str) -> dict[str, Any]:
    base, quote = name.split("-")
    return {
        "id": name,
        "base_currency": base,
        "quote_currency": quote,
        "quote_increment": "0.01",
        "base_increment": "0.00000001",
        "min_market_funds": "1",
        "status": "online",
        "trading_disabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
    }


def alpaca(path: str, query: dict[str, str]) -> Any:
    """Bars of one or more symbols, 100 a page."""
    symbol = query["symbols"]
    first, last = query["start"][:10], query["end"][:10]
    days = [day for day in SESSIONS if first <= day.isoformat() <= last]
    page = int(query.get("page_token") or 0)
    bars = [
        {
            "t": f"{dt.datetime.combine(day, dt.time(), NEW_YORK).astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
            "n": 10,
            "vw": 1.0,
            **traded(day, symbol),
        }
        for day in days[100 * page : 100 * page + 100]
    ]
    more = str(page + 1) if len(days) > 100 * page + 100 else None
    return {"bars": {symbol: bars}, "next_page_token": more}


PATIENCE = {"timeout_seconds": 0.7, "first_wait_seconds": 0.01, "requests_per_second": 1000}
KINDS: dict[str, tuple[Any, type[RemoteSource], dict[str, Any]]] = {
    "yfinance": (yahoo, YfinanceSource, {"symbols": ["A", "BB"]}),
    "ccxt": (coinbase, CcxtSource, {"symbols": ["A/USD", "BB/USD"], "exchange": "coinbaseexchange"}),
    "alpaca": (alpaca, AlpacaSource, {"symbols": ["A", "BB"]}),
}


def source_of(kind: str, service: Service, **settings: Any) -> RemoteSource:
    _, model, own = KINDS[kind]
    return model.model_validate({"source": kind, "base_url": service.url, **PATIENCE, **own, **settings})


def fetched(
    source: RemoteSource, folder: Path, start: dt.date = START, end: dt.date = TODAY, now: dt.datetime = TONIGHT
) -> pl.DataFrame:
    access = Access(folder / "cache", START, TODAY, now)
    return read_bars(source, start=start, end=end, directory=folder, seed=0, access=access)  # type: ignore[arg-type]
