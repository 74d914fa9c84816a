"""Rules about the level of a symbol's prices and volumes. What they say about a session depends on no later one.

Each takes bars sorted by symbol and session and answers row by row.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from trading_assets.config.quality import Quality
from trading_assets.market_data.bar_windows import previous

#: How near to a power of ten a change of the unit is, as a log: the market moves on the same day.
_UNIT_NEARNESS = math.log1p(0.1)
_RECENT, _USUAL = 10, 60


def unit_changes(bars: pl.DataFrame, overridden: pl.Series) -> pl.Series:
    """Bars whose close is in another unit than the symbol's first ones: from a jump by 100, 1000, ... (or a hundredth,
    ...) until the jump back.

    Parameters
    ----------
    bars
        symbol, close, factor_change.
    overridden
        Bars whose jump is real.
    """
    move = (pl.col("close") * pl.col("factor_change") / previous("close")).log()
    power = (move / math.log(10)).round()
    is_jump = (power.abs() >= 2) & ((move - power * math.log(10)).abs() <= _UNIT_NEARNESS)
    jumps = bars.with_columns(_overridden=overridden).select(
        "symbol", power=pl.when(is_jump & ~pl.col("_overridden")).then(power).otherwise(0.0).fill_null(0.0)
    )
    return jumps.select(pl.col("power").cum_sum().over("symbol") != 0).to_series()


def reused_tickers(bars: pl.DataFrame, sessions: pl.DataFrame, quality: Quality) -> pl.Series:
    """First bars after a long gap that are at another level than the last one before.

    Parameters
    ----------
    bars
        symbol, calendar, session, close, factor_change.
    sessions
        calendar, session: the expected ones, by which a gap is measured.
    """
    numbered = sessions.sort("calendar", "session").with_columns(
        number=pl.int_range(pl.len()).over("calendar").cast(pl.Int64)
    )
    rows = bars.select("symbol", "calendar", "session", "close", "factor_change").join(
        numbered, on=["calendar", "session"], how="left", maintain_order="left"
    )
    missing = pl.col("number") - previous("number") - 1
    move = pl.col("close") * pl.col("factor_change") / previous("close") - 1
    found = (missing >= quality.reuse_gap) & (move.abs() > quality.reuse_move)
    return rows.select(found.fill_null(False)).to_series()


def volume_unit_breaks(bars: pl.DataFrame, quality: Quality) -> pl.Series:
    """Bars at which the median volume of the last 10 is many times, or a small part of, that of the 60 before."""
    ordinary = pl.when(pl.col("volume") > 0).then(pl.col("volume"))
    # A median lies between the extremes of its window, which cost little: few bars need more.
    low, high = (
        (extreme(_RECENT, min_samples=1), extreme(_USUAL, min_samples=1).shift(_RECENT))
        for extreme in (ordinary.rolling_min, ordinary.rolling_max)
    )
    is_full = pl.col("symbol") == pl.col("symbol").shift(_RECENT + _USUAL - 1)
    possible = (high[0] > quality.volume_ratio * low[1]) | (high[1] > quality.volume_ratio * low[0])
    rows = bars.select((is_full & possible).fill_null(False)).to_series().arg_true().to_numpy()
    volume = bars.select(ordinary).to_series().to_numpy()
    recent = np.median(volume[rows[:, None] - np.arange(_RECENT)], axis=1)
    usual = np.median(volume[rows[:, None] - np.arange(_RECENT, _RECENT + _USUAL)], axis=1)
    found = rows[np.abs(np.log(recent / usual)) > math.log(quality.volume_ratio)]
    return pl.zeros(bars.height, dtype=pl.Boolean, eager=True).scatter(found, True)
