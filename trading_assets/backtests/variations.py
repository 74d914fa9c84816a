"""Other circumstances for the same strategy: dearer, later, with holes, with crashes, with random entries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trading_assets.backtests.context import StrategyMarket
from trading_assets.backtests.market import Candidates, Flags, Integers


def stressed(context: StrategyMarket, *, slippage: float = 1.0, fees: float = 1.0, delay: int = 0) -> StrategyMarket:
    """Slippage and fees by a multiple, and every order `delay` sessions of its symbol later."""
    trial = context.trial.copy()
    trial["slippage_multiplier"] *= slippage
    trial["fee_multiplier"] *= fees
    trial["delay"] += delay
    return replace(context, trial=trial)


def with_crashes(context: StrategyMarket, sessions: Sequence[dt.date]) -> StrategyMarket:
    """Flash crashes: on those sessions slippage is five times itself and every position is stopped out at its low."""
    crash = np.isin(np.array(context.grid.sessions, dtype="datetime64[D]"), np.array(sessions, dtype="datetime64[D]"))
    return replace(context, market=context.market._replace(crash=crash))


def without_bars(context: StrategyMarket, missing: Flags) -> StrategyMarket:
    """Drop bars: no fill, mark or signal on them. Indicators and returns of other sessions stay as they are.

    Parameters
    ----------
    missing
        (sessions, symbols), true where the bar is dropped.
    """
    market, candidates = context.market, context.signals.candidates
    rows = np.repeat(np.arange(missing.shape[0]), np.diff(candidates.first))
    kept = ~missing[rows, candidates.symbol]
    counts = np.bincount(rows[kept], minlength=missing.shape[0])
    fewer = Candidates(
        first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        symbol=candidates.symbol[kept],
        eligible=candidates.eligible[kept],
        strength=np.ascontiguousarray(candidates.strength[:, kept]),
        rank=np.ascontiguousarray(candidates.rank[:, kept]),
        relative_strength=candidates.relative_strength[kept],
    )
    holes = market._replace(
        present=market.present & ~missing,
        fillable=market.fillable & ~missing,
        low=np.where(missing, np.nan, market.low),
        open=np.where(missing, np.nan, market.open),
    )
    return replace(context, market=holes, signals=context.signals._replace(candidates=fewer))


def with_entries(context: StrategyMarket, rows: Integers, columns: Integers) -> StrategyMarket:
    """Candidates at exactly these sessions and symbols (rows and columns of the grid), eligible, all alike.

    Exits, stops, sizing and the portfolio's rules are the strategy's own. Pairs without a usable bar are left
    out. The one trigger is named ``random``; candidates of a session rank by diversification, then symbol.
    """
    usable = context.market.present[rows, columns]
    order = np.lexsort((columns[usable], rows[usable]))
    t, i = rows[usable][order].astype(np.int64), columns[usable][order].astype(np.int64)
    sessions = context.market.close.shape[0]
    candidates = Candidates(
        first=np.searchsorted(t, np.arange(sessions + 1)).astype(np.int64),
        symbol=i,
        eligible=np.ones(i.size, dtype=np.bool_),
        strength=np.ones((1, i.size)),
        rank=np.zeros((1, i.size)),
        relative_strength=np.zeros(i.size),
    )
    trial = context.trial.copy()
    trial["threshold"] = np.nan
    trial["threshold"][:, 0] = 0.0
    return replace(
        context,
        signals=context.signals._replace(candidates=candidates),
        trial=trial,
        names=replace(context.names, entries=("random",)),
    )
