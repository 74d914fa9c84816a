"""Labels by the barrier that is touched first (Lopez de Prado, Advances in Financial Machine Learning, 3.4)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.models import Barriers
from trading_assets.features.history import in_order
from trading_assets.features.indicators import indicators

Floats = NDArray[np.float64]
#: Daily returns that the unit `volatility` is the deviation of.
_WINDOW = 20


def triple_barrier_labels(bars: pl.DataFrame, horizon: int, barriers: Barriers, side: int = 1) -> pl.DataFrame:
    """Label each bar by what comes first after its next open: a price above, a price below, or the end of time.

    A decision at the close of *t* fills at open[t+1]. The label is 1 if a bar from t+1 to t+h is at or above the entry
    plus `upper` units before one is at or below the entry less `lower` units, 0 the other way round; a bar that opens
    beyond a barrier has touched it at its open, and one that reaches both has touched the lower one first. If neither
    is touched it is the sign of open[t+1+h] / open[t+1] - 1. Units are known at the close of *t*.

    A label counts as known when its time is up, at session t+1+h, its `label_end`, although a barrier that is touched
    tells it earlier: of the last sessions before a day only the labels of fast moves would be known by it, and these
    are others than all labels. A symbol that ends before has none.

    Of the short side all is the other way round: `upper` units below the entry come before `lower` units above it.

    Parameters
    ----------
    bars
        symbol, session, adj_open, adj_high, adj_low, adj_close, flags; each symbol from its first bar.
    horizon
        *h*, sessions after which time is up.
    barriers
        How far away they are, and in which unit.
    side
        1: bought at the entry; -1: sold short there.

    Returns
    -------
    polars.DataFrame
        One row a bar, by symbol and session: symbol, session, position (row number), label_end, relative_return (what
        the side earns from entry to exit, a fraction of the entry; of no benchmark), label (Int8), span (sessions that
        the label is alive).
        Null where undefined; span is 1 there.
    """
    rows = in_order(bars)
    unit = _unit(rows, horizon, barriers)
    # Of a short side prices are negative: what falls rises, the low of a bar is its highest price, and the rest is one.
    best, worst = ("adj_high", "adj_low") if side > 0 else ("adj_low", "adj_high")
    opens, highs, lows = (side * rows[name].cast(pl.Float64).to_numpy() for name in ("adj_open", best, worst))
    count = rows.height
    position = np.arange(count, dtype=np.int64)
    symbols = rows["symbol"].rle_id().to_numpy()
    last = np.searchsorted(symbols, symbols, side="right").astype(np.int64) - 1
    entry = np.where(position < last, opens[np.minimum(position + 1, count - 1)], np.nan) if count else opens
    upper, lower = entry + barriers.upper * unit, entry - barriers.lower * unit

    end, leave = np.full(count, -1, dtype=np.int64), np.full(count, np.nan)
    open_labels = np.flatnonzero(np.isfinite(entry) & np.isfinite(unit) & (unit > 0))
    for step in range(1, horizon + 1):
        open_labels = open_labels[open_labels + step <= last[open_labels]]
        at = open_labels + step
        above, below = upper[open_labels], lower[open_labels]
        gap_up, gap_down = opens[at] >= above, opens[at] <= below
        down = gap_down | (~gap_up & (lows[at] <= below))
        up = ~down & (gap_up | (highs[at] >= above))
        end[open_labels[up | down]] = at[up | down]
        leave[open_labels[up]] = np.where(gap_up, opens[at], above)[up]
        leave[open_labels[down]] = np.where(gap_down, opens[at], below)[down]
        open_labels = open_labels[~(up | down)]
    in_time = open_labels[open_labels + horizon + 1 <= last[open_labels]]
    end[in_time], leave[in_time] = in_time + horizon + 1, opens[in_time + horizon + 1]

    timed_out = position + horizon + 1
    is_known = (end >= 0) & (timed_out <= last)
    known = pl.Series(is_known)
    returns = pl.Series(side * (leave / entry - 1)) if count else pl.Series([], dtype=pl.Float64)
    return rows.select("symbol", "session").with_columns(
        position=pl.Series(position),
        label_end=pl.when(known).then(rows["session"].gather(np.where(is_known, timed_out, 0))),
        relative_return=pl.when(known).then(returns),
        label=pl.when(known).then((returns > 0).cast(pl.Int8)),
        span=pl.Series(np.where(is_known, end - position, 1)),
    )


def _unit(rows: pl.DataFrame, horizon: int, barriers: Barriers) -> Floats:
    """(rows,) in prices, known at each close; NaN where it is not."""
    if barriers.unit == "atr":
        known = indicators(rows, {"atr_14"}).select("symbol", "session", unit="atr_14")
        found = rows.select("symbol", "session").join(
            known, on=["symbol", "session"], how="left", maintain_order="left"
        )
    else:
        close = pl.col("adj_close")
        deviation = (close / close.shift(1) - 1).rolling_std(_WINDOW).over("symbol")
        found = rows.select(unit=deviation * close * np.sqrt(horizon))
    return found["unit"].fill_null(float("nan")).to_numpy()
