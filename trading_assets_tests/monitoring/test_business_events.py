"""Signals, orders, trades and portfolios of the newest session become records, where a run has made them anew."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from trading_assets.config.logs import Logs
from trading_assets.monitoring.business_events import KINDS, record_events
from trading_assets.structured_log import FILE, FOLDER, open_log
from trading_assets_tests.trading.opened_account import ACCOUNT, DAYS, STRATEGY, published


def steps(*names: str, outcome: str = "done") -> pl.DataFrame:
    return pl.DataFrame({"step": list(names), "outcome": outcome}, schema={"step": pl.String, "outcome": pl.String})


def test_the_newest_session_of_what_is_new(tmp_path: Path) -> None:
    _, warehouse = published(tmp_path)
    with open_log(Logs(), tmp_path, []):
        count = record_events(warehouse, steps(f"trading/account/{STRATEGY}", f"trading/orders/{STRATEGY}"))
    found = [json.loads(line) for line in (tmp_path / FOLDER / FILE).read_text().splitlines()]
    assert [each["event"] for each in found] == ["portfolio", "order", "order"] and count == 3
    assert (found[0]["account"], found[0]["session"], found[0]["positions"]) == (ACCOUNT, str(DAYS[-1]), 3)
    assert sorted(each["symbol"] for each in found[1:]) == ["AAA", "BBB"]


def test_nothing_is_recorded_of_what_was_left_as_it_was(tmp_path: Path) -> None:
    _, warehouse = published(tmp_path)
    with open_log(Logs(), tmp_path, []):
        assert record_events(warehouse, steps(f"trading/account/{STRATEGY}", outcome="unchanged")) == 0
        assert record_events(warehouse, steps("features/daily", f"strategies/{STRATEGY}")) == 0


def test_columns_of_records_are_those_of_the_tables() -> None:
    for kind in KINDS:
        assert set(kind.columns) <= set(kind.table.columns)
