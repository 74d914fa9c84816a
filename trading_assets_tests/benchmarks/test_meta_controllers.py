"""The page has what was measured, and controllers know nothing that is not over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trading_assets_tests.benchmarks.meta_controllers import (
    CONTROLLERS,
    DEVIATION,
    KINDS,
    LAG,
    MARKS,
    NAMES,
    SESSIONS,
    WEEK,
    markdown,
    planted,
    stored,
)
from trading_assets_tests.benchmarks.online_learning import PAGE
from trading_assets_tests.benchmarks.table import replaced


def test_the_page_has_the_table_of_the_last_measurement() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert replaced(page, *MARKS, markdown(stored())) == page


def test_the_page_says_where_the_bandit_loses() -> None:
    """What its words say of the table."""
    seen, hidden, throughout, nothing, group = stored()
    assert [row["kind"] for row in (seen, hidden, throughout, nothing, group)] == list(KINDS)
    weights = "multiplicative weights"
    assert seen["bandit"]["sharpe"] < seen[weights]["sharpe"]
    assert abs(seen["bandit"]["return"] - seen[weights]["return"]) < 0.02
    assert max(hidden["bandit"]["return"], hidden[weights]["return"]) < hidden["best so far"]["return"]
    assert throughout["bandit"]["return"] < throughout["best so far"]["return"]
    assert all(row["bandit"]["turnover"] > 2 * row[weights]["turnover"] for row in stored())
    assert abs(nothing["bandit"]["return"]) < 0.02


@pytest.mark.parametrize("name", NAMES[:-1])
def test_weights_follow_from_returns_that_are_known(name: str) -> None:
    """Of decisions from session 300 on other returns: known from 302 on, and acted on from that week on."""
    members = planted(1, KINDS[0])
    other = members.returns.copy()
    other[300:] = -other[300:]
    one, two = (CONTROLLERS[name](each) for each in (members, replace(members, returns=other)))
    assert (one[: 300 + LAG] == two[: 300 + LAG]).all()
    assert (one >= 0).all() and (one.sum(axis=1) <= 1 + 1e-12).all()
    changed = np.flatnonzero((np.diff(one, axis=0) != 0).any(axis=1)) + 1
    assert (changed % WEEK == 0).all()


def test_members_are_what_was_planted() -> None:
    members = planted(2, KINDS[2])
    assert members.returns.std(axis=0) == pytest.approx([DEVIATION] * 4, rel=0.1)
    assert np.corrcoef(members.returns[:, 0], members.returns[:, 1])[0, 1] == pytest.approx(0.5, abs=0.1)
    best = CONTROLLERS["who knows"](members)
    assert best[:, 2].sum() == SESSIONS
    assert CONTROLLERS["who knows"](planted(2, KINDS[3])).sum() == 0
