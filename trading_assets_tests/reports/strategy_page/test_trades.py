"""The tables of the section of trades, by hand."""

from __future__ import annotations

import polars as pl

from trading_assets.backtests.tables import DECISIONS, LIQUIDATION_PLAN, TRADES
from trading_assets.reports.strategy_page.trades import last_trades, liquidation, rejections
from trading_assets_tests.reports.pages import DAYS, frame


def test_legs_of_a_pair_are_shown_together() -> None:
    legs = [
        {"trade_id": "1", "symbol": "ZZZ", "pair_id": "p", "side": "short", "entry_session": DAYS[1]},
        {"trade_id": "2", "symbol": "MMM", "pair_id": None, "side": "long", "entry_session": DAYS[1]},
        {"trade_id": "3", "symbol": "AAA", "pair_id": "p", "side": "long", "entry_session": DAYS[1]},
        {"trade_id": "4", "symbol": "BBB", "pair_id": None, "side": "long", "entry_session": DAYS[0]},
    ]
    shown = last_trades(frame(TRADES, *legs))
    assert shown["trade_id"].to_list() == ["4", "2", "3", "1"]
    assert {"pair_id", "side"} <= set(shown.columns)
    assert not {"stop_price", "borrow_cost"} & set(shown.columns)


def test_columns_that_say_nothing_are_left_out() -> None:
    row = {"trade_id": "1", "side": "long", "stop_price": 90.0, "borrow_cost": 0.0}
    assert not {"pair_id", "side", "borrow_cost"} & set(last_trades(frame(TRADES, row)).columns)
    assert "borrow_cost" in last_trades(frame(TRADES, row | {"borrow_cost": 1.5})).columns


def test_rejections_are_a_share_of_the_candidates() -> None:
    kinds = [
        ("enter", "fast", "close"),
        ("reject", "capacity", "close"),
        ("reject", "capacity", "close"),
        ("reject", "slots", "close"),
        ("reject", "no_fill", "open"),
        ("hold", "already_held", "close"),
    ]
    rows = [
        {"decision_id": str(number), "decision": decision, "reason": reason, "moment": moment}
        for number, (decision, reason, moment) in enumerate(kinds)
    ]
    assert rejections(frame(DECISIONS, *rows)).rows() == [
        ("capacity", 2, 0.5),
        ("no_fill (order at the open)", 1, 0.25),
        ("slots", 1, 0.25),
    ]


def test_slices_of_a_position_are_one_row() -> None:
    slices = [
        {"rank": 2, "symbol": "BBB", "slice": 1, "session_offset": 1, "quantity": 5.0, "expected_cost": 1.0},
        {"rank": 1, "symbol": "AAA", "slice": 1, "session_offset": 1, "quantity": 10.0, "expected_cost": 2.0},
        {"rank": 1, "symbol": "AAA", "slice": 2, "session_offset": 2, "quantity": 4.0, "expected_cost": 0.5},
    ]
    shared = {"side": "sell", "reason": "liquidity", "sessions_needed": 2}
    table = liquidation(frame(LIQUIDATION_PLAN, *(shared | row for row in slices)))
    heads = [head.text for head in table.heads]
    first = dict(zip(heads, [cell.text for cell in table.rows[0]], strict=True))
    assert (first["symbol"], first["quantity"], first["slices"], first["sessions"]) == ("AAA", "14", "2", "2")
    assert first["expected cost"] == "2.50"
    assert "pair id" not in heads
    assert len(table.rows) == 2


def test_no_trade_is_an_empty_table() -> None:
    assert last_trades(TRADES.empty()).is_empty()
    assert rejections(DECISIONS.empty()).schema == {"reason": pl.String, "candidates": pl.Int64, "share": pl.Float64}
