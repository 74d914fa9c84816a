"""Returns of a benchmark with a split, a dividend and a hole."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.inputs.benchmark_returns import kind_of, returns_of
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.backtests.results.metrics import PRICE_RETURN, TOTAL_RETURN
from trading_assets_tests.backtests.frames import bars_of, weekdays

DAYS = weekdays(4)
AXES = MarketAxes(DAYS, ["A"], ["equity"], ["XNYS"])
BARS = bars_of("IDX", np.array([100.0, 52.0, 51.0]), [DAYS[0], DAYS[1], DAYS[3]]).with_columns(
    split_ratio=pl.Series([1.0, 2.0, 1.0]), cash_dividend=pl.Series([0.0, 0.0, 2.04])
)


def test_splits_and_dividends_are_followed_and_a_hole_is_null() -> None:
    """Two units of 52 for one of 100: 4 %; then (51 + 2.04) / 52 - 1 = 2 %."""
    found = returns_of(BARS, "IDX", AXES)
    assert found["session"].to_list() == DAYS
    assert found["close"].to_list() == [100.0, 52.0, None, 51.0]
    assert found["daily_return"].to_list() == [None, pytest.approx(0.04), None, pytest.approx(0.02)]


def test_without_a_benchmark_nothing_is_known() -> None:
    assert returns_of(BARS, None, AXES)["close"].null_count() == len(DAYS)


def test_the_kind_says_whether_a_dividend_is_on_record() -> None:
    kinds = [kind_of(bars, "IDX") for bars in (BARS, BARS.with_columns(cash_dividend=0.0))]
    assert [*kinds, kind_of(BARS, None)] == [TOTAL_RETURN, PRICE_RETURN, PRICE_RETURN]
