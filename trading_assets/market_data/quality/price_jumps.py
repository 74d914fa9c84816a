"""Moves too far to be believed at once: the next bar decides what they were."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from trading_assets.config.quality import Quality
from trading_assets.market_data.adjustment import FACTOR_COLUMNS, with_factor_change
from trading_assets.market_data.bar_windows import following, previous
from trading_assets.market_data.quality.rules import HALF_ADJUSTED

#: Price ratios of ordinary splits, either way: 3-for-2, and 2 to 10 for 1.
_SPLIT_MOVES = np.log([1.5, *range(2, 11)])
#: How near to such a ratio the open is: the market moves between the open and the close.
_OPEN_NEARNESS = 0.05


class Moves(NamedTuple):
    """By row of the bars, Boolean.

    Attributes
    ----------
    extreme
        Not taken back by the next bar, or not yet.
    spike
        Extreme, and taken back: the bar is at fault.
    half_adjusted
        No extreme move, but open and close are off by the ratio of an ordinary split, and the next close is not.
    """

    extreme: pl.Series
    spike: pl.Series
    half_adjusted: pl.Series


def extreme_moves(received: pl.DataFrame, quality: Quality, overridden: pl.Series, actions: pl.DataFrame) -> Moves:
    """Extreme moves, and whole bars off by the ratio of a split.

    Parameters
    ----------
    received
        Bars sorted by symbol and session, with the columns of `with_factor_change`.
    overridden
        Bars whose move is real.
    actions
        On record, of `corporate_actions.read_actions`.

    Notes
    -----
    A spike is a reference for nothing after it, its adjusted close included: each symbol's spikes are taken out
    one after the other, and what follows is measured again.
    """
    extreme, spike, split = (np.zeros(received.height, dtype=np.bool_) for _ in range(3))
    settled = overridden.to_numpy().copy()
    left = received.with_row_index("_place")
    while True:
        moves = _moves(left, quality)
        moves = moves.filter(~pl.Series(settled[moves["_place"].to_numpy()]))
        found = moves.filter("back").unique("symbol", keep="first", maintain_order=True)
        # A symbol without one is done; the others are measured again.
        again = pl.col("symbol").is_in(found["symbol"].implode())
        extreme[moves.filter(~again)["_place"].to_numpy()] = True
        if found.is_empty():
            return Moves(pl.Series(extreme), pl.Series(spike), pl.Series(split))
        spike[found.filter("far")["_place"].to_numpy()] = True
        split[found.filter(~pl.col("far"))["_place"].to_numpy()] = True
        settled[found["next"].to_numpy()] = True  # the way back from a spike is no extreme move itself
        left = left.filter(again, ~pl.col("_place").is_in(found["_place"].implode()))
        left = with_factor_change(left.drop(FACTOR_COLUMNS), actions)


def _moves(bars: pl.DataFrame, quality: Quality) -> pl.DataFrame:
    """Rows too far from the bar before: _place, symbol, `far` (else like a split), `back` with the next, `next`."""
    close = pl.col("close") * pl.col("factor_change")
    rows = bars.select(
        "_place",
        "symbol",
        close_move=close / previous("close"),
        open_move=pl.col("open") * pl.col("factor_change") / previous("close"),
        next_move=following(close) * pl.col("factor_change") / previous("close"),
        next=following("_place"),
    )
    # Few bars move so far, and only they are looked at closely.
    rows = rows.filter(
        ((pl.col("close_move") - 1).abs() > quality.extreme_move)
        | (pl.col("close_move").log().abs() >= _SPLIT_MOVES[0] - quality.half_adjusted)
    )
    looks_for_splits = quality.severity_of(HALF_ADJUSTED.name) != "off"
    return rows.with_columns(
        far=(pl.col("close_move") - 1).abs() > quality.extreme_move,
        split=_like_a_split(pl.col("open_move"), pl.col("close_move"), quality.half_adjusted) & looks_for_splits,
        back=((pl.col("next_move") - 1).abs() <= quality.spike_return).fill_null(False),
    ).filter(pl.col("far") | pl.col("split"))


def _like_a_split(open_move: pl.Expr, close_move: pl.Expr, nearness: float) -> pl.Expr:
    """Both are off by one ratio of an ordinary split, down or up."""
    return pl.any_horizontal(
        ((close_move.log() - sign * ratio).abs() <= nearness)
        & ((open_move.log() - sign * ratio).abs() <= _OPEN_NEARNESS)
        for ratio in _SPLIT_MOVES
        for sign in (-1.0, 1.0)
    )
