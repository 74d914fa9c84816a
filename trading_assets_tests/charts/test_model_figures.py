"""What a model says and needs, as the figures hold it."""

from __future__ import annotations

import polars as pl
import pytest

from trading_assets import charts
from trading_assets_tests.charts.test_figures import decoded

GROUPS = pl.DataFrame(
    {
        "kind": ["score", "score", "uncalibrated", "uncalibrated"],
        "bin": [1, 0, 0, 1],
        "score": [0.6, 0.4, 0.2, 0.8],
        "share": [0.55, 0.45, 0.45, 0.55],
        "low": [0.5, 0.4, 0.4, 0.5],
        "high": [0.58, 0.52, 0.52, 0.58],
    }
)
FEATURES = pl.DataFrame({"feature": ["roc_60", "adx_14"], "mean": [0.3, -0.1], "low": [0.2, -0.4], "high": [0.5, 0.0]})


def test_reliability_has_the_line_and_the_groups_of_both_kinds_in_order_with_their_intervals() -> None:
    line, calibrated, before = charts.reliability(GROUPS).data
    assert list(line.x) == list(line.y) == [0.2, 0.8]
    assert (list(calibrated.x), list(calibrated.y)) == ([0.4, 0.6], [0.45, 0.55])
    assert list(calibrated.error_y.array) == pytest.approx([0.07, 0.03])
    assert list(calibrated.error_y.arrayminus) == pytest.approx([0.05, 0.05])
    assert (before.name, list(before.x)) == ("before calibration", [0.2, 0.8])


def test_reliability_of_a_model_without_a_curve_has_one_kind() -> None:
    assert [trace.name for trace in charts.reliability(GROUPS.filter(kind="score")).data] == ["as said", "scores"]


def test_importance_is_drawn_from_top_to_bottom_with_the_least_and_the_most_of_the_folds() -> None:
    [trace] = charts.importance(FEATURES).data
    assert (list(trace.y), list(trace.x)) == (["adx_14", "roc_60"], [-0.1, 0.3])
    assert list(trace.error_x.array) == pytest.approx([0.1, 0.2])
    assert list(trace.error_x.arrayminus) == pytest.approx([0.3, 0.1])


@pytest.mark.parametrize("figure", [charts.reliability(GROUPS), charts.importance(FEATURES)])
def test_they_have_pictures_and_empty_ones_stand(figure: object) -> None:
    assert decoded(figure).shape[2] == 4
    charts.reliability(GROUPS.clear())
    charts.importance(FEATURES.clear())
