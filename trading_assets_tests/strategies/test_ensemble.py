"""The ensemble: paper returns by brute force, Hedge against its bounds, and rows where the sum changes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trading_assets.strategies.ensemble import Parameters, member_weights, paper_returns, target_weights
from trading_assets.strategies.interface.target_weights import checked
from trading_assets_tests.backtests.frames import weekdays

ALWAYS = np.ones((1000, 1))  # one regime


def panel(sessions: int = 60, symbols: int = 4, seed: int = 0, **regimes: np.ndarray) -> pl.DataFrame:
    """Random opens and weights of the members `a` and `b`, with missing bars."""
    rng = np.random.default_rng(seed)
    days, shape = weekdays(sessions), (symbols, sessions)
    changes = rng.random((2, *shape)) < 0.15
    levels = np.where(changes, rng.choice([0.0, 0.1, -0.1, 0.2], (2, *shape)), np.nan)
    rows = pl.DataFrame(
        {
            "symbol": np.repeat([f"S{number}" for number in range(symbols)], sessions),
            "session": days * symbols,
            "adj_open": 50 * np.exp(np.cumsum(0.02 * rng.standard_normal(shape), axis=1)).ravel(),
            "weight_a": levels[0].ravel(),
            "weight_b": levels[1].ravel(),
            **{name: np.tile(values, symbols) for name, values in regimes.items()},
        }
    ).with_columns(
        pl.col(f"weight_{member}").fill_nan(None).forward_fill().over("symbol").fill_null(0.0) for member in "ab"
    )
    return rows.filter(pl.Series(rng.random(rows.height) > 0.05))


def by_session(frame: pl.DataFrame) -> list[dt.date]:
    return frame["session"].unique().sort().to_list()


def brute_force(frame: pl.DataFrame, member: str, cost_bps: float) -> list[float]:
    """One portfolio step at a time: out at the open of t, in at the open of t - 1, decided at the close before."""
    found = dict.fromkeys(by_session(frame), 0.0)
    for _, bars in frame.group_by("symbol", maintain_order=True):
        opens, weights = bars["adj_open"].to_list(), bars[f"weight_{member}"].to_list()
        for bar, session in enumerate(bars["session"]):
            if bar >= 2:
                held, before = weights[bar - 2], weights[bar - 3] if bar >= 3 else 0.0
                found[session] += held * (opens[bar] - opens[bar - 1]) / opens[bar - 1]
                found[session] -= abs(held - before) * cost_bps / 10_000
    return list(found.values())


def test_paper_returns_are_those_of_brute_force() -> None:
    frame = panel()
    found = paper_returns(frame, ["a", "b"], 25.0)
    for number, member in enumerate("ab"):
        assert found[:, number] == pytest.approx(brute_force(frame, member, 25.0), abs=1e-14)
    assert np.abs(found).max() > 0.001


def test_a_weight_earns_from_the_next_open_on() -> None:
    """Bought at the close of 1: the open of 2 is the entry, that of 3 the first that counts; a split is followed."""
    frame = pl.DataFrame(
        {
            "symbol": "A",
            "session": weekdays(6),
            "adj_open": [10.0, 10.0, 20.0, 22.0, 22.0, 11.0],
            "weight_a": [0.0, 0.5, 0.5, 0.0, 0.0, 0.0],
        }
    )
    assert paper_returns(frame, ["a"], 100.0)[:, 0] == pytest.approx([0, 0, 0, 0.05 - 0.005, 0, -0.005])


@given(
    returns=st.integers(1, 4).flatmap(
        lambda members: st.lists(st.lists(st.floats(-0.1, 0.1), min_size=members, max_size=members), min_size=3)
    ),
    regimes=st.integers(1, 3),
    rate=st.floats(0.1, 1000),
    share=st.floats(0, 1),
)
def test_weights_are_non_negative_and_at_most_one_in_sum(
    returns: list[list[float]], regimes: int, rate: float, share: float
) -> None:
    likely = np.random.default_rng(1).dirichlet(np.ones(regimes), len(returns))
    weights = member_weights(np.array(returns), likely, rate, share)
    assert (weights >= 0).all()
    assert (weights.sum(axis=1) <= 1 + 1e-12).all()


@pytest.mark.parametrize("rate", [1.0, 10.0, 60.0])
def test_regret_is_within_the_bound_of_hedge(rate: float) -> None:
    """Freund and Schapire (1997); Cesa-Bianchi and Lugosi (2006), theorem 2.2: against the best expert over T rounds
    with returns in a range R the loss is at most ln N / rate + rate T R^2 / 8, whatever the returns.

    Also against returns made to hurt: what has the most weight loses.
    """
    sessions, members, size = 150, 3, 0.02
    random = np.random.default_rng(2).uniform(-size, size, (sessions, members))
    hostile = np.zeros((sessions, members))
    for session in range(2, sessions):
        before = member_weights(hostile[:session], ALWAYS[:session], rate, 0.0)[-1]
        hostile[session] = size
        hostile[session, np.argmax(before)] = -size
    for returns in (random, hostile):
        weights = member_weights(returns, ALWAYS[:sessions], rate, 0.0)
        earned = sum(weights[session - 1] @ returns[session] for session in range(2, sessions))
        best = max(returns[2:].sum(axis=0).max(), 0.0)  # cash is an expert
        bound = math.log(members + 1) / rate + rate * (sessions - 2) * (2 * size) ** 2 / 8
        assert best - earned <= bound


def test_hedge_by_hand() -> None:
    """Two sessions of returns: ln 2 and 0 against cash with rate 1, then a share of a tenth over three experts."""
    returns = np.array([[9.0, 9.0], [9.0, 9.0], [math.log(2), 0.0], [0.0, math.log(4)]])
    weights = member_weights(returns, ALWAYS[:4], 1.0, 0.1)
    third, spread = 1 / 3, 0.1 / 3
    assert weights[:2] == pytest.approx(np.full((2, 2), third))  # nothing is known of a decision before t = 2
    first = [0.9 * 0.5 + spread, 0.9 * 0.25 + spread, 0.9 * 0.25 + spread]
    assert weights[2] == pytest.approx(first[:2])
    scale = first[0] + 4 * first[1] + first[2]
    assert weights[3] == pytest.approx([0.9 * first[0] / scale + spread, 0.9 * 4 * first[1] / scale + spread])


def edges(sessions: int, means: list[float], seed: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(means, 0.004, (sessions, len(means)))


def test_the_best_member_wins_its_weight() -> None:
    weights = member_weights(edges(500, [0.0, 0.004, -0.002]), ALWAYS[:500], 17.0, 0.01)
    assert weights[0] == pytest.approx([0.25] * 3)
    assert weights[-1, 1] > 0.7
    assert weights[-1, 1] > 10 * weights[-1, 2]


def test_losers_are_left_for_cash() -> None:
    weights = member_weights(edges(500, [-0.004, -0.004]), ALWAYS[:500], 17.0, 0.01)
    assert weights[-1].sum() < 0.3


def test_a_fixed_share_lets_the_best_be_overtaken() -> None:
    returns = np.concatenate([edges(600, [0.004, -0.004]), edges(200, [-0.004, 0.004], seed=5)])
    shared, never = (member_weights(returns, ALWAYS[:800], 17.0, share) for share in (0.01, 0.0))
    assert shared[599, 0] > 0.8
    assert (shared[650:, 1] > 0.5).mean() > 0.95
    assert shared[-1, 1] > 0.8
    assert never[-1, 1] < 0.1


def test_each_regime_remembers_who_was_good_in_it() -> None:
    """Two long spells of each regime: at the start of the second of its kind the right member has the weight."""
    regime = np.repeat([0, 1, 0, 1], 150)
    likely = np.eye(2)[regime]
    returns = np.where(regime[:, None] == 0, edges(600, [0.004, -0.004]), edges(600, [-0.004, 0.004]))
    weights = member_weights(returns, likely, 17.0, 0.01)
    for start, good in ((300, 0), (450, 1)):
        assert weights[start, good] > 0.8
    # Half a regime takes half of its weights.
    last = []
    for likely[-1] in ((1, 0), (0, 1), (0.5, 0.5)):
        last.append(member_weights(returns, likely, 17.0, 0.01)[-1])
    assert last[2] == pytest.approx((last[0] + last[1]) / 2)


def ensemble(frame: pl.DataFrame, **parameters: Any) -> pl.DataFrame:
    made = Parameters(members=["a", "b"], **parameters)
    return checked(target_weights(made, frame), frame)


def test_rows_add_up_to_the_members_times_their_weights() -> None:
    """Weights over members are those of the first session of the week; a member's changes are followed at once.

    Before the regimes are known the two of a fit are equally likely, and numbers of later fits are not there.
    """
    first = np.where(np.arange(60) < 10, np.nan, 0.3)
    later = [(0 * pl.col("regime_0")).alias(f"regime_{k}") for k in range(2, 8)]
    frame = (
        panel(regime_0=first, regime_1=1 - first).with_columns(later).with_columns(pl.col("^regime_.$").fill_nan(None))
    )
    days = by_session(frame)
    likely = np.full((len(days), 2), 0.5)
    likely[[day in weekdays(60)[10:] for day in days]] = [0.3, 0.7]
    weights = member_weights(paper_returns(frame, ["a", "b"], 10.0), likely, 17.0, 0.01)
    rows = {(row["session"], row["symbol"]): row for row in ensemble(frame).iter_rows(named=True)}
    week, seen = {days[0]: 0}, set()
    before: dict[Any, Any] = {}
    for index, (last, day) in enumerate(pairwise(days), start=1):
        week[day] = index if day.isocalendar()[:2] != last.isocalendar()[:2] else week[last]
    for bar in frame.sort("session", "symbol").iter_rows(named=True):
        of_members = (bar["weight_a"], bar["weight_b"])
        target = float(np.dot(weights[week[bar["session"]]], of_members))
        old_target, old_members = before.get(bar["symbol"], (0.0, (0.0, 0.0)))
        row = rows.pop((bar["session"], bar["symbol"]), None)
        if row is None:
            assert target == pytest.approx(old_target, abs=1e-15)
        else:
            assert row["target_weight"] == pytest.approx(target, abs=1e-15)
            assert row["reason"] == ("regime" if of_members == old_members else "members")
            seen.add(row["reason"])
        before[bar["symbol"]] = (target, of_members)
    assert not rows
    assert seen == {"regime", "members"}


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_weights_are_set_anew_at_the_first_session_of_a_period(period: str) -> None:
    frame = panel()
    days = by_session(frame)
    periods: dict[str, Callable[[dt.date], object]] = {
        "day": str,
        "week": lambda day: day.isocalendar()[:2],
        "month": lambda day: day.month,
    }
    name = periods[period]
    starts = [day for last, day in pairwise(days) if name(day) != name(last)]
    rebalanced = ensemble(frame, rebalance=period).filter(reason="regime")
    # A symbol without a bar at the first session follows at its next one.
    late = rebalanced.filter(~pl.col("session").is_in(starts))
    for row in late.iter_rows(named=True):
        own = frame.filter(symbol=row["symbol"])["session"].to_list()
        assert own[own.index(row["session"]) - 1] < max(day for day in starts if day < row["session"])
    assert late.height < rebalanced.height / 4


def test_without_members_in_a_symbol_nothing_is_held() -> None:
    frame = panel().with_columns(weight_a=0.0, weight_b=0.0)
    assert ensemble(frame).is_empty()


def test_history_that_follows_changes_nothing() -> None:
    frame = panel(sessions=90)
    whole = ensemble(frame)
    for last in weekdays(90)[20::23]:
        earlier = pl.col("session") <= last
        assert ensemble(frame.filter(earlier)).equals(whole.filter(earlier))


def test_members_are_named_once() -> None:
    with pytest.raises(ValidationError, match="a member once"):
        Parameters(members=["a", "a"])
