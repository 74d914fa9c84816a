"""Windows against NumPy on one window at a time: values, and what is undefined."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trading_assets.features.compiled import windows

Window = Callable[[np.ndarray], float]
WINDOWS: dict[str, tuple[Callable[..., None], tuple[bool, ...], Window]] = {
    "sum": (windows.rolling_sum, (), np.sum),
    "variance": (windows.rolling_var, (), lambda x: float(np.var(x, ddof=1))),
    "skewness": (windows.rolling_shape, (False,), stats.skew),
    "kurtosis": (windows.rolling_shape, (True,), lambda x: stats.kurtosis(x, fisher=False)),
    "largest": (windows.rolling_max, (), np.max),
    "smallest": (windows.rolling_min, (), np.min),
}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("window", [3, 4, 7])
def test_a_window_is_that_of_its_own_values_alone(name: str, window: int) -> None:
    """Three symbols, the second shorter than a window, with holes: a window with one is undefined."""
    draw = np.random.default_rng(window)
    values = draw.normal(0, 1, 62)
    values[[20, 33, 34]] = np.nan
    bounds = np.array([0, 30, 32, 62])
    function, more, of_window = WINDOWS[name]
    out = np.empty(62)
    function(out, bounds, values, window, *more)
    expected = np.full(62, np.nan)
    for first, last in ((0, 30), (30, 32), (32, 62)):
        for row in range(first + window - 1, last):
            expected[row] = of_window(values[row - window + 1 : row + 1])
    np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-12)


def test_equal_values_have_no_variance_and_no_shape() -> None:
    out, bounds = np.empty(50), np.array([0, 50])
    windows.rolling_var(out, bounds, np.full(50, 0.1), 7)
    assert set(out[6:]) == {0.0}
    windows.rolling_shape(out, bounds, np.full(50, 0.1), 7, True)
    assert np.isnan(out).all()


@given(rows=st.integers(0, 9), size=st.integers(1, 6))
def test_a_shift_ends_at_the_first_row_of_a_symbol(rows: int, size: int) -> None:
    values, bounds = np.arange(2.0 * size), np.array([0, size, 2 * size])
    out = np.empty(2 * size)
    windows.shift(out, bounds, values, rows)
    expected = [row - rows if row % size >= rows else np.nan for row in range(2 * size)]
    np.testing.assert_array_equal(out, expected)
