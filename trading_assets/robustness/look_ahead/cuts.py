"""Past closes at which the look-ahead audit tries: drawn by the bars, so that nobody chooses them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from trading_assets.backtests.inputs.data_hash import data_hash
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot


def seed_of(whole: MarketSnapshot) -> int:
    """Return the seed of the cuts and of the noise: a number that the bars decide, and nobody chooses.

    With the seed of the configuration, or the strategy's name, somebody could try one after the other until no cut
    falls where the strategy knows the future.
    """
    last = whole.days.max()
    if not isinstance(last, dt.date):
        return 0
    symbols = {symbol for bars in whole.bars_in_parts() for symbol in bars["symbol"].unique()}
    return int(data_hash(_Bars(whole), sorted(symbols), last)[:16], 16)


class _Bars:
    """All bars, gone through again and again."""

    def __init__(self, whole: MarketSnapshot) -> None:
        self._whole = whole

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return self._whole.bars_in_parts()


def cuts_of(
    days: pl.Series,
    count: int,
    seed: int,
    *,
    first_decision: dt.date,
    fills: Collection[dt.date],
    scores: Collection[pl.DataFrame],
) -> list[dt.date]:
    """Return half of them anywhere since the first decision, half on the eve of a fill; and the start of every fold.

    Parameters
    ----------
    days
        Sessions with a bar, ascending.
    count, seed
        How many are drawn, and by what, see `seed_of`.
    first_decision
        First session at which the strategy could decide.
    fills
        Sessions with a fill.
    scores
        symbol, session, fold, score of each of its models.
    """
    sessions = days.filter(days >= first_decision).to_list()
    generator = np.random.Generator(np.random.PCG64(seed))
    eves = [before for before, session in pairwise(sessions) if session in fills]
    drawn = _draws(generator, sessions, eves, min(count, len(sessions)))
    folds = [each.group_by("fold").agg(pl.col("session").min())["session"] for each in scores]
    return sorted({*drawn, *(start for starts in folds for start in starts if start >= sessions[0])})


def _draws(
    generator: np.random.Generator, sessions: Sequence[dt.date], eves: Sequence[dt.date], count: int
) -> set[dt.date]:
    found: set[dt.date] = set()
    while len(found) < count:
        anywhere = sessions[int(generator.integers(len(sessions)))]
        eve = eves[int(generator.integers(len(eves)))] if eves else anywhere
        found |= {anywhere, eve} if len(found) + 1 < count else {anywhere}
    return found
