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
#: How near to the close before, in the new unit, the open is, as a log.
_OPEN_NEARNESS = math.log1p(0.05)
#: Multiple of the usual volume from which on a fall is a rout.
_SURGE = 5.0
_RECENT, _USUAL = 10, 60


def unit_changes(bars: pl.DataFrame, overridden: pl.Series) -> pl.Series:
    """Bars that are in another unit than the symbol's first ones: from a jump by 100, 1000, ... (or a hundredth, ...)
    until the jump back.

    Parameters
    ----------
    bars
        symbol, open, high, low, close, volume, factor_change; sorted.
    overridden
        Bars whose jump is real.

    Notes
    -----
    A ratio alone is no evidence, since prices collapse by any ratio: a jump has to be one of the whole bar (it does
    not trade between the levels), with the open, converted, within 5 % of the close before, or the volume within a
    factor of two of what it usually is times the inverse ratio. A fall with a surge of volume, or within five bars of
    another extreme move, is a collapse, however round. The way back from another unit needs the ratio alone.
    """
    before, change = previous("close"), pl.col("factor_change")
    move = (pl.col("close") * change / before).log()
    power = (move / math.log(10)).round()
    usual_volume = previous("volume").rolling_median(_RECENT, min_samples=1).over("symbol")
    jumps = (
        bars.with_columns(_overridden=overridden, _row=pl.int_range(pl.len()), _power=power, _move=move)
        .filter((pl.col("_power").abs() >= 2) & ((move - power * math.log(10)).abs() <= _UNIT_NEARNESS))
        .select("_row")
    )
    if jumps.is_empty():
        return pl.zeros(bars.height, dtype=pl.Boolean, eager=True)
    # Few bars jump so far, and only their symbols are looked at closely.
    some = bars.with_columns(_row=pl.int_range(pl.len()), _overridden=overridden).filter(
        pl.col("symbol").is_in(bars["symbol"][jumps["_row"]].unique().implode())
    )
    ratio = (pl.col("_power") * math.log(10)).exp()
    surge = pl.col("volume") / usual_volume
    some = some.with_columns(_power=power, _move=move).with_columns(
        is_jump=(pl.col("_power").abs() >= 2)
        & ((move - pl.col("_power") * math.log(10)).abs() <= _UNIT_NEARNESS)
        & ~pl.col("_overridden"),
        whole=pl.when(pl.col("_power") > 0)
        .then(pl.col("low") * change > before * ratio.sqrt())
        .otherwise(pl.col("high") * change < before * ratio.sqrt()),
        open_fits=(pl.col("open") * change / before / ratio).log().abs() <= _OPEN_NEARNESS,
        volume_fits=((surge * ratio).log().abs() <= math.log(2)).fill_null(False),
        surges=(surge > _SURGE).fill_null(False),
        falls=pl.any_horizontal((previous(move, lag).abs() > math.log(2)).fill_null(False) for lag in range(1, 6)),
    )
    collapse = (pl.col("_power") < 0) & (pl.col("falls") | (pl.col("surges") & ~pl.col("volume_fits")))
    evident = pl.col("whole") & (pl.col("open_fits") | pl.col("volume_fits")) & ~collapse
    return _in_another_unit(some.with_columns(evident=evident), bars.height)


def _in_another_unit(rows: pl.DataFrame, height: int) -> pl.Series:
    """Whether each of `height` bars is in another unit; `rows` are those of the symbols with jumps."""
    found = np.zeros(height, dtype=np.bool_)
    for part in rows.select("symbol", "_row", "is_jump", "evident", "_power").partition_by("symbol"):
        row, level = part["_row"].to_numpy(), 0.0
        jumps = part.with_row_index("_at").filter("is_jump")
        for at, evident, power in jumps.select("_at", "evident", "_power").iter_rows():
            is_back = level != 0 and abs(level + power) < abs(level)
            if evident or is_back:
                level += power
                found[row[at:]] = level != 0
    return pl.Series(found)


def volume_unit_breaks(bars: pl.DataFrame, quality: Quality) -> pl.Series:
    """Return bars whose median volume of the last 10 is many times, or a small part of, that of the 60 before."""
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
