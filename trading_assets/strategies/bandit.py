"""One of other strategies at a time, chosen by a contextual bandit: a prototype (trading rules, section 3.3).

Who is played is chosen by LinUCB (Li, Chu, Langford and Schapire, A contextual-bandit approach to personalized news
article recommendation, WWW (2010), algorithm 1), discounted (Russac, Vernade and Cappe, Weighted linear bandits for
non-stationary environments, NeurIPS (2019)). The context of a session are the probabilities of the regimes. A bandit
learns from the return of the member alone that it has played; the ensemble, which sees what every member earned,
has more to learn from. Cash is always there to be played, and earns nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from trading_assets.config.sections import Fraction, NonNegative, Positive
from trading_assets.strategies.ensemble import LAG, PERIODS, MemberParameters, paper_returns, regimes_of
from trading_assets.strategies.interface.target_weights import OF_REGIME

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "bandit"

#: Rows are changes: a position stays until the next row of its own.
holds_what_is_not_named = True

Floats = NDArray[np.float64]

#: What is played where every member promises less than nothing.
CASH = -1


class Parameters(MemberParameters):
    """Who can be played, how curious the choice is, and how often it is made."""

    exploration: NonNegative = Field(
        default=0.01, description="return a session that a member may be better than it has shown, times its doubt"
    )
    discount: Fraction = Field(default=0.998, gt=0, description="what a session leaves of what was learnt before")
    ridge: Positive = Field(default=1.0, description="sessions' worth of doubt about a member that was never played")
    rebalance: Literal["day", "week", "month"] = Field(
        default="week", description="who is played is chosen at its first session"
    )
    groups: list[list[str]] | None = Field(
        default=None,
        min_length=2,
        description="members in groups: a group is chosen first, then one of its members; left out: all are one group",
    )

    @model_validator(mode="after")
    def _groups_are_of_the_members(self) -> Parameters:
        named = sorted(each for group in self.groups or [] for each in group)
        if self.groups is not None and (named != sorted(self.members) or not all(self.groups)):
            raise ValueError("groups name each of the members once, and none is empty")
        return self


GRID: Mapping[str, Sequence[float | str]] = {
    "exploration": (0.0, 0.01, 0.03),
    "discount": (0.99, 0.998, 1.0),
    "rebalance": ("day", "week", "month"),
}


def target_weights(parameters: Parameters, panel: pl.DataFrame) -> pl.DataFrame:
    """Return the target weights of the member that is played, as long as it is.

    Who is played is chosen at the first session of each `rebalance` period. A row is where the weight changes, its
    reason ``regime`` where another member, or cash, is played than at the symbol's session before, else ``members``.
    What another member brings is spread over sessions by the engine.
    """
    rows = panel.sort("symbol", "session")
    sessions = rows["session"].unique().sort()
    at = sessions.search_sorted(rows["session"]).to_numpy()
    returns = paper_returns(rows, parameters.members, parameters.cost_bps)
    starts = sessions.dt.truncate(PERIODS[parameters.rebalance])
    numbers = {member: number for number, member in enumerate(parameters.members)}
    groups = [[numbers[member] for member in group] for group in parameters.groups or [parameters.members]]
    played = played_members(
        returns,
        regimes_of(rows, sessions, at),
        (starts != starts.shift(1)).fill_null(value=True).to_numpy(),
        groups,
        exploration=parameters.exploration,
        discount=parameters.discount,
        ridge=parameters.ridge,
    )[at]
    target = np.zeros(rows.height)
    for number, member in enumerate(parameters.members):
        own = played == number
        target[own] = rows[f"weight_{member}"].to_numpy()[own]
    before = pl.col("target_weight").shift(1, fill_value=0.0).over("symbol")
    changed = pl.col("played") != pl.col("played").shift(1, fill_value=CASH).over("symbol")
    return (
        rows.select("session", "symbol")
        .with_columns(target_weight=pl.Series(target), played=pl.Series(played))
        .with_columns(reason=pl.when(changed).then(pl.lit(OF_REGIME)).otherwise(pl.lit("members")))
        .filter(pl.col("target_weight") != before)
        .select("session", "symbol", "target_weight", "reason")
        .sort("session", "symbol")
    )


@dataclass(frozen=True)
class _Arms:
    """How arms are learnt about and judged."""

    exploration: float
    discount: float
    ridge: float

    def worth(self, known: Floats, earned: Floats, now: Floats) -> Floats:
        """(arms,) estimated return in a context, and the doubt about it."""
        inverse = np.linalg.inv(known + self.ridge * np.eye(len(now)))
        doubt = np.sqrt(now @ inverse @ now)
        return np.asarray((inverse @ earned[:, :, None])[:, :, 0] @ now + self.exploration * doubt)


def played_members(
    returns: Floats,
    contexts: Floats,
    is_choice: NDArray[np.bool_],
    groups: Sequence[Sequence[int]] | None = None,
    *,
    exploration: float,
    discount: float,
    ridge: float,
) -> NDArray[np.int64]:
    """Return the number of the member that is played at each close, `CASH` for none: (sessions,).

    A return that is known at *t* was decided at *t - 2*: it is learnt from at *t*, with the context of *t - 2*, and of
    the member alone that was played then. With A = ridge x I + sum of discounted x x' and b = sum of discounted
    return x x of the sessions on which a member was played, its worth in a context x is
    x' A^-1 b + exploration x sqrt(x' A^-1 x). The member of the greatest worth is played, the first of equals, and
    cash if none is worth more than 0. A discount is of the sessions, whoever is played.

    With groups a group is chosen first. Groups are arms of a bandit as members are: a group has earned what those of
    its members earned that were played. Where the best group is worth more than 0, the member of it that is worth most
    is played, whatever that is; else cash. One group is as none.

    Parameters
    ----------
    returns
        (sessions, members) of `paper_returns`.
    contexts
        (sessions, contexts), known at the close of each session.
    is_choice
        (sessions,) whether a member is chosen; else the one before stays.
    groups
        Numbers of the members of each group; None: members are chosen among all.
    exploration, discount, ridge
        As `Parameters` has them.

    Examples
    --------
    Two members, no context. Both are worth 0.01 x sqrt(1 / 1) at first, and the first is played. What it lost is known
    two sessions later: its worth is then -0.04 / 2 + 0.01 x sqrt(1 / 2), and the second one is played.

    >>> returns = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-0.04, 0.02, 0.0], [0.0, 0.02, 0.0]])
    >>> always, settings = np.ones(4, dtype=bool), {"exploration": 0.01, "discount": 1.0, "ridge": 1.0}
    >>> played_members(returns[:, :2], np.ones((4, 1)), always, **settings).tolist()
    [0, 0, 1, 1]

    Members 0 and 1 are a group, 2 is one: what member 0 lost its group has lost, and the other one is played.

    >>> played_members(returns, np.ones((4, 1)), always, [[0, 1], [2]], **settings).tolist()
    [0, 0, 2, 2]
    """
    settings = _Arms(exploration, discount, ridge)
    groups = groups if groups and len(groups) > 1 else None
    # Members first, then groups as further arms.
    sessions, members = returns.shape
    size, count = contexts.shape[1], members + len(groups or ())
    group_of = {member: members + place for place, group in enumerate(groups or ()) for member in group}
    known, earned = np.zeros((count, size, size)), np.zeros((count, size))
    played = np.full(sessions, CASH, dtype=np.int64)
    for session in range(sessions):
        known, earned = known * settings.discount, earned * settings.discount
        if session >= LAG and played[session - LAG] != CASH:
            member, then = int(played[session - LAG]), contexts[session - LAG]
            for arm in (member, group_of[member]) if groups else (member,):
                known[arm] += np.outer(then, then)
                earned[arm] += returns[session, member] * then
        if session and not is_choice[session]:
            played[session] = played[session - 1]
            continue
        worth = settings.worth(known, earned, contexts[session])
        arms = worth[members:] if groups else worth
        best = int(np.argmax(arms))
        within = groups[best] if groups else [best]
        played[session] = max(within, key=lambda each: worth[each]) if arms[best] > 0 else CASH
    return played
