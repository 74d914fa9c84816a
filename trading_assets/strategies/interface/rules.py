"""The interface of a strategy: what it looks at, when it enters, when it leaves.

A strategy is a module of two things: `Parameters` (a pydantic model) and `rules(parameters) -> Rules`.
Rules are Polars expressions over one symbol's rows in session order (columns of `features.indicators`,
`features.daily` and the adjusted prices of `market_data.bars`, plus `benchmark_roc_60` and, for
strategies on a model, `score`). An expression at row *t* may look back, never ahead; the look-ahead tests
hold every strategy to that. The engine turns what is true at the close of *t* into an order for the open of
the symbol's next session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import polars as pl

RELATIVE_STRENGTH = pl.col("roc_60") - pl.col("benchmark_roc_60")


#: Direction of the positions that an order-based strategy opens.
Side = Literal["long", "short"]


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
    entry - `raised_stop_atr` x ATR (never lowered again); of a short position it lowers it to entry + as much.
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
    side
        Side of all entries. `short` sells short: the stop is `stop_atr` x ATR above the fill, the weakest
        `relative_strength` ranks first, and borrowing is paid for (trading rules, section 3).

    Raises
    ------
    ValueError
        Another side.
    """

    eligible: pl.Expr
    triggers: tuple[Trigger, ...]
    exits: Mapping[str, pl.Expr] = field(default_factory=dict)
    exit: ExitRule | None = None
    exit_reason: str = "rule"
    relative_strength: pl.Expr = RELATIVE_STRENGTH
    rank_weights: tuple[float, float, float] | None = None
    model: str | None = None
    side: Side = "long"

    def __post_init__(self) -> None:
        if self.side not in get_args(Side):
            raise ValueError(f"side {self.side!r} is none of {', '.join(get_args(Side))}")

    @property
    def sign(self) -> int:
        """1 of a long position's quantity, -1 of a short one's."""
        return 1 if self.side == "long" else -1


@dataclass(frozen=True, kw_only=True)
class RemoteRules(Rules):
    """Rules that another process evaluates: their expressions here name the same columns and compute nothing.

    Attributes
    ----------
    evaluator
        Returns what `evaluate` does, from a panel.
    described
        The expressions as text, as `fingerprint.describe` has them.
    """

    evaluator: Callable[[pl.DataFrame], pl.DataFrame] = field(repr=False)
    described: Mapping[str, Any] = field(repr=False)


def columns_of(rules: Rules) -> set[str]:
    """Return columns that the expressions of a strategy name."""
    expressions = [rules.eligible, rules.relative_strength, *rules.exits.values()]
    expressions += [part for trigger in rules.triggers for part in (trigger.strength, trigger.rank)]
    return {name for expression in expressions for name in expression.meta.root_names()}


def evaluate(rules: Rules, panel: pl.DataFrame) -> pl.DataFrame:
    """Evaluate the rules at every row of a panel.

    Each expression runs over one symbol's rows in session order, so a shift never reaches another symbol.

    Returns
    -------
    polars.DataFrame
        symbol, session, eligible (false outside the universe), relative_strength, and by number of the
        trigger strength_0, rank_0, ...; by name of the exit exit_<name>.
    """
    if isinstance(rules, RemoteRules):
        return rules.evaluator(panel)
    columns = {"eligible": rules.eligible.fill_null(False), "relative_strength": rules.relative_strength}
    for number, trigger in enumerate(rules.triggers):
        columns |= {f"strength_{number}": trigger.strength, f"rank_{number}": trigger.rank}
    columns |= {f"exit_{name}": expression.fill_null(False) for name, expression in rules.exits.items()}
    return panel.select(
        "symbol",
        "session",
        "in_universe",
        *(expression.over("symbol").alias(name) for name, expression in columns.items()),
    ).with_columns(eligible=pl.col("eligible") & pl.col("in_universe"))


def exit_flags(rules: Rules, panel: pl.DataFrame) -> pl.DataFrame:
    """Return the exit signals of the rules at every row of a panel: one boolean column a name, null counts as false."""
    if isinstance(rules, RemoteRules):
        found = rules.evaluator(panel)
        return found.select(pl.col(f"exit_{name}").alias(name) for name in rules.exits)
    return panel.select(
        expression.fill_null(False).over("symbol").alias(name) for name, expression in rules.exits.items()
    )
