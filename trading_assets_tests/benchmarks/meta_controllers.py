"""Who is played: the bandit beside fixed rules and the ensemble's multiplicative weights, on members that are drawn.

Run by `make online`, which writes the numbers to docs/online.json and the table of docs/online.md. Members are paper
returns of sessions; what a controller earns at a session is what it held two sessions before, as in a backtest, before
the costs of changing from one member to another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_assets.strategies.bandit import CASH, Parameters, played_members
from trading_assets.strategies.ensemble import Parameters as EnsembleParameters
from trading_assets.strategies.ensemble import member_weights
from trading_assets_tests.benchmarks.online_learning import NUMBERS, PAGE
from trading_assets_tests.benchmarks.table import replaced

Floats = NDArray[np.float64]

MARKS = ("<!-- controllers: written by `make online` -->", "<!-- /controllers -->")
SESSIONS, TURN, LAG, WEEK, YEAR = 1512, 126, 2, 5, 252
#: Deviation of a member's session, and what a good and a bad member earn: Sharpe ratios of about 1.6 and -0.8.
DEVIATION, GOOD, BAD = 0.01, 0.001, -0.0005
NAMES = ("equal weight", "best so far", "multiplicative weights", "bandit", "bandit of groups", "who knows")
#: Groups of the members: those of the same kind earn something alike, see `planted`.
GROUPS = ((0, 1), (2, 3))
SEEDS = 40


@dataclass(frozen=True)
class PlantedMembers:
    """Paper returns and what is known of the regimes.

    Attributes
    ----------
    means, returns
        (sessions, members) true mean and return of a decision of each session, known two sessions later.
    contexts
        (sessions, 2) probabilities of the regimes.
    """

    means: Floats
    returns: Floats
    contexts: Floats


def planted(seed: int, kind: str) -> PlantedMembers:
    """Draw four members whose returns share half of their variance.

    Parameters
    ----------
    seed
        Of the draws.
    kind
        A name of `KINDS`.
    """
    random = np.random.default_rng(seed)
    turn = (np.arange(SESSIONS) // TURN) % 2
    means = np.array([BAD, BAD, BAD, BAD]) + np.zeros((SESSIONS, 1))
    if kind == "a best member of each regime, the regime is seen" or kind == "the same, the regime is not seen":
        means[turn == 0, 0] = means[turn == 1, 1] = GOOD
    elif kind == "one best member throughout":
        means[:, 2] = GOOD
    elif kind == "the two of one group throughout":
        means[:, 2:] = GOOD
    else:
        means[:] = 0.0
    shared, own = random.standard_normal((SESSIONS, 1)), random.standard_normal(means.shape)
    seen = kind == "a best member of each regime, the regime is seen"
    likely = np.where(turn == 0, 0.9, 0.1) if seen else np.full(SESSIONS, 0.5)
    returns = means + DEVIATION * (shared + own) / 2**0.5
    return PlantedMembers(means, returns, np.stack([likely, 1 - likely], axis=1))


KINDS = (
    "a best member of each regime, the regime is seen",
    "the same, the regime is not seen",
    "one best member throughout",
    "four members that earn nothing",
    "the two of one group throughout",
)


def _known(members: PlantedMembers) -> Floats:
    """Returns by the session at which they are known, as `paper_returns` has them."""
    found = np.zeros_like(members.returns)
    found[LAG:] = members.returns[:-LAG]
    return found


def _weekly(weights: Floats) -> Floats:
    return weights[np.arange(len(weights)) // WEEK * WEEK]


def equal_weight(members: PlantedMembers) -> Floats:
    """Return the same weight of every member."""
    return np.full(members.returns.shape, 1 / members.returns.shape[1])


def best_so_far(members: PlantedMembers) -> Floats:
    """Return all weight on the member that has earned most; on none where none has earned anything."""
    earned = np.cumsum(_known(members), axis=0)
    best = np.argmax(earned, axis=1)
    return _weekly(np.eye(earned.shape[1])[best] * (earned.max(axis=1) > 0)[:, None])


def by_ensemble(members: PlantedMembers) -> Floats:
    """Return the weights of the shipped ensemble."""
    own = EnsembleParameters(members=["a"])
    return _weekly(member_weights(_known(members), members.contexts, own.learning_rate, own.fixed_share))


def by_bandit(members: PlantedMembers) -> Floats:
    """Return the weight of one on the member that the shipped bandit plays."""
    return _by_bandit(members, [range(members.returns.shape[1])])


def by_bandit_of_groups(members: PlantedMembers) -> Floats:
    """Return the same of the bandit that chooses a group first."""
    return _by_bandit(members, GROUPS)


def _by_bandit(members: PlantedMembers, groups: Sequence[Sequence[int]]) -> Floats:
    own = Parameters(members=["a"])
    is_choice = np.arange(len(members.returns)) % WEEK == 0
    by = {"exploration": own.exploration, "discount": own.discount, "ridge": own.ridge}
    played = played_members(_known(members), members.contexts, is_choice, groups, **by)
    return np.asarray(np.eye(members.returns.shape[1])[np.maximum(played, 0)] * (played != CASH)[:, None])


def who_knows(members: PlantedMembers) -> Floats:
    """Return all weight on the member that is truly best; none where none earns anything."""
    best = np.argmax(members.means, axis=1)
    return np.asarray(np.eye(members.means.shape[1])[best] * (members.means.max(axis=1) > 0)[:, None])


CONTROLLERS: Mapping[str, Callable[[PlantedMembers], Floats]] = dict(
    zip(NAMES, (equal_weight, best_so_far, by_ensemble, by_bandit, by_bandit_of_groups, who_knows), strict=True)
)


def measured() -> list[dict[str, Any]]:
    """Return the medians over seeds of what each controller earned a year, of its Sharpe ratio, and of its changes."""
    found = []
    for kind in KINDS:
        drawn = [planted(seed, kind) for seed in range(SEEDS)]
        row: dict[str, Any] = {"kind": kind, "seeds": SEEDS}
        earned = dict[str, list[float]]()
        for name, weigh in CONTROLLERS.items():
            weights = [weigh(each) for each in drawn]
            sessions = [(each * of.returns).sum(axis=1) for each, of in zip(weights, drawn, strict=True)]
            earned[name] = [float(each.mean() * YEAR) for each in sessions]
            deviations = [float(each.std(ddof=1) * YEAR**0.5) for each in sessions]
            ratios = [one / other if other > 0 else 0.0 for one, other in zip(earned[name], deviations, strict=True)]
            turnover = [float(np.abs(np.diff(each, axis=0)).sum() / 2 / (SESSIONS / YEAR)) for each in weights]
            row[name] = {key: float(np.median(each)) for key, each in _named(earned[name], ratios, turnover)}
        row["groups better than bandit"] = int(
            sum(one > other for one, other in zip(earned["bandit of groups"], earned["bandit"], strict=True))
        )
        row["bandit better than ensemble"] = int(
            sum(one > other for one, other in zip(earned["bandit"], earned["multiplicative weights"], strict=True))
        )
        found.append(row)
    return found


def _named(*values: list[float]) -> list[tuple[str, list[float]]]:
    return list(zip(("return", "sharpe", "turnover"), values, strict=True))


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of the page."""
    last = "bandit earns more than multiplicative weights | bandit of groups earns more than bandit"
    lines = [
        f"| return a year (Sharpe ratio; turnover a year) | {' | '.join(NAMES)} | {last} |",
        f"|---|{'---|' * (len(NAMES) + 2)}",
    ]
    for row in rows:
        cells = [
            f"{row[name]['return']:.1%} ({row[name]['sharpe']:.2f}; {row[name]['turnover']:.0f}x)" for name in NAMES
        ]
        often = f"{row['bandit better than ensemble']} of {row['seeds']} | "
        often += f"{row['groups better than bandit']} of {row['seeds']}"
        lines.append(f"| {row['kind']} | {' | '.join([*cells, often])} |")
    return "\n".join(lines)


def stored() -> list[dict[str, Any]]:
    """Return the numbers of the last measurement."""
    rows: list[dict[str, Any]] = json.loads(NUMBERS.read_text(encoding="utf-8"))["controllers"]
    return rows


def main() -> None:
    """Measure, and write numbers and table."""
    rows = measured()
    kept = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    NUMBERS.write_text(json.dumps(kept | {"controllers": rows}, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, markdown(rows)), encoding="utf-8")


if __name__ == "__main__":
    main()
