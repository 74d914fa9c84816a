"""Indicators that the rules and the cost model use, on adjusted prices (trading rules, section 2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import polars as pl

from trading_assets.features.compiled.blocks import defined
from trading_assets.features.compiled.expression import Expression, adx, atr, col
from trading_assets.features.history import in_order, usable_for_signals

_CLOSE = col("adj_close")
_BARS = (col("adj_high"), col("adj_low"), _CLOSE)
_ATR = atr(_BARS, 14)

INDICATORS: dict[str, Expression] = {
    "ma_20": _CLOSE.rolling_mean(20),
    "ma_50": _CLOSE.rolling_mean(50),
    "ma_200": _CLOSE.rolling_mean(200),
    "atr_14": _ATR,
    "atr_14_mean_60": _ATR.rolling_mean(60),
    "roc_60": _CLOSE / _CLOSE.shift(60) - 1,
    "highest_close_20": _CLOSE.shift(1).rolling_max(20),
    "highest_close_55": _CLOSE.shift(1).rolling_max(55),
    "adv_20": col("dollar_volume").rolling_mean(20),
    "adx_14": adx(_BARS, 14),
}

#: Usable bars before the first value of each.
WARM_UP: dict[str, int] = {
    "ma_20": 19,
    "ma_50": 49,
    "ma_200": 199,
    "atr_14": 14,
    "atr_14_mean_60": 73,
    "roc_60": 60,
    "highest_close_20": 20,
    "highest_close_55": 55,
    "adv_20": 19,
    "adx_14": 27,
}


def indicators(
    bars: pl.DataFrame, names: Collection[str] = INDICATORS.keys(), span: tuple[dt.date, dt.date] | None = None
) -> pl.DataFrame:
    """Return indicators of every symbol at the close of each session.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`, each symbol from its first bar: Wilder's means depend on it.
    names
        Which of them.
    span
        First and last session of the rows; None: all that have bars.

    Returns
    -------
    polars.DataFrame
        Columns of `features.indicators`, by symbol and session. A row knows only bars up to its own session; a
        value whose window of usable bars is not full is null. A bar flagged ``extreme_move`` is history
        for later rows and has no row of its own: at its close nobody knows yet whether it is real.
    """
    from trading_assets.features.compiled.symbols import over_bars

    columns = {name: values for name, values in INDICATORS.items() if name in names}
    rows = in_order(bars)
    usable = rows.select(usable_for_signals().fill_null(False)).to_series()
    kept = usable if span is None else usable & rows["session"].is_between(*span)
    found = over_bars(rows, columns, kept=kept)
    keys = rows.select("symbol", "session").filter(kept)
    return keys.hstack([defined(name, values) for name, values in found.items()])
