"""Moves too far to be believed at once: the next bar decides what they were."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.quality import Quality
from trading_assets.market_data.adjustment import FACTOR_COLUMNS, with_factor_change
from trading_assets.market_data.bar_windows import following, previous, usual_moves
from trading_assets.market_data.quality.rules import HALF_ADJUSTED, SPLIT_SUSPECT

#: Price ratios of ordinary splits, either way: 3-for-2, and 2 to 10 for 1.
_SPLIT_MOVES = np.log([1.5, *range(2, 11)])
#: How near to such a ratio the open of a whole bar is: the market moves between the open and the close.
_OPEN_NEARNESS = 0.05
#: Ratios at which an open alone looks like a split without a record (trading rules, section 6), either way.
_SUSPECT_RATIOS = tuple(ratio for n in (1.5, 2.0, 3.0, 4.0, 5.0, 10.0) for ratio in (n, 1 / n))


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
    split_suspect
        The open is at the ratio of a split from the close before; extreme, too, or a spike.
    """

    extreme: pl.Series
    spike: pl.Series
    half_adjusted: pl.Series
    split_suspect: pl.Series


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
    one after the other, and what follows is measured again. What came before was decided when its next bar came, and
    stays: that this next bar was a spike is known a bar later.

    A move counts from the last received close that is sound, however long ago that was. In an asset class with an
    `extreme_multiple` it is extreme only if it is besides as many times the symbol's usual one (where 20 moves tell).
    """
    extreme, spike, whole, suspect = (np.zeros(received.height, dtype=np.bool_) for _ in range(4))
    settled = overridden.to_numpy().copy()
    left = received.with_row_index("_place")
    while True:
        moves = _moves(left, quality)
        moves = moves.filter(~pl.Series(settled[moves["_place"].to_numpy()]))
        found = moves.filter("back").unique("symbol", keep="first", maintain_order=True)
        # A symbol without one is done, and so is what came before it; the rest is measured again.
        again = pl.col("symbol").is_in(found["symbol"].implode())
        moves = moves.join(found.select("symbol", _spike="_place"), on="symbol", how="left", maintain_order="left")
        done = moves.filter((pl.col("_place") < pl.col("_spike")).fill_null(True))
        extreme[done["_place"].to_numpy()] = True
        suspect[done.filter("suspect")["_place"].to_numpy()] = True
        settled[done["_place"].to_numpy()] = True
        if found.is_empty():
            return Moves(*map(pl.Series, (extreme, spike, whole, suspect)))
        is_whole = ~pl.col("far") & pl.col("whole")
        spike[found.filter(~is_whole)["_place"].to_numpy()] = True
        whole[found.filter(is_whole)["_place"].to_numpy()] = True
        settled[found["next"].to_numpy()] = True  # the way back from a spike is no extreme move itself
        left = left.filter(again, ~pl.col("_place").is_in(found["_place"].implode()))
        left = with_factor_change(left.drop(FACTOR_COLUMNS), actions)


def _moves(bars: pl.DataFrame, quality: Quality) -> pl.DataFrame:
    """Rows too far from the bar before: _place, symbol, `far`, `whole` and `suspect` (bars like a split, and opens),
    `back` with the next, `next`."""
    close, before = pl.col("close") * pl.col("factor_change"), previous("close")
    rows = bars.select(
        "_place",
        "symbol",
        "asset_class",
        close_move=close / before,
        open_move=pl.col("open") * pl.col("factor_change") / before,
        next_move=following(close) * pl.col("factor_change") / before,
        next=following("_place"),
        row=pl.int_range(pl.len()).cast(pl.Int64),
    )
    # Few bars move so far, and only they are looked at closely.
    nearest = float(_SPLIT_MOVES[0]) - max(quality.half_adjusted, quality.split_suspect / (1 - quality.split_suspect))
    rows = rows.filter(
        ((pl.col("close_move") - 1).abs() > quality.extreme_move)
        | (pl.col("close_move").log().abs() >= nearest)
        | (pl.col("open_move").log().abs() >= nearest)
    )
    usual = _usual(bars, rows, quality)
    looks_for_splits = quality.severity_of(HALF_ADJUSTED.name) != "off"
    suspects = quality.severity_of(SPLIT_SUSPECT.name) != "off"
    return rows.with_columns(
        far=((pl.col("close_move") - 1).abs() > quality.extreme_move)
        & (pl.col("close_move").log().abs() > pl.Series(usual)),
        whole=_like_a_split(pl.col("open_move"), pl.col("close_move"), quality.half_adjusted) & looks_for_splits,
        suspect=pl.any_horizontal(
            (pl.col("open_move") / ratio - 1).abs() <= quality.split_suspect for ratio in _SUSPECT_RATIOS
        )
        & suspects,
        back=((pl.col("next_move") - 1).abs() <= quality.spike_return).fill_null(False),
    ).filter(pl.col("far") | pl.col("whole") | pl.col("suspect"))


def _usual(bars: pl.DataFrame, rows: pl.DataFrame, quality: Quality) -> NDArray[np.float64]:
    """The log move that an extreme one exceeds: a multiple of the symbol's usual one, 0 where there is no such rule."""
    multiple = rows["asset_class"].replace_strict(dict(quality.extreme_multiple), default=0.0, return_dtype=pl.Float64)
    limits, asked = np.zeros(rows.height), np.flatnonzero(multiple.to_numpy() > 0)
    move = (pl.col("close") * pl.col("factor_change") / previous("close")).log()
    usual = usual_moves(bars, rows["row"].to_numpy()[asked], move)
    limits[asked] = np.nan_to_num(multiple.to_numpy()[asked] * usual)
    return limits


def _like_a_split(open_move: pl.Expr, close_move: pl.Expr, nearness: float) -> pl.Expr:
    """Both are off by one ratio of an ordinary split, down or up."""
    return pl.any_horizontal(
        ((close_move.log() - sign * ratio).abs() <= nearness)
        & ((open_move.log() - sign * ratio).abs() <= _OPEN_NEARNESS)
        for ratio in _SPLIT_MOVES
        for sign in (-1.0, 1.0)
    )
