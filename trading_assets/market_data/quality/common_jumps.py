"""Whether part of a market changed its currency or unit overnight: two groups of moves, and nothing between them.

That many symbols moved alike is what markets do: on a bad day of a market of correlation 0.9 half of the moves lie
within a percent of each other. A change of currency is told by the symbols that it left where they were.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.quality import Quality
from trading_assets.market_data.bar_windows import previous, usual_moves

_MARKET = ("asset_class", "session")
#: Distance between the medians of two groups, in interquartile ranges of the wider one, that makes them two.
SEPARATION = 5.0
#: Part of that distance in which at most a twentieth of either group lies.
_EMPTY = 0.65
#: Fewest symbols that did not jump, and the least share of them: without witnesses it is a move of the market.
_FEWEST_WITNESSES, _WITNESSES = 5, 0.1
#: A symbol that usually moves less than this part of what the group does (a pegged coin, a bond) is no witness, and one
#: whose usual move is not known yet is none either.
_COMPARABLE = 1 / 3


class CommonJumps(NamedTuple):
    """What was found.

    Attributes
    ----------
    found
        (bars,), Boolean: bars of the group that jumped.
    evidence
        session, line: one sentence about each session, in order.
    """

    found: pl.Series
    evidence: pl.DataFrame


def common_jumps(bars: pl.DataFrame, quality: Quality) -> CommonJumps:
    """Find symbols that moved by one ratio together while the others did not.

    Parameters
    ----------
    bars
        symbol, asset_class, session, close, factor_change; sorted by symbol and session.
    quality
        `jump`, `jump_share`, `fewest_symbols`.
    """
    move = (pl.col("close") * pl.col("factor_change") / previous("close")).log()
    moves = bars.select(*_MARKET, move=move).with_row_index("row").drop_nulls("move")
    is_far = pl.col("move").abs() > math.log1p(quality.jump)
    sizes = moves.group_by(_MARKET).agg(symbols=pl.len(), far=is_far.sum())
    # In few sessions do so many symbols move so far, and only they are looked at closely.
    busy = sizes.filter(
        pl.col("far") >= quality.fewest_symbols,
        pl.col("far") >= quality.jump_share * pl.col("symbols"),
        pl.col("symbols") >= quality.fewest_symbols + _FEWEST_WITNESSES,
    )
    found, lines = np.zeros(bars.height, dtype=np.bool_), []
    near = moves.join(busy.select(*_MARKET), on=list(_MARKET), how="semi", maintain_order="left")
    for (_, session), part in near.sort(*_MARKET, "row").group_by(_MARKET, maintain_order=True):
        values = part["move"].to_numpy()
        group = shifted_group(values, quality)
        if group is None:
            continue
        rows = part["row"].to_numpy().astype(np.int64)
        if _witnesses(usual_moves(bars, rows, move), group) < _least_witnesses(len(values)):
            continue
        found[rows[group]] = True
        lines.append((session, _line(values, group)))
    schema = {"session": pl.Date, "line": pl.String}
    return CommonJumps(pl.Series(found), pl.DataFrame(lines, schema=schema, orient="row").sort("session"))


def shifted_group(moves: NDArray[np.float64], quality: Quality) -> NDArray[np.bool_] | None:
    """Return which of a session's moves are those of a group that jumped away from the others; None: there is none.

    Parameters
    ----------
    moves
        (symbols,), log moves of one session.

    Notes
    -----
    For every cut of the sorted moves: the medians of the two sides are more than `quality.jump` apart and
    `SEPARATION` interquartile ranges of the wider side, and two thirds of the way between them are empty
    but for a twentieth of each. No single-peaked distribution has such a cut; sampling leaves less than one in 100,000
    sessions (docs/data-quality.md has the measurement).
    """
    n, order = len(moves), np.argsort(moves, kind="stable")
    least = max(quality.fewest_symbols, math.ceil(quality.jump_share * n))
    rest = _least_witnesses(n)
    sizes = np.arange(min(least, rest), n - min(least, rest) + 1)  # of the lower side
    if n < least + rest:
        return None
    values = moves[order]

    def quantile(first: NDArray[np.int64], size: NDArray[np.int64], part: float) -> NDArray[np.float64]:
        return np.asarray(values[first + np.rint(part * (size - 1)).astype(np.int64)])

    start, other = np.zeros_like(sizes), n - sizes
    low, high = quantile(start, sizes, 0.5), quantile(sizes, other, 0.5)
    width = np.maximum(
        quantile(start, sizes, 0.75) - quantile(start, sizes, 0.25),
        quantile(sizes, other, 0.75) - quantile(sizes, other, 0.25),
    )
    distance = high - low
    empty = quantile(sizes, other, 0.05) - quantile(start, sizes, 0.95)
    upper_jumped = np.abs(high) > np.abs(low)
    jumped = np.where(upper_jumped, other, sizes)
    is_two = (
        (jumped >= least)
        & (n - jumped >= rest)
        & (np.maximum(np.abs(high), np.abs(low)) > math.log1p(quality.jump))
        & (distance > math.log1p(quality.jump))
        & (distance > SEPARATION * width)
        & (empty > _EMPTY * distance)
    )
    if not is_two.any():
        return None
    best = int(np.flatnonzero(is_two)[np.argmax(empty[is_two])])
    group = np.zeros(n, dtype=np.bool_)
    group[order[sizes[best] :] if upper_jumped[best] else order[: sizes[best]]] = True
    return group


def _least_witnesses(symbols: int) -> int:
    return max(_FEWEST_WITNESSES, math.ceil(_WITNESSES * symbols))


def _witnesses(usual: NDArray[np.float64], group: NDArray[np.bool_]) -> int:
    """How many symbols outside the group are known to move usually about as far as those of the group."""
    known = usual[group][np.isfinite(usual[group])]
    return int((usual[~group] >= _COMPARABLE * np.median(known)).sum()) if len(known) else 0


def _line(moves: NDArray[np.float64], group: NDArray[np.bool_]) -> str:
    inside, outside = moves[group], moves[~group]
    quarter, three_quarters = np.exp(np.quantile(inside, [0.25, 0.75]))
    return (
        f"{len(inside)} of {len(moves)} symbols at x {np.exp(np.median(inside)):.4g} of their closes before "
        f"(half of them from x {quarter:.4g} to {three_quarters:.4g}), the other {len(outside)} at "
        f"x {np.exp(np.median(outside)):.4g}, and hardly one between"
    )
