"""All features and indicators against Polars and TA-Lib's C code, to the bit, on bars as they come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config.sections import AssetClass
from trading_assets.features.catalog import FEATURES
from trading_assets.features.compiled import blocks
from trading_assets.features.compiled.expression import col
from trading_assets.features.compiled.symbols import over_bars
from trading_assets.features.daily import daily_features
from trading_assets.features.indicators import indicators
from trading_assets_tests.features.markets import MONDAY, PRICES, flagged, market
from trading_assets_tests.features.polars_oracle.catalog import FEATURES as BY_POLARS
from trading_assets_tests.features.polars_oracle.indicators import indicators as indicators_by_polars
from trading_assets_tests.features.test_edge_cases import broken

BENCHMARKS: Mapping[AssetClass, str] = {"equity": "AAA", "crypto": "XBT"}


def assert_to_the_bit(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    assert found.columns == expected.columns
    assert [name for name in found.columns if not found[name].equals(expected[name], null_equal=True)] == []


def dirty(seed: int) -> pl.DataFrame:
    """Bars with holes, spells without volume or movement, flags, a jump of up to nine orders of magnitude."""
    draw = np.random.default_rng(seed)
    equity = market(["AAA", "BBB", "CCC", "DDD"], int(draw.integers(1, 420)), seed=seed)
    bars = pl.concat([equity, market(["XBT", "XET"], 120, seed=seed + 1, asset_class="crypto", weekends=True)])
    bars = broken(bars.sort("symbol", "session"), seed) if draw.random() < 0.6 else bars.sort("symbol", "session")
    if draw.random() < 0.4:
        late = pl.int_range(pl.len()).over("symbol") >= int(draw.integers(0, 300))
        jump = 10.0 ** int(draw.integers(-9, 10))
        bars = bars.with_columns(pl.when(late).then(pl.col(name) * jump).otherwise(name).alias(name) for name in PRICES)
    bars = bars.filter(~pl.Series(draw.permutation(bars.height) < draw.integers(0, 40)), pl.col("adj_close") > 0)
    for row in draw.integers(0, bars.height, 3):
        bars = flagged(bars, bars["symbol"][int(row)], bars["session"][int(row)])
    return bars


@given(seed=st.integers(0, 10_000), spells=st.booleans())
@settings(max_examples=12)
def test_features_are_those_of_polars_and_talib_to_the_bit(seed: int, spells: bool) -> None:
    bars = dirty(seed)
    starts = [MONDAY, MONDAY + dt.timedelta(days=99), MONDAY]
    ends = [None, None, MONDAY + dt.timedelta(days=200)]
    universe = pl.DataFrame({"symbol": ["AAA", "BBB", "XBT"], "start": starts, "end": ends}) if spells else None
    found = daily_features(bars, BENCHMARKS, universe=universe)
    assert_to_the_bit(found, daily_features(bars, BENCHMARKS, BY_POLARS, universe=universe))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=12)
def test_indicators_are_those_of_polars_and_talib_to_the_bit(seed: int) -> None:
    bars = dirty(seed)
    assert_to_the_bit(indicators(bars), indicators_by_polars(bars))


@pytest.mark.parametrize("sessions", [1, 2, 3])
def test_few_bars_are_those_of_polars(sessions: int) -> None:
    bars = market(sessions=sessions)
    assert_to_the_bit(daily_features(bars, BENCHMARKS), daily_features(bars, BENCHMARKS, BY_POLARS))


def test_twenty_years_with_a_crash_by_nine_orders_leave_nothing_behind() -> None:
    """Means and deviations of the last bars are those of a market that begins only after the crash.

    Prices fall from 1e6 to 1e-3. A sum that takes back what has left its window would keep 1e6 * 2^-52 of it, 1e-10,
    which is a ten-millionth of the prices that are left. What is recursive, or has longer windows than the 400 bars,
    is left out.
    """
    long = market(["AAA"], 5_000, seed=7)
    rows = pl.int_range(pl.len())
    unit = pl.when(rows < 4_600).then(1e6).otherwise(1e-3) / pl.col("adj_close").first()
    crashed = long.with_columns(pl.col(name) * unit for name in PRICES)
    names = ["ma_20", "ma_50", "ma_200", "roc_60", "adv_20"]
    whole, part = (indicators(each).tail(100).select(names) for each in (crashed, crashed.tail(400)))
    for name in names:
        np.testing.assert_allclose(whole[name], part[name], rtol=1e-14)
    windows = [
        feature.column
        for feature in FEATURES
        if feature.scope == "symbol" and feature.lookback is not None and feature.lookback <= 252
    ]
    whole, part = (daily_features(each, {}).tail(100).select(windows) for each in (crashed, crashed.tail(400)))
    for name in windows:
        # Covariances are differences of means: what rounding leaves of them is a small part of a squared return.
        tolerance = 1e-7 if "correlation" in name or name == "roll_spread_60" else 1e-9
        np.testing.assert_allclose(whole[name].to_numpy(), part[name].to_numpy(), rtol=tolerance, atol=1e-12)


def test_neither_threads_nor_blocks_nor_the_order_of_rows_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = dirty(5)
    expected = daily_features(bars, BENCHMARKS)
    assert_to_the_bit(daily_features(bars.sample(fraction=1.0, shuffle=True, seed=1), BENCHMARKS), expected)
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 3)
    monkeypatch.setattr(blocks.blocks_of, "__defaults__", (50,))
    assert_to_the_bit(daily_features(bars, BENCHMARKS), expected)


def test_rows_that_are_not_kept_are_history_all_the_same() -> None:
    """The sum of two of 1, 2, 4, 8, without the third row: 3, 12."""
    bars = pl.DataFrame({"symbol": ["A"] * 4, "x": [1.0, 2.0, 4.0, 8.0]})
    kept = pl.Series([True, True, False, True])
    found = over_bars(bars, {"sum": col("x").rolling_sum(2)}, kept=kept)["sum"]
    np.testing.assert_array_equal(found, [np.nan, 3.0, 12.0])
