"""Other strategies of the configuration, weighed by what they earned in each regime (trading rules, section 3.3).

The weights are those of Hedge (Freund and Schapire, Journal of Computer and System Sciences 55 (1997)) with a fixed
share (Herbster and Warmuth, Machine Learning 32 (1998)): multiplied by the exponential of each return, then mixed with
equal weights, so that who was best long ago can be overtaken. Cash is an expert among them, which earns nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, field_validator

from trading_assets.config.sections import Fraction, NonNegative, Positive
from trading_assets.config.strategies import TargetWeightParameters
from trading_assets.models.regime_numbers import NUMBERS_PER_REGIME
from trading_assets.strategies.interface.target_weights import OF_REGIME

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "ensemble"

#: Rows are changes: a position stays until the next row of its own.
holds_what_is_not_named = True

Floats = NDArray[np.float64]

#: Sessions from a decision to the open at which its first return is known: in at the next open, out at the one after.
LAG = 2
PERIODS = {"day": "1d", "week": "1w", "month": "1mo"}


class MemberParameters(TargetWeightParameters):
    """Whose weights are traded, and what their paper trades cost."""

    capacity: float = Field(default=0.005, gt=0, le=1)
    members: list[str] = Field(min_length=1, description="names of other strategies of the configuration")
    cost_bps: NonNegative = Field(default=10.0, description="cost of the members' paper trades, of their turnover")

    @field_validator("members")
    @classmethod
    def _once_each(cls, members: list[str]) -> list[str]:
        if len(set(members)) < len(members):
            raise ValueError("a strategy is a member once")
        return members


class Parameters(MemberParameters):
    """Who is weighed, how fast, and how often the weights are set anew.

    About ``sqrt(8 ln N / T) / range`` is the learning rate with the least regret: 17 for four experts, a memory of 100
    sessions (1 / `fixed_share`) and returns of a session within 2 %.
    """

    learning_rate: Positive = Field(default=17.0, description="exponent by unit of return")
    fixed_share: Fraction = Field(default=0.01, description="part that is spread over all experts each session")
    rebalance: Literal["day", "week", "month"] = Field(
        default="week", description="the weights over members are set anew at its first session"
    )


GRID: Mapping[str, Sequence[float | str]] = {
    "learning_rate": (5.0, 17.0, 50.0),
    "fixed_share": (0.0, 0.01, 0.05),
    "rebalance": ("day", "week", "month"),
}


def target_weights(parameters: Parameters, panel: pl.DataFrame) -> pl.DataFrame:
    """Return the members' target weights, each times the member's weight.

    A member's weight is set anew at the first session of each `rebalance` period and stays until the next; a
    member's own changes are followed at once. A row is where the sum over members changes, its reason ``members`` if
    one of them changed its mind, else ``regime``: what these move is spread over sessions by the engine. What members
    hold of a symbol is one position, also where a member holds it as legs of pairs: opposite sides cancel and cost
    nothing. Symbols outside the ensemble's own universe are left out, of the paper returns too.
    """
    rows = panel.sort("symbol", "session")
    sessions = rows["session"].unique().sort()
    at = sessions.search_sorted(rows["session"]).to_numpy()
    held = rows.select(f"weight_{member}" for member in parameters.members)
    returns = paper_returns(rows, parameters.members, parameters.cost_bps)
    weights = member_weights(returns, regimes_of(rows, sessions, at), parameters.learning_rate, parameters.fixed_share)[
        _last_rebalance(sessions, parameters.rebalance)
    ]
    target = np.zeros(rows.height)
    for number, member in enumerate(held.columns):
        target += weights[at, number] * held[member].to_numpy()
    before = pl.col("target_weight").shift(1, fill_value=0.0).over("symbol")
    moved = pl.any_horizontal(pl.col(member) != pl.col(member).shift(1, fill_value=0.0) for member in held.columns)
    return (
        rows.select("session", "symbol", *held.columns)
        .with_columns(target_weight=pl.Series(target).clip(-1, 1), moved=moved.over("symbol"))  # rounding
        .filter(pl.col("target_weight") != before)
        .select(
            "session",
            "symbol",
            "target_weight",
            reason=pl.when("moved").then(pl.lit("members")).otherwise(pl.lit(OF_REGIME)),
        )
        .sort("session", "symbol")
    )


def paper_returns(panel: pl.DataFrame, members: Sequence[str], cost_bps: float) -> Floats:
    """Return what each member's target weights earned, (sessions, members), known at the session's open.

    Over a symbol's own bars: the weight decided at the close of *t - 2*, held from the open of *t - 1* to the open of
    *t* (adjusted opens: splits and dividends are followed), minus `cost_bps` of its change against the weight held
    before. Weights do not drift: the return is that of a portfolio set back to them at every open.

    Parameters
    ----------
    members, cost_bps
        Names of the members, and the cost of a change of weight in basis points of it.
    panel
        Sorted by symbol and session, with ``weight_<member>``.
    """
    sessions = panel["session"].unique().sort()
    at = sessions.search_sorted(panel["session"]).to_numpy()
    move = pl.col("adj_open") / pl.col("adj_open").shift(1) - 1
    found = np.empty((len(sessions), len(members)))
    for number, member in enumerate(members):
        weight = pl.col(f"weight_{member}")
        held, before = weight.shift(LAG, fill_value=0.0), weight.shift(LAG + 1, fill_value=0.0)
        earned = (held * move).fill_null(0.0) - (held - before).abs() * (cost_bps / 1e4)
        # bincount adds row by row: by symbol within a session, whatever follows.
        found[:, number] = np.bincount(at, panel.select(earned.over("symbol")).to_series(), len(sessions))
    return found


def member_weights(returns: Floats, regimes: Floats, learning_rate: float, fixed_share: float) -> Floats:
    """Return the weights over members at each close, (sessions, members): non-negative, at most 1 in sum.

    Each regime *k* has weights of its own over members and cash. A return that is known at *t* was decided at
    *t - 2*, so it counts for regime *k* as far as *k* was likely then: the weights are multiplied by
    ``exp(learning_rate x P(k | t - 2) x return)``, and the share that is spread evenly is
    ``fixed_share x P(k | t - 2)``, so that a regime that is not there forgets nothing. The weight of a member is its
    weight in each regime times the probability of that regime at *t*; what is left over is cash.

    Parameters
    ----------
    learning_rate, fixed_share
        Exponent by unit of return, and the part that is spread over all experts each session.
    returns
        (sessions, members) in order.
    regimes
        (sessions, regimes), probabilities that sum to 1.

    Examples
    --------
    One member and cash begin at one half each. A return of 10 % multiplies the member's part by e ** (10 x 0.1), two
    sessions after it was decided: e / (e + 1).

    >>> returns = np.array([[0.0], [0.0], [0.1]])
    >>> member_weights(returns, np.ones((3, 1)), learning_rate=10.0, fixed_share=0.0).round(4).tolist()
    [[0.5], [0.5], [0.7311]]
    """
    sessions, members = returns.shape
    experts = np.full((regimes.shape[1], members + 1), 1 / (members + 1))
    gains = np.zeros(members + 1)
    found = np.empty((sessions, members))
    for session in range(sessions):
        if session >= LAG:
            likely = regimes[session - LAG][:, None]
            gains[:members] = returns[session]
            experts = experts * np.exp(learning_rate * likely * (gains - gains.max()))
            experts /= experts.sum(axis=1, keepdims=True)
            spread = fixed_share * likely
            experts = (1 - spread) * experts + spread / (members + 1)
        found[session] = (regimes[session][:, None] * experts).sum(axis=0)[:members]
    return found


def regimes_of(panel: pl.DataFrame, sessions: pl.Series, at: NDArray[np.uint32]) -> Floats:
    """Return the probabilities of the regimes, (sessions, numbers).

    Before the first fit its regimes are equally likely. One column of ones without any.

    Parameters
    ----------
    sessions
        Different sessions of the panel, ascending.
    panel
        With ``regime_<k>``, the same for all symbols of a session, null before the first; `NUMBERS_PER_REGIME` of
        them for each regime of a fit.
    at
        Number of each row's session.
    """
    columns = [name for name in panel.columns if name.startswith("regime_")]
    found = np.zeros((len(sessions), max(len(columns), 1)))
    at_first = max(len(columns) // NUMBERS_PER_REGIME, 1)
    found[:, :at_first] = 1 / at_first
    known = panel.select(columns).drop_nulls().to_numpy() if columns else np.empty((0, 1))
    if len(known):
        found[at[panel.select(pl.all_horizontal(pl.col(columns).is_not_null())).to_series().to_numpy()]] = known
    return found


def _last_rebalance(sessions: pl.Series, period: str) -> NDArray[np.int64]:
    """Number of the first session of each session's period."""
    periods = sessions.dt.truncate(PERIODS[period])
    first: NDArray[np.int64] = periods.search_sorted(periods, side="left").to_numpy().astype(np.int64)
    return first
