"""The equal-weight daily returns of a universe: what tells it from others, whatever its symbols are called.

Prices that are rescaled, symbols that are renamed, one more or half of them: the mean of the returns stays nearly the
same. So two universes are compared by the correlation of these means where both have sessions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

SCHEMA = {"session": pl.Date, "value": pl.Float64}
#: Sessions before the first one that was evaluated whose returns are kept too: a span of a few sessions alone would
#: be too short for a correlation.
SESSIONS_BEFORE = 60
#: Fewer common moves than this say nothing.
LEAST_MOVES = 20
#: A single return beyond this, of a damaged bar for example, shall not decide the mean of a universe.
LARGEST_RETURN = 0.5
#: Moves that one universe may be ahead of the other: a copy whose dates are shifted by up to a week, or another time
#: zone.
LAGS = (0, *(sign * moves for moves in range(1, 6) for sign in (1, -1)))
_DIGITS = 10


def equal_weight_returns(
    bars: Iterable[pl.DataFrame], symbols: Sequence[str], start: dt.date, end: dt.date
) -> pl.DataFrame:
    """Return the mean daily return of a universe from 60 sessions before `start` up to `end`.

    Parameters
    ----------
    bars
        symbol, session, adj_close, all of some symbols at a time; rows of other symbols do no harm.
    symbols
        Symbols of the universe; each counts the same from its second bar on.

    Returns
    -------
    DataFrame
        session, value (fraction, rounded, so that the order of symbols does not show); ascending, empty without bars.
    """
    parts = [_moves(rows, symbols, end) for rows in bars]
    matrices = [part for part in parts if part.width > 1]
    if not matrices:
        return pl.DataFrame(schema=SCHEMA)
    sessions = pl.concat(part.select("session") for part in matrices).unique().sort("session")
    values = np.empty((sessions.height, sum(part.width - 1 for part in matrices)), order="F")
    first = 0
    for part in matrices:
        rows = sessions.join(part, on="session", how="left", maintain_order="left").drop("session")
        values[:, first : first + rows.width] = rows.fill_null(np.nan).to_numpy()
        first += rows.width
    values.sort(axis=1)  # the sum of floats depends on their order, and names must not
    means = pl.Series("value", np.round(np.nanmean(values, axis=1), _DIGITS))
    found = pl.DataFrame([sessions["session"], means]).cast(pl.Schema(SCHEMA))
    before = found.filter(pl.col("session") < start).tail(SESSIONS_BEFORE)
    return pl.concat([before, found.filter(pl.col("session") >= start)])


def _moves(bars: pl.DataFrame, symbols: Sequence[str], end: dt.date) -> pl.DataFrame:
    """Return session, and a column of daily returns for each symbol that has any."""
    own = bars.filter(pl.col("symbol").is_in(sorted(set(symbols))), pl.col("session") <= end)
    own = own.select("symbol", "session", "adj_close").sort("symbol", "session")
    moves = own.with_columns(move=pl.col("adj_close") / pl.col("adj_close").shift(1).over("symbol") - 1)
    moves = moves.with_columns(pl.col("move").clip(-LARGEST_RETURN, LARGEST_RETURN))
    return moves.filter(pl.col("move").is_finite()).pivot("symbol", index="session", values="move")


def correlation(own: pl.DataFrame, other: pl.DataFrame, start: dt.date, end: dt.date) -> float | None:
    """Return the correlation of two universes' returns within a span, the largest in size over lags of up to 5 moves.

    Where there are fewer than 20 common moves in the span, the last 60 up to its end are compared.

    Parameters
    ----------
    own, other
        See `equal_weight_returns`. Between common sessions returns are compounded, so calendars may differ.
    start, end
        Both inclusive.

    Returns
    -------
    float or None
        From -1 to 1; None with fewer than 20 common moves, or where one of the two does not move.

    Examples
    --------
    A universe, and one that loses whatever the first one earns.

    >>> sessions = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 2, 9), eager=True).alias("session")
    >>> moves = np.log1p(0.01 * np.sin(np.arange(sessions.len())))
    >>> own, other = (pl.DataFrame([sessions, pl.Series("value", np.expm1(each))]) for each in (moves, -moves))
    >>> round(correlation(own, other, sessions[0], sessions[-1]), 4)
    -1.0
    """
    common = _levels(own).join(_levels(other), on="session", suffix="_other").sort("session")
    moves = common.select("session", pl.col("level").diff(), pl.col("level_other").diff()).slice(1)
    moves = moves.filter(pl.col("session") <= end)
    within = moves.filter(pl.col("session") >= start)
    compared = within if within.height >= LEAST_MOVES else moves.tail(SESSIONS_BEFORE)
    one, two = compared["level"].to_numpy(), compared["level_other"].to_numpy()
    found = [each for lag in LAGS if (each := _pearson(one[max(lag, 0) :], two[max(-lag, 0) :])) is not None]
    return max(found, key=abs, default=None)


def _levels(returns: pl.DataFrame) -> pl.DataFrame:
    return returns.select("session", level=pl.col("value").log1p().cum_sum())


def _pearson(one: NDArray[np.float64], two: NDArray[np.float64]) -> float | None:
    size = min(one.size, two.size)
    one, two = one[:size], two[:size]
    if size < LEAST_MOVES or np.ptp(one) < 1e-12 or np.ptp(two) < 1e-12:
        return None
    return float(np.corrcoef(one, two)[0, 1])
