"""The bandit: LinUCB against a loop that is written out, what it may know, and rows where its weights change."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from trading_assets.strategies.bandit import CASH, Parameters, played_members, target_weights
from trading_assets.strategies.interface.target_weights import checked
from trading_assets_tests.backtests.frames import weekdays
from trading_assets_tests.strategies.test_ensemble import by_session, panel

SHIPPED: dict[str, Any] = {"exploration": 0.01, "discount": 0.998, "ridge": 1.0}


def written_out(
    returns: np.ndarray, contexts: np.ndarray, choice: np.ndarray, e: float, d: float, r: float
) -> list[int]:
    """Every matrix summed anew at every session, of what is known at it."""
    played: list[int] = []
    for now in range(len(returns)):
        if now and not choice[now]:
            played.append(played[-1])
            continue
        worth = []
        for arm in range(returns.shape[1]):
            matrix, vector = r * np.eye(contexts.shape[1]), np.zeros(contexts.shape[1])
            for then in range(now - 1):
                if played[then] == arm:
                    weight = d ** (now - then - 2)
                    matrix = matrix + weight * np.outer(contexts[then], contexts[then])
                    vector = vector + weight * returns[then + 2, arm] * contexts[then]
            solved = np.linalg.solve(matrix, np.stack([vector, contexts[now]], axis=1))
            worth.append(contexts[now] @ solved[:, 0] + e * np.sqrt(contexts[now] @ solved[:, 1]))
        played.append(int(np.argmax(worth)) if max(worth) > 0 else CASH)
    return played


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 3), st.sampled_from([0.0, 0.01, 0.1]))
def test_choices_are_those_of_a_loop(seed: int, members: int, size: int, exploration: float) -> None:
    random = np.random.default_rng(seed)
    returns = random.normal(0.0, 0.01, (60, members))
    contexts, choice = random.dirichlet(np.ones(size), 60), random.random(60) < 0.5
    found = played_members(returns, contexts, choice, exploration=exploration, discount=0.98, ridge=0.7)
    assert found.tolist() == written_out(returns, contexts, choice, exploration, 0.98, 0.7)


def grouped_by_hand(
    returns: np.ndarray, contexts: np.ndarray, groups: list[list[int]], e: float, d: float, r: float
) -> list[int]:
    """Every matrix summed anew: of each group over the sessions on which any of its members was played."""
    played: list[int] = []

    def worth(arms: list[int], now: int) -> float:
        matrix, vector = r * np.eye(contexts.shape[1]), np.zeros(contexts.shape[1])
        for then in range(now - 1):
            if played[then] in arms:
                weight = d ** (now - then - 2)
                matrix = matrix + weight * np.outer(contexts[then], contexts[then])
                vector = vector + weight * returns[then + 2, played[then]] * contexts[then]
        solved = np.linalg.solve(matrix, np.stack([vector, contexts[now]], axis=1))
        return float(contexts[now] @ solved[:, 0] + e * np.sqrt(contexts[now] @ solved[:, 1]))

    for now in range(len(returns)):
        of_groups = [worth(group, now) for group in groups]
        best = groups[int(np.argmax(of_groups))]
        of_members = [worth([member], now) for member in best]
        played.append(best[int(np.argmax(of_members))] if max(of_groups) > 0 else CASH)
    return played


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from([[[0, 1], [2, 3]], [[3, 0], [2], [1]], [[0], [1], [2], [3]]]))
def test_groups_are_chosen_first_as_a_loop_does(seed: int, groups: list[list[int]]) -> None:
    random = np.random.default_rng(seed)
    returns, contexts = random.normal(0.0, 0.01, (50, 4)), random.dirichlet(np.ones(2), 50)
    always, own = np.ones(50, dtype=bool), {"exploration": 0.01, "discount": 0.98, "ridge": 0.7}
    found = played_members(returns, contexts, always, groups, **own)
    assert found.tolist() == grouped_by_hand(returns, contexts, groups, 0.01, 0.98, 0.7)


def test_one_group_or_a_group_of_each_member_is_the_bandit_without_groups() -> None:
    random = np.random.default_rng(4)
    returns, contexts = random.normal(0.0, 0.01, (200, 3)), random.dirichlet(np.ones(2), 200)
    choice = random.random(200) < 0.3
    plain = played_members(returns, contexts, choice, **SHIPPED).tolist()
    for groups in ([[0, 1, 2]], [[0], [1], [2]]):
        assert played_members(returns, contexts, choice, groups, **SHIPPED).tolist() == plain


@pytest.mark.parametrize("groups", [[["a"], ["b"]], [["a", "b"], ["b", "c"]], [["a", "b", "c"], []], [["a", "b", "c"]]])
def test_groups_are_of_all_members_once(groups: list[list[str]]) -> None:
    with pytest.raises(ValidationError):
        Parameters(members=["a", "b", "c"], groups=groups)
    assert Parameters(members=["a", "b", "c"], groups=[["c"], ["a", "b"]]).groups == [["c"], ["a", "b"]]


def test_a_choice_follows_from_returns_that_are_known() -> None:
    """Returns from session 40 on are others: they are known at 40, and no choice before it is another."""
    random = np.random.default_rng(1)
    returns, contexts = random.normal(0, 0.01, (80, 3)), random.dirichlet(np.ones(2), 80)
    other = returns.copy()
    other[40:] = -5 * returns[40:]
    always = np.ones(80, dtype=bool)
    one, two = (played_members(each, contexts, always, **SHIPPED) for each in (returns, other))
    assert one[:40].tolist() == two[:40].tolist() and one[40:].tolist() != two[40:].tolist()


def test_what_other_members_earned_teaches_nothing() -> None:
    random = np.random.default_rng(2)
    returns, contexts, always = random.normal(0.001, 0.01, (80, 3)), np.ones((80, 1)), np.ones(80, dtype=bool)
    played = played_members(returns, contexts, always, **SHIPPED)
    unseen = returns.copy()
    for session in range(2, 80):
        others = np.arange(3) != played[session - 2]
        unseen[session, others] = 9.0
    assert played_members(unseen, contexts, always, **SHIPPED).tolist() == played.tolist()


def test_each_regime_has_its_member() -> None:
    regime = np.repeat([0, 1, 0, 1, 0, 1], 150)
    good = np.where(regime[:, None] == np.arange(2), 0.004, -0.004)
    returns = good + np.random.default_rng(3).normal(0, 0.004, good.shape)
    played = played_members(returns, np.eye(2)[regime], np.ones(900, dtype=bool), **SHIPPED)
    assert (played[300:] == regime[300:]).mean() > 0.95


def test_where_all_lose_nothing_is_played() -> None:
    returns = np.random.default_rng(4).normal(-0.004, 0.004, (400, 3))
    played = played_members(returns, np.ones((400, 1)), np.ones(400, dtype=bool), **SHIPPED)
    assert (played[200:] == CASH).mean() > 0.8


def bandit(frame: pl.DataFrame, **parameters: Any) -> pl.DataFrame:
    made = Parameters.model_validate({"members": ["a", "b"], **parameters})
    return checked(target_weights(made, frame), frame)


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_rows_add_up_to_the_weights_of_who_is_played(period: str) -> None:
    """At each bar a symbol's weight is that of one member or nothing, and all symbols follow the same one."""
    frame = panel(sessions=120)
    rows = {(row["session"], row["symbol"]): row for row in bandit(frame, rebalance=period).iter_rows(named=True)}
    held = dict.fromkeys(frame["symbol"].unique(), 0.0)
    reasons = set()
    for day in by_session(frame):
        own = frame.filter(session=day)
        for symbol in own["symbol"]:
            row = rows.pop((day, symbol), None)
            if row is not None:
                held[symbol] = row["target_weight"]
                reasons.add(row["reason"])
        now = [held[symbol] for symbol in own["symbol"]]
        assert now in (own["weight_a"].to_list(), own["weight_b"].to_list(), [0.0] * own.height)
    assert not rows
    assert reasons == {"regime", "members"}


def test_who_is_played_stays_for_its_period() -> None:
    played = bandit(panel(sessions=120), rebalance="month").filter(reason="regime")
    late = played.filter(pl.col("session").dt.day() > 7)
    assert late.height < played.height / 4  # of a symbol without a bar on the first session, and of the first month


def test_history_that_follows_changes_nothing() -> None:
    frame = panel(sessions=90)
    whole = bandit(frame)
    for last in weekdays(90)[20::23]:
        earlier = pl.col("session") <= last
        assert bandit(frame.filter(earlier)).equals(whole.filter(earlier))


def test_members_are_named_once() -> None:
    with pytest.raises(ValidationError, match="a member once"):
        Parameters(members=["a", "a"])


def test_nothing_is_said_of_a_market_without_sessions() -> None:
    assert bandit(panel().filter(pl.col("session") < dt.date(1900, 1, 1))).is_empty()
