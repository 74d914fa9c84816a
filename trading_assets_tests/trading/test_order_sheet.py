"""The sheet: ids that are the same whoever asks, what stands against an order, shares of limits by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config.sections import Risk
from trading_assets.config.trading import Trading
from trading_assets.trading.order_sheet import client_order_id, order_sheet, write_csv
from trading_assets.trading.tables import ORDER_SHEETS, PENDING_ORDERS

SENT = ("quantity", "share_sent", "status", "blocked_by")
FRIDAY, MONDAY = dt.date(2017, 6, 30), dt.date(2017, 7, 3)


def waiting(symbol: str = "AAA", **changes: Any) -> dict[str, Any]:
    """100 shares at 50 of an account of 100,000: 5,000."""
    row = {
        "strategy": "s",
        "account": "s-1",
        "label": "paper, verdict reject",
        "session": FRIDAY,
        "order_id": f"s-1-20170630-{symbol}-buy",
        "decision_id": f"s-1-20170630-{symbol}-enter",
        "decision_session": FRIDAY,
        "symbol": symbol,
        "asset_class": "equity",
        "calendar": "XNYS",
        "pair_id": None,
        "side": "buy",
        "quantity": 100.0,
        "entry": True,
        "reason": "fast",
        "close": 50.0,
        "previous_close": 49.0,
        "last_bar": FRIDAY,
        "stop_price": 45.0,
        "expected_slippage_bps": 4.0,
        "expected_cost": 2.5,
        "equity": 100_000.0,
        "capacity_limit": 20_000.0,
        "gross_room": 50_000.0,
        "value_at_risk": 0.006,
        "detail": "{}",
    }
    return row | changes


def sheet_of(*rows: dict[str, Any], **more: Any) -> pl.DataFrame:
    pending = PENDING_ORDERS.conform(pl.DataFrame(rows, schema=PENDING_ORDERS.empty().schema))
    found = order_sheet("small", pending, Risk(), **more)
    ORDER_SHEETS.validate(found)
    return found


def test_shares_of_limits_by_hand() -> None:
    """5,000 of 25 % of 100,000, of 20,000 of capacity, of 50,000 of room; value at risk 0.6 % of 3 %."""
    [order] = sheet_of(waiting()).to_dicts()
    assert order["notional"] == 5_000
    assert order["share_of_symbol_limit"] == pytest.approx(0.2)
    assert order["share_of_capacity"] == pytest.approx(0.25)
    assert order["share_of_gross_room"] == pytest.approx(0.1)
    assert order["share_of_value_at_risk"] == pytest.approx(0.2)
    assert (order["type"], order["limit"], order["stop"]) == ("market_on_open", None, 45.0)
    assert (order["for_session"], order["status"], order["share_sent"]) == (MONDAY, "ready", 1.0)


def test_a_coin_has_a_limit_and_trades_on_saturday() -> None:
    coin = waiting("BTC", calendar="24/7", asset_class="crypto")
    [order] = sheet_of(coin).to_dicts()
    assert (order["type"], order["for_session"]) == ("marketable_limit", dt.date(2017, 7, 1))
    assert order["limit"] == pytest.approx(50.5)
    [sold] = sheet_of(coin | {"side": "sell", "entry": False, "order_id": "other"}).to_dicts()
    assert sold["limit"] == pytest.approx(49.5)


@pytest.mark.parametrize(
    ("changes", "block"),
    [
        ({"last_bar": dt.date(2017, 6, 29)}, "stale_bar"),
        ({"last_bar": None, "close": None}, "stale_bar"),
        ({"close": 0.0}, "price"),
        ({"previous_close": 100.1}, "price"),
        ({"previous_close": 99.0}, None),
        ({"previous_close": 33.0}, "price"),
        ({"previous_close": None}, None),
        ({"stop_price": 50.0}, "price"),
        ({"side": "sell"}, "price"),
        ({"side": "sell", "stop_price": 55.0}, None),
        ({"quantity": None}, "size"),
        ({"quantity": 0.0}, "size"),
        ({"quantity": 501.0, "capacity_limit": 1e9}, "symbol_limit"),
        ({"quantity": 500.0, "capacity_limit": 1e9}, None),
        ({"quantity": 401.0}, "capacity"),
        ({"quantity": 400.0}, None),
        ({"capacity_limit": None}, None),
    ],
)
def test_what_stands_against_an_entry(changes: dict[str, Any], block: str | None) -> None:
    """A symbol may be 25,000, liquidity allows 20,000; the last close may be half as much again as the one before."""
    [order] = sheet_of(waiting(**changes)).to_dicts()
    assert order["blocked_by"] == block
    assert order["status"] == ("ready" if block is None else "blocked")
    assert order["share_sent"] == (1.0 if block is None else 0.0)


def test_how_far_a_limit_lies_and_which_move_waits_are_keys() -> None:
    """2 % beyond 50; a move from 49 to 50 is 2.04 %."""
    coin = waiting("BTC", calendar="24/7", asset_class="crypto")
    [order] = sheet_of(coin, trading=Trading(marketable=0.02)).to_dicts()
    assert order["limit"] == pytest.approx(51.0)
    blocks = [sheet_of(waiting(), trading=Trading(largest_move=each))["blocked_by"].item() for each in (0.02, 0.021)]
    assert blocks == ["price", None]


def test_exits_go_on_where_entries_are_blocked() -> None:
    """A difference that nobody accepted stops entries; what protects is sent, whatever its bars are like."""
    leaves = waiting("BBB", entry=False, side="sell", last_bar=None, close=None, previous_close=None)
    found = sheet_of(waiting(), leaves, entries_blocked_by="difference").sort("symbol")
    assert found["blocked_by"].to_list() == ["difference", None]
    assert found["share_of_symbol_limit"].to_list() == [pytest.approx(0.2), None]
    [without] = sheet_of(leaves | {"quantity": None}).to_dicts()
    assert without["blocked_by"] == "size"


def test_an_exit_sells_no_more_than_the_broker_holds() -> None:
    """100 are to be sold: all, 60 or none of them are there; a short position is bought back likewise."""
    leaves = waiting(entry=False, side="sell")

    def sent(units: float, **changes: Any) -> tuple[Any, ...]:
        return sheet_of(leaves | changes, held={("AAA", None): units}).select(*SENT).row(0)

    assert sent(100.0) == (100.0, 1.0, "ready", None)
    assert sent(250.0) == (100.0, 1.0, "ready", None)
    assert sent(60.0) == (60.0, 0.6, "ready", "not_held")
    assert sent(0.0) == (100.0, 0.0, "blocked", "not_held")
    assert sent(-100.0) == (100.0, 0.0, "blocked", "not_held")
    assert sent(-60.0, side="buy") == (60.0, 0.6, "ready", "not_held")
    assert sheet_of(leaves, held={("AAA", "AAA/BBB"): 100.0})["blocked_by"].to_list() == ["not_held"]


def test_what_has_drifted_from_a_weight_is_left_with_it() -> None:
    """The engine sized 100 at the open, 104 were sent the evening before; a slice of a liquidation stays a slice."""
    leaves = waiting(entry=False, side="sell", target_weight=0.0)
    held = {("AAA", None): 104.0}
    assert sheet_of(leaves, held=held)["quantity"].to_list() == [104.0]
    assert sheet_of(leaves | {"reason": "drawdown_halt"}, held=held)["quantity"].to_list() == [100.0]
    assert sheet_of(leaves | {"target_weight": 0.02}, held=held)["quantity"].to_list() == [100.0]


def test_a_pair_is_blocked_as_a_whole() -> None:
    """A leg without a fresh bar stops the other one, and no other pair; a leg that leaves goes on."""
    stale = {"last_bar": dt.date(2017, 6, 29)}
    rows = [
        waiting("AAA", pair_id="AAA/BBB", target_weight=0.05, stop_price=None),
        waiting("BBB", pair_id="AAA/BBB", target_weight=-0.05, stop_price=None, side="sell", **stale),
        waiting("CCC", pair_id="CCC/DDD", target_weight=0.05, stop_price=None),
        waiting("DDD", pair_id="CCC/DDD", entry=False, side="sell", **stale),
    ]
    found = sheet_of(*rows).sort("symbol")
    assert found["blocked_by"].to_list() == ["pair", "stale_bar", None, None]


def test_a_blocked_flip_leaves_what_is_held() -> None:
    """From 80 long to 120 short: while a difference stands the 80 are sold, and nothing is sold short."""
    flip = waiting(side="sell", target_weight=-0.05, stop_price=None, quantity=200.0)
    held = {("AAA", None): 80.0}
    found = sheet_of(flip, held=held, entries_blocked_by="difference")
    assert found.select(*SENT).row(0) == (80.0, 0.4, "ready", "difference")
    assert sheet_of(flip, held=held).select(*SENT).row(0) == (200.0, 1.0, "ready", None)
    assert sheet_of(flip, held={}, entries_blocked_by="difference")["status"].to_list() == ["blocked"]


def test_whoever_asks_gets_the_same_sheet() -> None:
    rows = [waiting(symbol) for symbol in ("AAA", "BBB", "CCC")]
    assert sheet_of(*rows).equals(sheet_of(*reversed(rows)))
    assert sheet_of(*rows).equals(sheet_of(*rows))


def test_an_id_names_account_order_and_session() -> None:
    """A broker takes 48 characters; the order that did not fill is another one the day after."""
    known = client_order_id("small", "s-1", "order", MONDAY)
    assert len(known) == 35
    others = {
        client_order_id("other", "s-1", "order", MONDAY),
        client_order_id("small", "s-2", "order", MONDAY),
        client_order_id("small", "s-1", "another", MONDAY),
        client_order_id("small", "s-1", "order", FRIDAY),
    }
    assert len(others | {known}) == 5


def test_no_orders_are_an_empty_sheet(tmp_path: Path) -> None:
    found = sheet_of()
    assert found.is_empty()
    write_csv(found, tmp_path / "orders" / "sheet.csv")
    assert [path.name for path in (tmp_path / "orders").iterdir()] == ["sheet.csv"]
    assert pl.read_csv(tmp_path / "orders" / "sheet.csv").columns == list(ORDER_SHEETS.columns)
