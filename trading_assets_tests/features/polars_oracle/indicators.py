"""Indicators that the rules and the cost model use, on adjusted prices (trading rules, section 2)."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl
import polars_talib as ta

from trading_assets.features.history import in_order, usable_for_signals, with_defined

_CLOSE = pl.col("adj_close")
_RANGE = (pl.col("adj_high"), pl.col("adj_low"), _CLOSE)
_ATR = ta.atr(*_RANGE, 14).fill_nan(None)  # a mean of a NaN warm-up would stay NaN

INDICATORS: dict[str, pl.Expr] = {
    "ma_20": _CLOSE.rolling_mean(20),
    "ma_50": _CLOSE.rolling_mean(50),
    "ma_200": _CLOSE.rolling_mean(200),
    "atr_14": _ATR,
    "atr_14_mean_60": _ATR.rolling_mean(60),
    "roc_60": _CLOSE / _CLOSE.shift(60) - 1,
    "highest_close_20": _CLOSE.shift(1).rolling_max(20),
    "highest_close_55": _CLOSE.shift(1).rolling_max(55),
    "adv_20": pl.col("dollar_volume").rolling_mean(20),
    "adx_14": ta.adx(*_RANGE, 14),
}


def indicators(bars: pl.DataFrame, names: Collection[str] = INDICATORS.keys()) -> pl.DataFrame:
    """Return indicators of every symbol at the close of each session.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`, each symbol from its first bar: Wilder's means depend on it.
    names
        Which of them.

    Returns
    -------
    polars.DataFrame
        Columns of `features.indicators`, by symbol and session. A row knows only bars up to its own session; a
        value whose window of usable bars is not full is null. A bar flagged ``extreme_move`` is history
        for later rows and has no row of its own: at its close nobody knows yet whether it is real.
    """
    columns = {name: values for name, values in INDICATORS.items() if name in names}
    rows = with_defined(in_order(bars), columns, over=["symbol"])
    return rows.filter(usable_for_signals()).select("symbol", "session", *columns)
