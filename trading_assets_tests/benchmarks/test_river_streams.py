"""River beside the online model: the page has what was measured, and River knows nothing that is not over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trading_assets_tests.benchmarks.online_learning import CASES, LAG, PAGE, SETTINGS, planted
from trading_assets_tests.benchmarks.river_streams import (
    LEARNERS,
    MARKS,
    NAMES,
    by_river,
    markdown,
    restarts_of,
    stored,
    summarised,
)
from trading_assets_tests.benchmarks.table import replaced


def test_the_page_has_the_table_of_the_last_measurement() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert replaced(page, *MARKS, markdown(stored())) == page
    assert [row["case"] for row in stored()] == list(CASES)
    assert sum(row["restarts"] for row in stored()) == 3, "the page says so in words"
    assert sum(row["seeds"] for row in stored()) == 65


@pytest.mark.parametrize("name", LEARNERS)
def test_a_score_follows_from_labels_that_are_over(name: str) -> None:
    """Labels of session 270 on are others: the first score that may know one is that of session 270 + LAG + 1."""
    market = planted(3, [0] * 280, 0.0)
    label = market.label.copy()
    label[270:] = 1 - label[270:]
    one, two = (by_river(each, LEARNERS[name]) for each in (market, replace(market, label=label)))
    first = SETTINGS.initial_sessions + LAG
    assert (one[:first] == 0.5).all()
    assert np.array_equal(one[: 271 + LAG], two[: 271 + LAG])
    assert not np.array_equal(one[271 + LAG], two[271 + LAG])


def test_figures_are_medians_and_counts_over_seeds() -> None:
    other, adam, third = LEARNERS
    losses = [
        {**dict.fromkeys(NAMES, 0.69), other: 0.68, adam: mean, third: 0.66, "online": 0.67}
        for mean in (0.66, 0.70, 0.65)
    ]
    row = summarised("one", losses)
    assert (row["losses"][adam], row["losses"]["online"]) == (0.66, 0.67)
    assert row["better_than"] == {other: 3, adam: 1, third: 0}
    assert markdown([row | {"restarts": 2}]).splitlines()[2].endswith("| 3, 1, 0 of 3 | 2 |")


def test_restarts_are_counted_where_the_detector_fires() -> None:
    """Labels turned round after they could be told well: errors rise from three in ten to seven, which DDM does see."""
    market = planted(3, [0] * 200, 0.0)
    assert restarts_of(market) == []
    label = market.label.copy()
    label[100:] = 1 - label[100:]
    found = restarts_of(replace(market, label=label))
    assert found
    assert found[0] >= 100
