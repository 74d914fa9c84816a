from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets_tests.features.by_hand import bars, last


def test_a_symbol_that_moves_twice_as_far_as_its_benchmark() -> None:
    """Log returns of 2 x the benchmark's: beta 2, correlation 1, nothing left unexplained."""
    steps = np.random.default_rng(3).normal(0, 0.01, 61)
    index, own = ((100 * np.exp(np.cumsum(factor * steps))).tolist() for factor in (1, 2))
    rows = pl.concat([bars(index), bars(own, symbol="BBB")])
    assert last(rows, "beta_60", "BBB") == pytest.approx(2.0)
    assert last(rows, "correlation_60", "BBB") == pytest.approx(1.0)
    assert last(rows, "idiosyncratic_volatility_60", "BBB") == pytest.approx(0.0, abs=1e-9)
    relative = own[-1] / own[-21] - index[-1] / index[-21]
    assert last(rows, "relative_strength_20", "BBB") == pytest.approx(relative)
