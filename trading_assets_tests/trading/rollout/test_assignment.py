"""Which positions are sent: the same at any time, more with a larger share, and of a share as many as it says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.trading.rollout.assignment import is_assigned, number_of, position_of
from trading_assets.trading.rollout.tables import SHARES

SUBJECTS = st.text(min_size=1, max_size=20).map(lambda name: f"strategy/{name}")


@given(SUBJECTS, st.text(max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_contains_a_smaller_one(subject: str, position: str, first: float, second: float) -> None:
    small, large = sorted((first, second))
    assert is_assigned(subject, position, small) <= is_assigned(subject, position, large)
    assert is_assigned(subject, position, 1.0)
    assert not is_assigned(subject, position, 0.0)


@given(SUBJECTS)
def test_shares_are_within_what_a_binomial_allows(subject: str) -> None:
    """2,000 positions: 5 standard deviations, which one of a hundred subjects at three shares misses once in 10,000."""
    count = 2_000
    numbers = [number_of(subject, f"s-1-2017{place:04d}-AAA-buy") for place in range(count)]
    for stage in ("canary", "partial", "majority"):
        share = SHARES[stage]
        found = sum(number < share for number in numbers)
        assert abs(found - share * count) < 5 * math.sqrt(count * share * (1 - share))


def test_subjects_have_positions_of_their_own() -> None:
    """Of 400 positions a quarter is sent of each of two subjects, and about a sixteenth, 25 of 400, of both."""
    names = [f"s-1-{place}" for place in range(400)]
    of_both = [all(is_assigned(f"strategy/{each}", name, 0.25) for each in "ab") for name in names]
    assert 10 < sum(of_both) < 45


@pytest.mark.parametrize(
    ("pair", "is_weight", "position"),
    [("P-1", True, "P-1"), ("P-1", False, "P-1"), (None, True, "AAA"), (None, False, "s-1-20170630-AAA-buy")],
)
def test_a_position_is_a_pair_a_weight_or_an_entry(pair: str | None, is_weight: bool, position: str) -> None:
    order = {"pair_id": pair, "symbol": "AAA", "order_id": "s-1-20170630-AAA-buy"}
    assert position_of(order, is_weight=is_weight) == position
