"""Features, compute alone: compiled passes, the same by Polars, and those of TA-Lib against a loop over its functions.

Arguments: symbols and sessions. Both sides have the same values (to the bit but for the loop, which has no conditions);
that is checked here as well, on what was measured.
"""

from __future__ import annotations

import resource
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import talib

from trading_assets.features.compiled import expression as words
from trading_assets.features.compiled.blocks import bounds_of
from trading_assets.features.compiled.expression import col
from trading_assets.features.compiled.symbols import over_bars
from trading_assets.features.daily import daily_features
from trading_assets.features.indicators import indicators
from trading_assets_tests.benchmarks.measuring import measure, report
from trading_assets_tests.features.markets import market
from trading_assets_tests.features.polars_oracle.catalog import FEATURES as BY_POLARS
from trading_assets_tests.features.polars_oracle.indicators import indicators as indicators_by_polars

HIGH, LOW, CLOSE = (col(f"adj_{name}") for name in ("high", "low", "close"))
BARS = (HIGH, LOW, CLOSE)
COMPILED = {
    "rsi_2": words.rsi(CLOSE, 2),
    "rsi_14": words.rsi(CLOSE, 14),
    "macd": words.macd_histogram(CLOSE, 12, 26, 9),
    "trix": words.trix(CLOSE, 15),
    "aroon": words.aroon_oscillator(HIGH, LOW, 25),
    "adx": words.adx(BARS, 14),
    "balance": words.directional_balance(BARS, 14),
    "slope": words.linear_slope(CLOSE, 20),
    "atr": words.atr(BARS, 14),
    "cci": words.cci(BARS, 20),
    "ema": words.ema(CLOSE, 20),
}
BY_TALIB: dict[str, Callable[..., Any]] = {
    "rsi_2": lambda high, low, close: talib.RSI(close, 2),
    "rsi_14": lambda high, low, close: talib.RSI(close, 14),
    "macd": lambda high, low, close: talib.MACD(close, 12, 26, 9)[2],
    "trix": lambda high, low, close: talib.TRIX(close, 15),
    "aroon": lambda high, low, close: talib.AROONOSC(high, low, 25),
    "adx": lambda high, low, close: talib.ADX(high, low, close, 14),
    "balance": lambda high, low, close: talib.PLUS_DI(high, low, close, 14) - talib.MINUS_DI(high, low, close, 14),
    "slope": lambda high, low, close: talib.LINEARREG_SLOPE(close, 20),
    "atr": lambda high, low, close: talib.ATR(high, low, close, 14),
    "cci": lambda high, low, close: talib.CCI(high, low, close, 20),
    "ema": lambda high, low, close: talib.EMA(close, 20),
}


def main(symbols: int, sessions: int) -> None:
    bars = market([f"S{number:04}" for number in range(symbols)], sessions)
    work: dict[str, Callable[[], object]] = {
        "compiled": lambda: daily_features(bars, {"equity": "S0000"}),
        "polars": lambda: daily_features(bars, {"equity": "S0000"}, BY_POLARS),
        "compiled_indicators": lambda: indicators(bars),
        "polars_indicators": lambda: indicators_by_polars(bars),
        "compiled_talib": lambda: over_bars(bars, COMPILED),
        "talib": lambda: loop_over_talib(bars),
    }
    seconds, processor = {}, {}
    for name, each in work.items():
        used: list[float] = []
        seconds[name] = measure(lambda: used.append(processor_seconds(each)))  # noqa: B023
        processor[name] = statistics.median(used[1:])
    check_same(bars)
    report(seconds, processor_seconds=processor, bars=bars.height, features=len(BY_POLARS))


def loop_over_talib(bars: pl.DataFrame) -> dict[str, np.ndarray]:
    """Call each function of TA-Lib for each symbol, into columns of all of them."""
    bounds = bounds_of(bars["symbol"]).tolist()
    arrays = [bars[f"adj_{name}"].to_numpy() for name in ("high", "low", "close")]
    found = {name: np.empty(bars.height) for name in BY_TALIB}
    for first, last in zip(bounds[:-1], bounds[1:], strict=True):  # noqa: RUF007
        own = [values[first:last] for values in arrays]
        for name, function in BY_TALIB.items():
            found[name][first:last] = function(*own)
    return found


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the processor's seconds of some work, those of the system included."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def check_same(bars: pl.DataFrame) -> None:
    """Both sides came to the same.

    Raises
    ------
    ValueError
        A column differs: by a bit from Polars, by more than a trillionth from TA-Lib.
    """
    some = bars.filter(pl.col("symbol") < "S0005")
    if not daily_features(some, {"equity": "S0000"}).equals(daily_features(some, {"equity": "S0000"}, BY_POLARS)):
        raise ValueError("features differ from those of Polars")
    ours, theirs = over_bars(some, COMPILED), loop_over_talib(some)
    for name, values in ours.items():
        if not np.allclose(values, theirs[name], rtol=1e-12, atol=1e-14, equal_nan=True):
            raise ValueError(f"{name} differs from that of TA-Lib")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
