"""The parameters that a careful person would take from a grid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trading_assets.robustness.sensitivity.plateau import choices, peak, plateau
from trading_assets.robustness.tables import CHOICES, SENSITIVITY
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness.pipeline import Experiment


def test_a_broad_plateau_is_taken_before_a_sharp_peak() -> None:
    surface = np.full((6, 6), 0.1)
    surface[0, 5] = 3.0
    surface[3:6, 0:3] = 1.0
    found = choices(surface, [True, True])
    assert (peak(found).point, peak(found).sharpe) == (5, 3.0)
    assert peak(found).neighbourhood_mean == pytest.approx(3.2 / 3) and peak(found).worst_neighbour == 0.1
    surface[0, 5] = 2.0
    chosen = plateau(choices(surface, [True, True]))
    place = tuple(int(index) for index in np.unravel_index(chosen.point, surface.shape))
    assert place == (4, 0), "the first whose whole neighbourhood is the plateau"
    assert (chosen.neighbourhood_mean, chosen.worst_neighbour) == (1.0, 1.0)


def test_names_are_all_one_step_apart() -> None:
    """The ends of five numbers are not beside each other, those of five names are."""
    line = np.array([1.0, 0.0, 0.0, 0.0, 2.0])
    assert choices(line, [True])[0].neighbourhood_mean == 0.5
    assert choices(line, [False])[0].neighbourhood_mean == pytest.approx(0.6)
    assert choices(np.array([np.nan]), [True])[0][1:] == (0.0, 0.0, 0.0)


@settings(max_examples=100)
@given(
    arrays.arrays(np.float64, arrays.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=st.integers(-2, 2)),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_neighbourhoods_by_brute_force(surface: np.ndarray, ordered: list[bool]) -> None:
    found = choices(surface, ordered[: surface.ndim])
    places = list(np.ndindex(surface.shape))
    for choice, place in zip(found, places, strict=True):
        beside = []
        for other in places:
            apart = [axis for axis in range(surface.ndim) if place[axis] != other[axis]]
            if len(apart) == 1 and (not ordered[apart[0]] or abs(place[apart[0]] - other[apart[0]]) == 1):
                beside.append(surface[other])
        assert choice.neighbourhood_mean == pytest.approx(np.mean([surface[place], *beside]))
        assert choice.worst_neighbour == min(beside, default=surface[place])
    best = plateau(found)
    assert best.neighbourhood_mean == max(choice.neighbourhood_mean for choice in found)
    assert all(
        (other.neighbourhood_mean, other.worst_neighbour) <= (best.neighbourhood_mean, best.worst_neighbour)
        for other in found
    )


def test_the_table_names_points_of_the_sweep(finished: Experiment) -> None:
    own = Rows("strategy", "known")
    rows = {row["choice"]: row for row in finished.warehouse.read(CHOICES, rows=own).iter_rows(named=True)}
    swept = finished.warehouse.read(SENSITIVITY, rows=own).filter(metric="sharpe")
    assert set(rows) == {"peak", "plateau", "in_use"}
    assert rows["peak"]["sharpe"] == swept.filter("on_grid")["value"].max()
    assert rows["in_use"]["trial"] == swept.filter("chosen")["trial"].item()
    beside = swept.filter("neighbour")["value"]
    assert rows["in_use"]["worst_neighbour"] == beside.min()
    assert rows["in_use"]["better_points"] == (swept.filter("on_grid")["value"] > rows["in_use"]["sharpe"]).sum()
    for row, other in itertools.product(rows.values(), repeat=2):
        assert (row["better_points"] > other["better_points"]) == (row["sharpe"] < other["sharpe"])
