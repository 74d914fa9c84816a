"""Recursive indicators against TA-Lib's own Python package, symbol by symbol."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import talib

from trading_assets.features.compiled import averages

TALIB: dict[str, tuple[Callable[..., None], str, tuple[int, ...], Callable[..., Any]]] = {
    "ema": (averages.ema, "c", (20,), talib.EMA),
    "macd": (averages.macd_histogram, "c", (12, 26, 9), lambda c, *n: talib.MACD(c, *n)[2]),
    "trix": (averages.trix, "c", (15,), talib.TRIX),
    "rsi": (averages.rsi, "c", (14,), talib.RSI),
    "atr": (averages.atr, "hlc", (14,), talib.ATR),
    "adx": (averages.adx, "hlc", (14,), talib.ADX),
    "balance": (
        averages.directional_balance,
        "hlc",
        (14,),
        lambda *x: talib.PLUS_DI(*x) - talib.MINUS_DI(*x),
    ),
    "aroon": (averages.aroon_oscillator, "hl", (25,), talib.AROONOSC),
    "cci": (averages.cci, "hlc", (20,), talib.CCI),
    "slope": (averages.linear_slope, "c", (20,), talib.LINEARREG_SLOPE),
}
#: Two symbols, one too short for any of them, one with more bars than sums of a regression are kept for.
BOUNDS = np.array([0, 900, 905, 1_700])


def prices(seed: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    close = np.exp(np.cumsum(draw.normal(0, 0.02, 1_700)))
    spread = np.exp(np.abs(draw.normal(0, 0.01, (2, 1_700))))
    found = {"c": close, "h": close * spread[0], "l": close / spread[1]}
    flat = slice(300, 360 + seed)
    for values in found.values():
        values[flat] = close[300]  # nothing moves
        values[1_200:] *= 1e-6  # a crash
    return found


@pytest.mark.parametrize("name", TALIB)
@pytest.mark.parametrize("seed", [0, 1])
def test_an_indicator_is_talibs(name: str, seed: int) -> None:
    compiled, needs, settings, by_talib = TALIB[name]
    arrays = [prices(seed)[each] for each in needs]
    out = np.empty(1_700)
    compiled(out, BOUNDS, *arrays, *settings)
    for first, last in itertools.pairwise(BOUNDS):
        expected = by_talib(*(values[first:last] for values in arrays), *settings)
        np.testing.assert_allclose(out[first:last], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["rsi", "atr", "adx", "balance", "ema", "macd", "trix"])
def test_a_price_that_is_missing_leaves_all_that_follows_undefined(name: str) -> None:
    compiled, needs, settings, _ = TALIB[name]
    arrays = [prices(0)[each].copy() for each in needs]
    for values in arrays:
        values[100] = np.nan
    out = np.empty(1_700)
    compiled(out, BOUNDS, *arrays, *settings)
    assert np.isnan(out[100:900]).all()
    assert np.isfinite(out[1_000:]).all()
