"""Other circumstances for the same strategy: dearer, later, with holes, with crashes, with random entries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trading_assets.backtests.context import StrategyMarket
from trading_assets.backtests.market import Candidates, Flags, Integers, Targets


def stressed(
    context: StrategyMarket, *, slippage: float = 1.0, fees: float = 1.0, borrow: float = 1.0, delay: int = 0
) -> StrategyMarket:
    """Slippage, fees and the cost of borrowing by a multiple, and every order `delay` sessions of its symbol later."""
    trial = context.trial.copy()
    trial["slippage_multiplier"] *= slippage
    trial["fee_multiplier"] *= fees
    trial["borrow_multiplier"] *= borrow
    trial["delay"] += delay
    return replace(context, trial=trial)


def with_crashes(context: StrategyMarket, sessions: Sequence[dt.date]) -> StrategyMarket:
    """Flash crashes: on those sessions slippage is five times itself and every position is stopped out at its low."""
    crash = np.isin(np.array(context.grid.sessions, dtype="datetime64[D]"), np.array(sessions, dtype="datetime64[D]"))
    return replace(context, market=context.market._replace(crash=crash))


def without_bars(context: StrategyMarket, missing: Flags) -> StrategyMarket:
    """Drop bars: no fill, mark or signal on them. Indicators and returns of other sessions stay as they are.

    A target weight decided on a dropped bar is decided on the next one instead, both legs of a pair together, unless
    the strategy has decided anew by then.

    Parameters
    ----------
    missing
        (sessions, symbols), true where the bar is dropped.
    """
    market, signals = context.market, context.signals
    present = market.present & ~missing
    holes = market._replace(
        present=present,
        fillable=market.fillable & ~missing,
        low=np.where(missing, np.nan, market.low),
        open=np.where(missing, np.nan, market.open),
    )
    if isinstance(signals, Targets):
        return replace(context, market=holes, signals=_postponed(signals, present))
    fewer = _without(signals.candidates, missing)
    return replace(context, market=holes, signals=signals._replace(candidates=fewer))


def _without(candidates: Candidates, missing: Flags) -> Candidates:
    rows = np.repeat(np.arange(missing.shape[0]), np.diff(candidates.first))
    kept = ~missing[rows, candidates.symbol]
    counts = np.bincount(rows[kept], minlength=missing.shape[0])
    return Candidates(
        first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        symbol=candidates.symbol[kept],
        eligible=candidates.eligible[kept],
        strength=np.ascontiguousarray(candidates.strength[:, kept]),
        rank=np.ascontiguousarray(candidates.rank[:, kept]),
        relative_strength=candidates.relative_strength[kept],
    )


def _postponed(targets: Targets, present: Flags) -> Targets:
    """Move rows to the next session on which their symbol, or both legs of their pair, have a bar."""
    sessions = np.repeat(np.arange(present.shape[0]), np.diff(targets.first))
    rows: dict[tuple[int, int], int] = {}
    for row, (t, slot) in enumerate(zip(sessions, targets.slot, strict=True)):
        group = targets.group[slot]
        legs = targets.symbol[targets.group == group] if group >= 0 else targets.symbol[slot : slot + 1]
        usable = present[t:, legs].all(axis=1)
        if usable.any():
            rows[int(t + np.argmax(usable)), int(slot)] = row  # of two at one session, the one decided last
    places = sorted(rows)
    kept = np.array([rows[place] for place in places], dtype=np.int64)
    return targets._replace(
        first=np.searchsorted([t for t, _ in places], np.arange(present.shape[0] + 1)).astype(np.int64),
        slot=targets.slot[kept],
        weight=targets.weight[kept],
        eligible=targets.eligible[kept],
        reason=targets.reason[kept],
    )


def with_entries(context: StrategyMarket, rows: Integers, columns: Integers) -> StrategyMarket:
    """Candidates at exactly these sessions and symbols (rows and columns of the grid), eligible, all alike.

    Exits, stops, sizing and the portfolio's rules are the strategy's own. Pairs without a usable bar are left
    out. The one trigger is named ``random``; candidates of a session rank by diversification, then symbol.

    Raises
    ------
    TypeError
        The strategy is a target-weight one.
    """
    if isinstance(context.signals, Targets):
        raise TypeError(f"{context.name}: a target-weight strategy has no entries of its own to replace")
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
        names=replace(context.names, triggers=("random",)),
    )
