"""Bets on the fills of sessions: by hand, by a slow second way, and their false alarms, by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.trading.divergence.betting import BETS, Floats
from trading_assets.trading.divergence.fill_bets import (
    MOST_FILLS,
    SHARES,
    covariances,
    factors,
    late_evidence_of_fills,
    wealth_of_fills,
)
from trading_assets_tests.trading.divergence.nulls import MIXED, excess, slippage_in_common

YEAR = 250
FILLS = st.lists(st.floats(-4, 4), max_size=7).map(np.array)
SESSIONS = st.lists(FILLS, min_size=1, max_size=8)


def slow_covariance(before: list[Floats]) -> float:
    """The mean over sessions of the mean product of two fills, less the mean of all, by pairs, with ten of 0.45."""
    cut = [np.clip(each, -3, 3) for each in before]
    values = [float(z) for each in cut for z in each]
    mean = sum(values) / len(values) if values else 0.0
    found, weights = 0.0, 0.0
    for each in cut:
        if len(each) > 1:
            n = min(len(each), MOST_FILLS)
            weights += n * (n - 1) / 2
            products = [(a - mean) * (b - mean) for a, b in itertools.combinations(each, 2)]
            found += n * (n - 1) / 2 * float(np.mean(products))
    return max(0.0, (10 * 0.45 + found) / (10 + weights))


def slow_wealth(sessions: list[Floats]) -> list[float]:
    money, found = list(SHARES), []
    for place, values in enumerate(sessions):
        n, covariance = min(len(values), MOST_FILLS), slow_covariance(sessions[:place])
        for number, bet in enumerate(BETS):
            grown = math.prod(1 + bet * max(-3.0, min(3.0, z)) for z in values)
            if len(values) > MOST_FILLS:
                grown **= MOST_FILLS / len(values)
            money[number] *= grown / math.exp(bet**2 * covariance * n * (n - 1) / 2)
        found.append(sum(money))
    return found


def test_shares_are_the_money_of_the_beginning() -> None:
    assert sum(SHARES) == pytest.approx(1.0)
    assert len(SHARES) == len(BETS)
    assert wealth_of_fills([np.array([])] * 2).tolist() == pytest.approx([1.0, 1.0])


@settings(max_examples=60, deadline=None)
@given(SESSIONS)
def test_money_is_that_of_a_slow_second_way(sessions: list[Floats]) -> None:
    assert wealth_of_fills(sessions) == pytest.approx(slow_wealth(sessions), rel=1e-7)
    slow = [slow_covariance(sessions[:place]) for place in range(len(sessions))]
    assert covariances(sessions) == pytest.approx(slow, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(SESSIONS)
def test_late_evidence_is_the_sum_of_who_began_to_bet_in_each_session(sessions: list[Floats]) -> None:
    grown, with_fills = factors(sessions), [place for place, each in enumerate(sessions) if each.size]
    slow = [
        sum(
            share * math.prod(grown[first : place + 1, number])
            for first in with_fills
            if first <= place
            for number, share in enumerate(SHARES)
        )
        for place in range(len(sessions))
    ]
    assert late_evidence_of_fills(sessions) == pytest.approx(slow, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(SESSIONS, FILLS)
def test_a_session_more_changes_nothing_before_it(sessions: list[Floats], more: Floats) -> None:
    assert wealth_of_fills([*sessions, more])[:-1].tolist() == wealth_of_fills(sessions).tolist()


def test_the_order_of_the_fills_of_a_session_is_of_no_weight() -> None:
    values = np.random.default_rng(3).normal(size=(4, 6))
    assert wealth_of_fills(list(values)) == pytest.approx(wealth_of_fills(list(values[:, ::-1])), rel=1e-12)


def test_what_fills_of_an_open_have_in_common_is_found_and_a_mean_of_all_is_not() -> None:
    """Sessions of five: a common part of variance 0.5 is found; a mean of 2 that all have is nothing in common."""
    random = np.random.default_rng(5)
    alone, common = random.normal(size=(400, 5)), random.normal(size=(400, 1))
    shifted = covariances(list(2.0 + 0.3 * alone))
    assert shifted[-1] < 0.02
    apart = covariances(list(0.5 * alone + 0.5 * common))
    assert apart[-1] == pytest.approx(0.25 * np.var(common), abs=0.02)


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_fills_that_move_together_accuse_a_clean_account_in_at_most_1_of_100_years(correlation: float) -> None:
    """Five fills a session, as modelled. Without the division it is 7 % of years at a correlation of 0.3."""
    draws, random = 500, np.random.default_rng(19)
    values = excess(slippage_in_common(draws, YEAR, 5, correlation, random))
    share = np.mean([wealth_of_fills(list(row)).max() >= 100.0 for row in values])
    assert share <= 0.01 + math.sqrt(0.01 * 0.99 / draws), share
    plain = np.mean(
        np.exp(np.cumsum(np.log1p(BETS[-1] * np.clip(values, -3, 3)).sum(axis=2), axis=1)).max(axis=1) > 100
    )
    assert correlation == 0.0 or plain > 0.03, plain


@pytest.mark.parametrize("world", MIXED)
def test_sessions_of_differing_numbers_of_fills_accuse_a_clean_account_no_more_often(world: str) -> None:
    """`late_evidence` promises at most 250 / 2,520 in a year. Where 2 fills count as 20: 18 to 40 %."""
    draws, random = 200, np.random.default_rng(23)
    found = [MIXED[world](YEAR, random) for _ in range(draws)]
    late = np.mean([late_evidence_of_fills(each).max() >= 2520.0 for each in found])
    assert late <= YEAR / 2520 + math.sqrt(0.1 * 0.9 / draws), late
