"""Other circumstances for the same strategy: dearer, later, with holes, with crashes, with random entries."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.arrays import Candidates, Flags, Integers, Targets


def stressed(
    prepared: PreparedBacktest, *, slippage: float = 1.0, fees: float = 1.0, borrow: float = 1.0, delay: int = 0
) -> PreparedBacktest:
    """Make costs dearer by a multiple, and every order `delay` sessions of its symbol later.

    Parameters
    ----------
    slippage, fees, borrow
        Multiples of slippage, of fees and of the cost of borrowing; 1 leaves them.
    delay
        Sessions by which every order fills later.
    """
    run_parameters = prepared.run_parameters.copy()
    run_parameters["slippage_multiplier"] *= slippage
    run_parameters["fee_multiplier"] *= fees
    run_parameters["borrow_multiplier"] *= borrow
    run_parameters["delay"] += delay
    return replace(prepared, run_parameters=run_parameters)


def with_crashes(prepared: PreparedBacktest, sessions: Sequence[dt.date]) -> PreparedBacktest:
    """Add flash crashes: sessions with five times the slippage on which every position is stopped out at its low."""
    crash = np.isin(np.array(prepared.axes.sessions, dtype="datetime64[D]"), np.array(sessions, dtype="datetime64[D]"))
    return replace(prepared, market=prepared.market._replace(crash=crash))


def postponed(targets: Targets, present: Flags) -> Targets:
    """Move rows to the next session on which their symbol, or both legs of their pair, have a bar."""
    sessions = np.repeat(np.arange(present.shape[0]), np.diff(targets.first))
    usable = present[:, targets.symbol]
    for pair_index in np.unique(targets.pair_index[targets.pair_index >= 0]):
        legs = np.flatnonzero(targets.pair_index == pair_index)
        usable[:, legs] = usable[:, legs].all(axis=1, keepdims=True)
    none = present.shape[0]
    at = np.where(usable, np.arange(none)[:, None], none)
    following = np.minimum.accumulate(at[::-1], axis=0)[::-1]
    return _decided(targets, following[sessions, targets.position_index], np.arange(targets.position_index.size), none)


def _decided(targets: Targets, sessions: Integers, rows: Integers, end: int) -> Targets:
    """Those rows, decided at these sessions instead; of two of a slot at one session the last; none from `end` on."""
    order = np.lexsort((np.arange(rows.size), targets.position_index[rows], sessions))
    t, position_index = sessions[order], targets.position_index[rows][order]
    kept = t < end
    kept[:-1] &= (t[1:] != t[:-1]) | (position_index[1:] != position_index[:-1])
    order = order[kept]
    # Within a session by group, then symbol, whichever symbol a slot has now.
    slots = targets.position_index[rows[order]]
    order = order[np.lexsort((targets.symbol[slots], targets.pair_index[slots], sessions[order]))]
    chosen = rows[order]
    return targets._replace(
        first=np.searchsorted(sessions[order], np.arange(targets.first.size)).astype(np.int64),
        position_index=targets.position_index[chosen],
        weight=targets.weight[chosen],
        eligible=targets.eligible[chosen],
        reason=targets.reason[chosen],
    )


def with_moved_targets(
    prepared: PreparedBacktest, start: dt.date, end: dt.date, *, shift: int, columns: Integers, members: Flags
) -> PreparedBacktest:
    """Move the target weights of a span to other sessions and other symbols.

    Parameters
    ----------
    prepared
        Backtest of a target-weight strategy.
    start, end
        What is decided in this span moves; the rest is left out.
    shift
        Sessions later; what moves beyond the end comes in at the beginning.
    columns
        (symbols,) a permutation: the column of the market that a symbol's weights go to. Pairs stay as they are.
    members
        (sessions, symbols) who is in the universe: elsewhere a position may not grow.

    Raises
    ------
    TypeError
        The strategy has entries, and no target weights.
    """
    targets, sessions = prepared.signals, prepared.axes.sessions
    if not isinstance(targets, Targets):
        raise TypeError(f"{prepared.name}: has no target weights to move")
    first, last = bisect_left(sessions, start), bisect_right(sessions, end)
    decided = np.repeat(np.arange(len(sessions)), np.diff(targets.first))
    rows = np.flatnonzero((decided >= first) & (decided < last))
    moved = first + (decided[rows] - first + shift) % max(last - first, 1)
    symbol = np.where(targets.pair_index < 0, columns[targets.symbol], targets.symbol)
    eligible = targets.eligible.copy()
    eligible[rows] = members[moved, symbol[targets.position_index[rows]]]
    placed = targets._replace(symbol=symbol, eligible=eligible)
    order = np.argsort(moved, kind="stable")
    return replace(
        prepared,
        signals=postponed(_decided(placed, moved[order], rows[order], len(sessions)), prepared.market.present),
    )


def with_entries(prepared: PreparedBacktest, rows: Integers, columns: Integers) -> PreparedBacktest:
    """Put candidates at exactly these sessions and symbols, eligible, all alike.

    Exits, stops, sizing and the portfolio's rules are the strategy's own. Pairs without a usable bar are left
    out. The one trigger is named ``random``; candidates of a session rank by diversification, then symbol.

    Parameters
    ----------
    prepared
        Backtest of an order-based strategy.
    rows, columns
        (candidates,) numbers of their sessions and symbols in the market.

    Raises
    ------
    TypeError
        The strategy is a target-weight one.
    """
    if isinstance(prepared.signals, Targets):
        raise TypeError(f"{prepared.name}: a target-weight strategy has no entries of its own to replace")
    usable = prepared.market.present[rows, columns]
    order = np.lexsort((columns[usable], rows[usable]))
    t, i = rows[usable][order].astype(np.int64), columns[usable][order].astype(np.int64)
    sessions = prepared.market.close.shape[0]
    candidates = Candidates(
        first=np.searchsorted(t, np.arange(sessions + 1)).astype(np.int64),
        symbol=i,
        eligible=np.ones(i.size, dtype=np.bool_),
        strength=np.ones((1, i.size)),
        rank=np.zeros((1, i.size)),
        relative_strength=np.zeros(i.size),
    )
    run_parameters = prepared.run_parameters.copy()
    run_parameters["threshold"] = np.nan
    run_parameters["threshold"][:, 0] = 0.0
    return replace(
        prepared,
        signals=prepared.signals._replace(candidates=candidates),
        run_parameters=run_parameters,
        names=replace(prepared.names, triggers=("random",)),
    )
