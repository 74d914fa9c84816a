"""The interface of a strategy: what it looks at, when it enters, when it leaves.

A strategy is a module of two things: `Parameters` (a pydantic model) and `rules(parameters) -> Rules`.
Rules are Polars expressions over one symbol's rows in session order (columns of `features.indicators`,
`features.daily` and the adjusted prices of `market_data.bars`, plus `benchmark_roc_60` and, for
strategies on a model, `score`). An expression at row *t* may look back, never ahead; the look-ahead tests
hold every strategy to that. The engine turns what is true at the close of *t* into an order for the open of
the symbol's next session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

RELATIVE_STRENGTH = pl.col("roc_60") - pl.col("benchmark_roc_60")


@dataclass(frozen=True)
class Trigger:
    """A reason to enter: it fires at the close of a session where `strength >= threshold`.

    The threshold is kept apart from the expression so that a sweep over thresholds computes the
    expression once.
    """

    name: str
    strength: pl.Expr
    threshold: float
    rank: pl.Expr


@dataclass(frozen=True)
class ExitRule:
    """Which exit signal closes a position, and which one first raises its stop.

    With `raise_stop_on`, the first session on which that signal is true raises the stop to
    entry - `raised_stop_atr` x ATR (never lowered again).
    """

    signal: str
    raise_stop_on: str | None = None
    raised_stop_atr: float = 0.0


@dataclass(frozen=True)
class Rules:
    """An order-based strategy.

    Parameters
    ----------
    eligible
        Boolean expression; null counts as false.
    triggers
        In rising priority: if several fire, the last one labels the trade.
    exits
        Boolean expressions by name, evaluated at each close.
    exit
        Which of them closes a position; None leaves only by stop or `max_hold`.
    exit_reason
        Recorded on a trade that `exit` closed.
    rank_weights
        Weights of trigger rank, relative strength and diversification in the queue score;
        None takes those of the risk section.
    model
        Name of the model whose out-of-sample `score` the expressions use.
    """

    eligible: pl.Expr
    triggers: tuple[Trigger, ...]
    exits: Mapping[str, pl.Expr] = field(default_factory=dict)
    exit: ExitRule | None = None
    exit_reason: str = "rule"
    relative_strength: pl.Expr = RELATIVE_STRENGTH
    rank_weights: tuple[float, float, float] | None = None
    model: str | None = None
