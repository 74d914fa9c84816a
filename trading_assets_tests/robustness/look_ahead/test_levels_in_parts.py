"""An audit of a market in parts says what an audit of the whole says, to the row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.features.audit import CHANGES, changes
from trading_assets.features.indicators import indicators
from trading_assets.robustness.look_ahead import levels_in_parts, repetition
from trading_assets.robustness.look_ahead.audit import differing, look_ahead
from trading_assets.robustness.look_ahead.levels_in_parts import together
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets.robustness.look_ahead.what_is_read import follows_by_symbol
from trading_assets.strategies.evaluation.market_rows import MarketRows, RowsAside
from trading_assets_tests.backtests.frames import BENCHMARK, loaded
from trading_assets_tests.robustness.look_ahead.test_audit import market_snapshot

STRATEGIES = {
    "momentum": {"type": "equity_momentum", "trend_slope": -1.0},
    "reversion": {"type": "mean_reversion"},
    "factor": {"type": "factor", "quantiles": 2},
}


def in_parts(whole: MarketSnapshot, sizes: list[int], folder: Path) -> MarketSnapshot:
    """The same market, so many symbols at a time."""
    symbols, parts = whole.bars["symbol"].unique().sort().to_list(), []
    for size in sizes:
        own, symbols = symbols[:size], symbols[size:]
        bars = whole.bars.filter(pl.col("symbol").is_in(own))
        parts.append(MarketRows(own, bars, *[pl.DataFrame()] * 3))
    assert not symbols
    benchmarks = whole.bars.filter(symbol=BENCHMARK)
    return replace(whole, bars=benchmarks, parts=RowsAside(parts, folder), benchmarks=[BENCHMARK])


@pytest.mark.parametrize("sizes", [[5], [2, 1, 2], [4, 1]], ids=str)
@pytest.mark.parametrize("name", ["momentum", "reversion"])
def test_a_clean_strategy_is_as_clean_in_parts(name: str, sizes: list[int], tmp_path: Path) -> None:
    whole, configuration = market_snapshot(), loaded(tmp_path, strategies=STRATEGIES)
    found = look_ahead(configuration, name, in_parts(whole, sizes, tmp_path), 3)
    assert_frame_equal(found, look_ahead(configuration, name, whole, 3))
    assert differing(found).is_empty()


def test_a_leak_is_told_in_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(bars: pl.DataFrame, names: Collection[str]) -> pl.DataFrame:
        return indicators(bars, names).with_columns(pl.col("ma_20").shift(-1).over("symbol"))

    for module in (levels_in_parts, repetition):
        monkeypatch.setattr(module, "indicators", leaking)
    whole, configuration = market_snapshot(), loaded(tmp_path, strategies=STRATEGIES)
    found = look_ahead(configuration, "momentum", in_parts(whole, [2, 3], tmp_path), 3)
    assert_frame_equal(found, look_ahead(configuration, "momentum", whole, 3))
    assert "ma_20" in differing(found).filter(subject="indicators")["column"]


def test_changes_of_parts_are_those_of_the_whole() -> None:
    days = [dt.date(2020, 1, day) for day in (1, 2)]
    one = pl.DataFrame({"symbol": ["A", "A", "B", "B"], "session": days * 2, "x": [1.0, 2.0, 3.0, 4.0], "y": [1] * 4})
    other = one.with_columns(x=pl.Series([1.0, 2.5, 3.0, 2.0]), y=pl.Series([1, 1, 7, 1]))
    key = ("symbol", "session")
    parts = [changes(one.filter(symbol=name), other.filter(symbol=name), key) for name in "BA"]
    assert_frame_equal(together(parts), changes(one, other, key), check_row_order=False)
    assert together([]).schema == pl.Schema(CHANGES)


def test_only_what_follows_from_a_symbol_and_the_benchmarks_is_taken_apart(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, strategies=STRATEGIES)
    assert [follows_by_symbol(configuration, name) for name in STRATEGIES] == [True, True, False]
