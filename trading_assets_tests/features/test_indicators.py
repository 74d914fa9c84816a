from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from trading_assets.features.indicators import INDICATORS, WARM_UP, indicators
from trading_assets.market_data.quality import EXTREME_MOVE
from trading_assets_tests.features.by_hand import bars
from trading_assets_tests.features.markets import MONDAY


def test_levels_by_hand() -> None:
    """Closes 1 to 60: the mean of the last 20 is 50.5, the highest close before is 59, 60 / 59 ... no 60 before."""
    row = indicators(bars([float(number) for number in range(1, 61)])).sort("session").row(-1, named=True)
    assert row["ma_20"] == pytest.approx(50.5)
    assert row["highest_close_20"] == row["highest_close_55"] == 59.0
    assert row["roc_60"] is None
    assert row["adv_20"] == 1000.0


def test_a_bar_that_nobody_has_confirmed_has_no_row_and_is_history_for_the_next() -> None:
    rows = bars([100.0] * 20 + [200.0])
    flagged = pl.when(pl.col("session") == MONDAY + dt.timedelta(days=19)).then([EXTREME_MOVE.name]).otherwise("flags")
    found = indicators(rows.with_columns(flags=flagged)).sort("session")
    assert found.height == 20
    assert set(found.columns) == {"symbol", "session", *INDICATORS}
    assert found["ma_20"][-1] == pytest.approx(105.0)


def test_the_first_value_of_each_comes_after_its_warm_up() -> None:
    """On 260 bars of a walk: as many are without a value as are said to be."""
    draw = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, 260)))
    found = indicators(bars(close.tolist())).drop("symbol", "session")
    assert {name: found[name].null_count() for name in found.columns} == WARM_UP
