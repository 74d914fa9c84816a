"""What differs between two of them, each part by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.backtests.tables import DECISIONS, METRICS, TRADES
from trading_assets.reports.comparison.differences import (
    code_apart,
    configuration_apart,
    data_apart,
    first_decision,
    metrics_beside,
    trades_apart,
)
from trading_assets_tests.reports.comparison.kept_runs import DAYS, rows_of

LABELS = ("A", "B")


def decision(day: int, symbol: str, what: str = "enter", **more: object) -> dict[str, object]:
    own = {"session": DAYS[day], "symbol": symbol, "decision": what, "moment": "close", "reason": "fast_breakout"}
    return {"strategy": "a", "split": "development", "decision_id": f"{day}{symbol}{what}", **own, **more}


def test_the_first_decision_that_only_one_took_is_told_with_what_the_other_did() -> None:
    first = rows_of(DECISIONS, decision(0, "X"), decision(3, "Y"), decision(4, "X", "exit", reason="ma_cross"))
    second = rows_of(DECISIONS, decision(0, "X"), decision(3, "Y", "reject", reason="no_slots"))
    found = first_decision(first, second)
    assert found is not None
    assert (found.session, found.symbol) == (str(DAYS[3]), "Y")
    assert (found.first, found.second) == ("enter (fast breakout)", "reject (no slots)")
    assert found.numbers.is_empty()


def test_the_same_decision_with_another_number_is_the_first_that_differs() -> None:
    first = rows_of(DECISIONS, decision(0, "X", quantity=10.0, score=0.5), decision(3, "Y"))
    second = rows_of(DECISIONS, decision(0, "X", quantity=8.0, score=0.5, limited_by="max_gross"))
    found = first_decision(first, second)
    assert found is not None and found.first == found.second == "enter (fast breakout)"
    assert found.numbers.rows() == [("quantity", "10", "8"), ("limited by", None, "max_gross")]


def test_the_same_decisions_in_any_order_differ_in_nothing_and_other_splits_do_not_count() -> None:
    first = rows_of(DECISIONS, decision(0, "X"), decision(3, "Y"))
    second = rows_of(DECISIONS, decision(3, "Y"), decision(0, "X"), decision(1, "Z", split="holdout"))
    assert first_decision(first, second) is None
    assert first_decision(DECISIONS.empty(), DECISIONS.empty()) is None
    assert first_decision(first, DECISIONS.empty()) is not None


def test_trades_are_the_same_by_their_entry() -> None:
    def trade(symbol: str, day: int, split: str = "development") -> dict[str, object]:
        return {
            "trade_id": f"{symbol}{day}",
            "symbol": symbol,
            "side": "long",
            "entry_session": DAYS[day],
            "split": split,
        }

    first = rows_of(TRADES, trade("X", 1), trade("Y", 2), trade("X", 9, "train"))
    second = rows_of(TRADES, trade("X", 1), trade("Y", 3))
    alone, common = trades_apart(first, second, LABELS)
    assert common == 1
    assert alone.select("only_in", "symbol", "entry_session").rows() == [("A", "Y", DAYS[2]), ("B", "Y", DAYS[3])]


def test_months_whose_bars_differ_are_told_by_symbol() -> None:
    months = [dt.date(2024, month, 1) for month in (1, 2, 3)]
    schema = {"symbol": pl.String, "month": pl.Date, "bars": pl.Int64, "content": pl.Int64}
    first = [("X", months[0], 20, 1), ("X", months[1], 20, 2), ("Y", months[0], 20, 3)]
    second = [("X", months[0], 20, 1), ("X", months[1], 20, 9), ("X", months[2], 20, 9)]
    one, two = (pl.DataFrame(rows, schema=schema, orient="row") for rows in (first, second))
    found = data_apart(one, two, LABELS)
    assert found.rows() == [
        ("X", months[1], months[1], 1, "other bars"),
        ("X", months[2], months[2], 1, "only in B"),
        ("Y", months[0], months[0], 1, "only in A"),
    ]


def test_metrics_stand_beside_each_other_and_one_that_is_missing_has_no_difference() -> None:
    def metric(name: str, value: float) -> dict[str, object]:
        return {"strategy": "a", "split": "development", "metric": name, "value": value}

    found = metrics_beside(
        rows_of(METRICS, metric("sharpe", 1.0), metric("old", 2.0)), rows_of(METRICS, metric("sharpe", 1.5))
    )
    assert found.rows() == [("development", "sharpe", 1.0, 1.5, 0.5), ("development", "old", 2.0, None, None)]


def test_two_strategies_are_compared_by_their_own_keys() -> None:
    text = {"seed": "1", "strategies.a.stop": "2", "strategies.b.stop": "3", "strategies.ab.stop": "9"}
    [found] = configuration_apart((text, text), ("a", "b"), LABELS)
    assert (found.key, found.left.value, found.right.value) == ("strategies.*.stop", "2", "3")
    [found] = configuration_apart((text, {**text, "seed": "2"}), ("a", "a"), LABELS)
    assert (found.key, found.left.place, found.right.value) == ("seed", "A", "2")


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({}, []),
        ({"commit": None}, []),
        ({"commit": None, "code": "y"}, [("commit", "c" * 12, None), ("code", "x", "y")]),
    ],
)
def test_code_differs_by_its_files_and_a_commit_alone_is_no_difference(
    second: dict[str, object], said: list[object]
) -> None:
    row: dict[str, object] = {"product_version": "1", "commit": "c" * 40, "code": "x"}
    assert code_apart(row, {**row, **second}).rows() == said
