"""DDM does what Gama et al. (2004) say, and why that seldom sees what is planted; the page has what was measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from trading_assets_tests.benchmarks.online_learning import PAGE
from trading_assets_tests.benchmarks.river_detectors import (
    DETECTORS,
    MARKS,
    ONE_CHANGE,
    Errors,
    alarms,
    markdown,
    stored,
)
from trading_assets_tests.benchmarks.table import replaced


def as_defined(errors: Errors) -> list[int]:
    """Rows at which p + s is above its least by three of the s of then, counted anew after each (after 30 rows)."""
    found, start = list[int](), 0
    least = at_least = math.inf
    for row in range(errors.size):
        count = row - start + 1
        rate = int(errors[start : row + 1].sum()) / count
        deviation = math.sqrt(rate * (1 - rate) / count)
        if count <= 30:
            continue
        if rate + deviation <= least + at_least:
            least, at_least = rate, deviation
        if rate + deviation > least + 3 * at_least:
            found.append(row)
            start, least, at_least = row + 1, math.inf, math.inf
    return found


@given(seed=st.integers(0, 10_000), before=st.floats(0.05, 0.5), rise=st.floats(0.0, 0.5))
@bounded(max_examples=25, deadline=None)
def test_the_detector_fires_where_its_definition_says_so(seed: int, before: float, rise: float) -> None:
    random = np.random.default_rng(seed)
    errors = np.concatenate([random.random(300) < before, random.random(300) < before + rise]).astype(np.int8)
    assert alarms(DETECTORS["DDM"], errors) == as_defined(errors)


@pytest.mark.parametrize(("before", "by_hand"), [(1_000, 218), (10_000, 600)])
def test_the_more_it_has_seen_the_later_it_sees_a_change(before: int, by_hand: int) -> None:
    """One error in three rows, then one in two: after m rows of them p is (n / 3 + m / 2) / (n + m).

    It fires where p - 1/3, which is m / 6 / (n + m), is above about 2 sqrt(2 / 9 / n), as s hardly changes: 0.0298
    after 1,000 rows, so m = 218, and 0.0094 after 10,000, so m = 600.
    """
    errors = np.array([row % 3 == 0 for row in range(before)] + [row % 2 == 0 for row in range(2_000)], dtype=np.int8)
    found = alarms(DETECTORS["DDM"], errors)
    assert found[0] - before == pytest.approx(by_hand, rel=0.1)
    assert found == as_defined(errors)


def test_the_page_has_the_table_of_the_last_measurement() -> None:
    page, rows = PAGE.read_text(encoding="utf-8"), stored()
    assert replaced(page, *MARKS, markdown(rows)) == page
    assert [row["case"] for row in rows] == [case for case in ONE_CHANGE for _ in range(2)]


def test_what_the_page_says_of_them_is_what_was_measured() -> None:
    """DDM sees none of 45 changes within the sessions that count while the regression learns on; others see more."""
    seen = {name: [row["seen"][name] for row in stored() if row["learns_on"]] for name in DETECTORS}
    soon = {name: sum(d is not None and d < 30 for row in rows for d in row["delays"]) for name, rows in seen.items()}
    assert soon["DDM"] == 0
    assert soon["DDM"] < soon["ADWIN"] < soon["Page-Hinkley"] < soon["HDDM-W"]
    assert sum(row["false"] for row in seen["HDDM-W"]) > 200


def test_counts_are_of_delays_within_both_spans() -> None:
    one = {"delays": [3, 29, 30, None], "false": 2}
    row = {
        "case": "one",
        "learns_on": True,
        "errors": {"before": 0.351, "after": 0.412},
        "seen": dict.fromkeys(DETECTORS, one),
    }
    line = markdown([row]).splitlines()[2]
    assert line.startswith("| one | learns on | 35.1%, 41.2% | 2, 3 of 4 (2) | 2, 3 of 4 (2) |")
