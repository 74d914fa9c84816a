"""A market in parts is the market, however large the parts are and wherever they wait."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.market_data.tables import BARS
from trading_assets.strategies.evaluation.market_rows import (
    ChangedRows,
    MarketRows,
    RowsAside,
    parts_within,
    read_rows,
    rows_between,
    split_by_symbol,
)
from trading_assets.warehouse import Warehouse, Whole, by_symbol
from trading_assets_tests.backtests.frames import SYMBOLS, frames


@pytest.fixture
def whole() -> MarketRows:
    return replace(frames(60), daily=frames(60).indicators.select("symbol", "session", "ma_20")).rows


def joined(parts: list[MarketRows]) -> MarketRows:
    symbols = [symbol for part in parts for symbol in part.symbols]
    return MarketRows(symbols, *(pl.concat(tables) for tables in zip(*(part[1:] for part in parts), strict=True)))


def assert_same(found: MarketRows, whole: MarketRows) -> None:
    assert found.symbols == whole.symbols
    for one, other in zip(found[1:], whole[1:], strict=True):
        assert_frame_equal(one, other)


@pytest.mark.parametrize("size", [1, 60, 130, 10_000])
def test_parts_in_memory_are_the_rows_in_order(whole: MarketRows, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_symbol, "ROWS_AT_A_TIME", size)
    parts = list(split_by_symbol(whole))
    assert len(parts) == {1: 5, 60: 5, 130: 3, 10_000: 1}[size], "five symbols of 60 bars each"
    assert_same(joined(parts), whole)
    mixed = MarketRows(whole.symbols, *(rows.sample(fraction=1, shuffle=True, seed=1) for rows in whole[1:]))
    assert_same(joined([*split_by_symbol(mixed)]), mixed if size == 10_000 else whole)


def test_rows_put_aside_come_back_as_often_as_asked_also_with_a_worker(whole: MarketRows, tmp_path: Path) -> None:
    aside = RowsAside([whole, whole._replace(symbols=["Z"], bars=whole.bars.clear())], tmp_path)
    for each in (aside, aside, pickle.loads(pickle.dumps(aside))):
        first, second = each
        assert_same(first, whole)
        assert (second.symbols, second.bars.height, second.bars.schema) == (["Z"], 0, whole.bars.schema)
    assert aside.days.equals(whole.bars["session"].unique().sort())


def test_what_is_made_of_parts_is_made_each_time(whole: MarketRows, tmp_path: Path) -> None:
    asked: list[str] = []

    def change(rows: MarketRows) -> MarketRows:
        asked.append("now")
        return rows._replace(bars=rows.bars.head(1))

    changed = ChangedRows(RowsAside([whole], tmp_path), change, whole.bars["session"].head(1))
    assert [[part.bars.height for part in changed] for _ in range(2)] == [[1], [1]]
    assert (len(asked), changed.folder) == (2, tmp_path)


def test_bars_of_a_warehouse_are_read_symbols_by_symbols(
    whole: MarketRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_symbol, "ROWS_AT_A_TIME", 150)
    warehouse = Warehouse(tmp_path / "w.duckdb")
    warehouse.replace(Whole(), {BARS: whole.bars})
    last = whole.bars["session"].unique().sort()[39]
    parts = list(read_rows(warehouse, BARS, where="session <= ?", parameters=[last]))
    assert [part.symbols for part in parts] == [whole.symbols[:3], whole.symbols[3:]], "40 bars each, 150 at a time"
    assert pl.concat(part.bars for part in parts).equals(whole.bars.filter(pl.col("session") <= last))


def test_a_symbol_without_rows_is_in_a_part_too() -> None:
    assert parts_within(["A", "B", "C", "D"], [("B", "B"), ("C", "C")]) == [["A", "B"], ["C", "D"]]


def test_rows_between_symbols_are_found_in_order(whole: MarketRows) -> None:
    found = rows_between(whole.bars, SYMBOLS[1], SYMBOLS[2])
    assert found.equals(whole.bars.filter(pl.col("symbol").is_in(SYMBOLS[1:3])))
    assert rows_between(pl.DataFrame(), "A", "B").is_empty()
