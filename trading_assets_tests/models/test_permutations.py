"""Values change places within their group alone, and every permutation is as likely as any other."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.models.permutations import cyclic_permutation, has_company, shuffled, strata_of

GROUPS = st.lists(st.integers(0, 4), min_size=1, max_size=30)


@given(GROUPS, st.integers(0, 2**32 - 1))
def test_every_row_stays_in_its_group_and_every_value_is_taken_once(groups: list[int], seed: int) -> None:
    strata = np.array(groups)
    for way in (shuffled, cyclic_permutation):
        taken = way(strata, np.random.default_rng(seed))
        assert sorted(taken.tolist()) == list(range(strata.size))
        assert (strata[taken] == strata).all()


@given(GROUPS, st.integers(0, 2**32 - 1))
def test_a_cyclic_permutation_takes_another_row_wherever_there_is_one(groups: list[int], seed: int) -> None:
    strata = np.array(groups)
    own = cyclic_permutation(strata, np.random.default_rng(seed)) == np.arange(strata.size)
    assert (own == ~has_company(strata)).all()
    assert has_company(strata).tolist() == [Counter(groups)[each] > 1 for each in groups]


def test_all_permutations_of_three_rows_are_equally_likely() -> None:
    """6,000 draws of 6 permutations: 1,000 each, give or take four deviations of 29. Of circles there are two."""
    draws = np.random.default_rng(1)
    strata = np.array([5, 5, 5])
    seen = Counter(tuple(shuffled(strata, draws).tolist()) for _ in range(6_000))
    assert set(seen) == set(permutations(range(3)))
    assert all(abs(count - 1_000) < 116 for count in seen.values())
    circles = Counter(tuple(cyclic_permutation(strata, draws).tolist()) for _ in range(2_000))
    assert set(circles) == {(1, 2, 0), (2, 0, 1)}
    assert all(abs(count - 1_000) < 90 for count in circles.values())


def test_groups_are_sessions_unless_no_session_has_two_rows() -> None:
    tested = np.array([False, False, True])
    assert strata_of(np.array([3, 3, 4], dtype=np.int32), tested).tolist() == [3, 3, 4]
    assert strata_of(np.array([3, 4, 5], dtype=np.int32), tested).tolist() == [0, 0, 1]
    assert strata_of(np.array([], dtype=np.int32), np.array([], dtype=bool)).size == 0
