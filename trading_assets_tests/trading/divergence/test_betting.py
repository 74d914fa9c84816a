"""Bets: by hand and by a slow second way, and what they promise, by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.trading.divergence.betting import (
    BETS,
    CLIP,
    Floats,
    cut,
    ever_reached,
    late_evidence,
    predictable_scale,
    wealth,
)
from trading_assets_tests.trading.divergence.nulls import engine_slippage, excess, few, heavy_tails, moving_scale

YEAR = 250
VALUES = st.lists(st.floats(-5, 5) | st.just(math.nan), min_size=1, max_size=30).map(np.array)


def slow_wealth(values: Floats) -> list[float]:
    """Each bet with money of its own, multiplied round by round."""
    money, found = [1.0 for _ in BETS], []
    for value in values:
        z = 0.0 if math.isnan(value) else max(-CLIP, min(CLIP, value))
        money = [each * (1.0 + bet * z) for each, bet in zip(money, BETS, strict=True)]
        found.append(sum(money) / len(BETS))
    return found


def slow_late(values: Floats) -> list[float]:
    """The sum over all rounds of the money of who began to bet then."""
    bet = [value for value in values if not math.isnan(value)]
    sums = [sum(slow_wealth(np.array(bet[begin:end]))[-1] for begin in range(end)) for end in range(1, len(bet) + 1)]
    counts = np.cumsum(~np.isnan(values))
    return [sums[count - 1] if count else 0.0 for count in counts]


@given(VALUES)
def test_they_are_those_of_a_slow_second_way(values: Floats) -> None:
    assert wealth(values) == pytest.approx(slow_wealth(values), rel=1e-9)
    assert late_evidence(values) == pytest.approx(slow_late(values), rel=1e-9)


@given(VALUES)
def test_money_is_never_gone_and_what_is_bet_later_changes_nothing_before(values: Floats) -> None:
    assert (wealth(values) > 0).all()
    half = len(values) // 2
    assert wealth(values)[:half].tolist() == wealth(values[:half]).tolist()
    assert late_evidence(values)[:half].tolist() == late_evidence(values[:half]).tolist()


def test_infinities_are_cut_and_nothing_is_no_bet() -> None:
    assert cut(np.array([math.inf, -math.inf, math.nan, 4.0, -1.0])).tolist() == [3.0, -3.0, 0.0, 3.0, -1.0]
    assert wealth(np.full(4, math.nan)).tolist() == [1.0] * 4
    assert late_evidence(np.full(4, math.nan)).tolist() == [0.0] * 4


def test_an_alarm_is_not_taken_back() -> None:
    assert ever_reached(np.array([1.0, 20.0, 3.0]), 20.0).tolist() == [False, True, True]
    assert ever_reached(np.array([]), 20.0).tolist() == []


def test_a_scale_knows_only_what_was_before_it() -> None:
    """Half life 1: squares 4, then (0.5 x 4 + 36) / 1.5 = 76 / 3, then (38 / 2 + 0) / (1.5 / 2 + 1) = 76 / 7."""
    found = predictable_scale(np.array([6.0, math.nan, 0.0, 1.0]), 2.0, 1.0, 2.5)
    assert found == pytest.approx([2.5, math.sqrt(76 / 3), math.sqrt(76 / 3), math.sqrt(76 / 7)])
    heavier = predictable_scale(np.array([6.0, 0.0]), 2.0, 1.0, 0.1, weight=9.0)
    assert heavier == pytest.approx([2.0, math.sqrt((18 + 36) / 5.5)])


@pytest.mark.parametrize("alpha", [0.01, 0.05])
@pytest.mark.parametrize("null", ["engine", "heavy tails", "moving scale", "few fills", "skewed"])
def test_false_alarms_of_a_year_are_at_most_alpha(null: str, alpha: float) -> None:
    """4,000 years of 250 rounds: the share with an alarm, less two standard errors, is not above alpha."""
    draws, random = 4000, np.random.default_rng(11)
    values = {
        "engine": lambda: excess(np.maximum(0.0, 1.0 + 0.75 * random.standard_normal((draws, YEAR)))),
        "heavy tails": lambda: heavy_tails(draws, YEAR, random),
        "moving scale": lambda: moving_scale(draws, YEAR, random),
        "few fills": lambda: few(heavy_tails(draws, YEAR, random), 0.1, random),
        "skewed": lambda: random.exponential(1.0, (draws, YEAR)) - 1.0,
    }[null]()
    share = np.mean([wealth(row).max() >= 1 / alpha for row in values])
    assert share <= alpha + 2 * math.sqrt(alpha * (1 - alpha) / draws), share


def test_money_is_made_in_no_round_on_average_where_the_mean_is_zero() -> None:
    """Values of +2 and -1 with mean 0: all 2^... paths of eight rounds, weighed, leave 1 (a martingale, exactly)."""
    total = 0.0
    for path in range(2**8):
        bits = [(path >> place) & 1 for place in range(8)]
        chance = math.prod(1 / 3 if bit else 2 / 3 for bit in bits)
        total += chance * wealth(np.array([2.0 if bit else -1.0 for bit in bits]))[-1]
    assert total == pytest.approx(1.0, rel=1e-12)


def test_late_evidence_rises_by_one_a_round_on_average_where_the_mean_is_zero() -> None:
    """E R_t = t, exactly, by the same paths: so the mean run to a false alarm is at least its level."""
    total = 0.0
    for path in range(2**8):
        bits = [(path >> place) & 1 for place in range(8)]
        chance = math.prod(1 / 3 if bit else 2 / 3 for bit in bits)
        total += chance * late_evidence(np.array([2.0 if bit else -1.0 for bit in bits]))[-1]
    assert total == pytest.approx(8.0, rel=1e-12)


def test_doubled_slippage_is_found_within_45_fills_in_95_of_100_draws() -> None:
    """2,000 draws of the engine's own slippage, each fill in a session of its own, alarm at 1 in 100."""
    values = excess(engine_slippage(2000, 45), 2.0)
    found = np.mean([wealth(row).max() >= 100.0 for row in values])
    assert found >= 0.95, found


def test_a_late_doubling_is_found_sooner_by_what_looks_for_late_ones() -> None:
    """After 500 fills as modelled: within 60 fills more by Shiryaev-Roberts in most draws, by few of the others."""
    slippage = engine_slippage(300, 560)
    values = np.hstack([excess(slippage[:, :500]), excess(slippage[:, 500:], 2.0)])
    late = np.mean([late_evidence(row).max() >= 2500.0 for row in values])
    early = np.mean([wealth(row).max() >= 100.0 for row in values])
    assert late > 0.9
    assert early < 0.5 * late


def test_mean_run_to_a_false_alarm_of_late_evidence_is_at_least_its_level() -> None:
    """Level 50, heavy tails: the mean number of rounds, cut at 600, is above 50."""
    values = heavy_tails(200, 600, np.random.default_rng(5))
    runs = [int(np.argmax(ever_reached(late_evidence(row), 50.0))) or 600 for row in values]
    assert np.mean(runs) >= 50
