"""What is sent in time, and what a market that never closes did until an order was sent: by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from trading_assets.trading.tables import LATENCIES, SUBMISSIONS
from trading_assets.trading.timeliness import late_entries, latencies

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


@pytest.mark.parametrize(
    ("minute", "late"), [((14, 29), []), ((14, 30), ["STOCK"]), ((1, 0), []), ((20, 0), ["STOCK"])]
)
def test_an_entry_is_late_once_its_market_has_opened(minute: tuple[int, int], late: list[str]) -> None:
    """New York opens at 14:30 UTC in winter; an exit of the same minute goes on, and so does what is sent already."""
    sheet, pending = rows({"symbol": "STOCK"}, {"symbol": "LEFT", "entry": False, "side": "sell"})
    now = dt.datetime.combine(FRIDAY, dt.time(*minute))
    assert late_entries(sheet, pending, NOTHING_SENT, now) == late
    assert late_entries(sheet, pending, sent("STOCK", now), now) == []


def test_a_coin_s_entry_is_late_an_hour_after_its_day_began() -> None:
    sheet, pending = rows({"symbol": "COIN", "calendar": "24/7"})
    begun = dt.datetime.combine(FRIDAY, dt.time())
    assert late_entries(sheet, pending, NOTHING_SENT, begun + dt.timedelta(minutes=59)) == []
    assert late_entries(sheet, pending, NOTHING_SENT, begun + dt.timedelta(minutes=60)) == ["COIN"]


def test_what_is_blocked_is_not_late() -> None:
    sheet, pending = rows({"symbol": "STOCK", "status": "blocked"})
    assert late_entries(sheet, pending, NOTHING_SENT, dt.datetime(2026, 3, 6, 20)) == []


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
