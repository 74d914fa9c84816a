"""What a market that never closes did until an order was sent: by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from trading_assets.trading.latency import latencies
from trading_assets.trading.tables import LATENCIES, SUBMISSIONS

THURSDAY, FRIDAY = dt.date(2026, 3, 5), dt.date(2026, 3, 6)
NOTHING_SENT = SUBMISSIONS.empty()


def rows(*orders: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A sheet, and what waited at the close that it was made at."""
    plain = {"strategy": "s", "account": "s-1", "session": THURSDAY, "for_session": FRIDAY, "side": "buy"}
    plain |= {"status": "ready", "entry": True, "calendar": "XNYS"}
    made = [plain | {"client_order_id": each["symbol"], "order_id": each["symbol"]} | each for each in orders]
    frame = pl.DataFrame(made)
    return frame.drop("calendar"), frame.select("session", "order_id", "calendar")


def sent(symbol: str, at: dt.datetime) -> pl.DataFrame:
    return pl.DataFrame({"client_order_id": [symbol], "event": ["intended"], "recorded_at": [at]})


def test_latency_is_what_the_price_did_until_the_order_was_sent() -> None:
    """From 100 at 00:00 to 100.3 at 00:05 are 30 bp against a purchase; a sale gains them. Stocks have none."""
    sheet, pending = rows(
        {"symbol": "COIN", "calendar": "24/7"},
        {"symbol": "SOLD", "calendar": "24/7", "side": "sell", "entry": False},
        {"symbol": "STOCK"},
    )
    at = dt.datetime(2026, 3, 6, 0, 5, 2)
    submissions = pl.concat(sent(symbol, at) for symbol in ("COIN", "SOLD", "STOCK"))
    minutes = [dt.datetime(2026, 3, 6, 0, minute) for minute in (0, 4, 5, 6)]
    prices = pl.concat(
        pl.DataFrame({"symbol": symbol, "at": minutes, "price": [100.0, 100.2, 100.3, 105.0]})
        for symbol in ("COIN", "SOLD")
    )
    found = latencies(sheet, pending, submissions, prices)
    assert found.columns == list(LATENCIES.columns)
    assert found["symbol"].to_list() == ["COIN", "SOLD"]
    assert found["latency_seconds"].to_list() == [302.0, 302.0]
    assert found["latency_bps"].to_list() == pytest.approx([30.0, -30.0])


def test_without_bars_within_the_day_latency_is_not_known() -> None:
    sheet, pending = rows({"symbol": "COIN", "calendar": "24/7"})
    found = latencies(sheet, pending, sent("COIN", dt.datetime(2026, 3, 6, 0, 5)))
    assert found["latency_seconds"].to_list() == [300.0]
    assert found["latency_bps"].to_list() == [None]
    assert latencies(sheet, pending, NOTHING_SENT).is_empty()


def test_a_market_without_a_price_since_it_opened_has_not_stood_still() -> None:
    sheet, pending = rows({"symbol": "COIN", "calendar": "24/7"})
    before = pl.DataFrame({"symbol": ["COIN"], "at": [dt.datetime(2026, 3, 6)], "price": [100.0]})
    found = latencies(sheet, pending, sent("COIN", dt.datetime(2026, 3, 6, 0, 5)), before)
    assert found["latency_bps"].to_list() == [None]
