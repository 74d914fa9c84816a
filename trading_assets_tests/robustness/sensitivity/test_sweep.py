from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, backtest, prepare, with_parameters
from trading_assets.backtests.results.metrics import summarise
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.robustness.sensitivity.sweep import Point, heatmaps, neighbours, points_of, summarise_sharpes
from trading_assets.robustness.tables import HEATMAPS, SENSITIVITY, SENSITIVITY_SUMMARY, STRESS, TRIALS
from trading_assets.strategies.equity_momentum import GRID, Parameters
from trading_assets.strategies.evaluation.inputs import read_frames
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness.pipeline import Experiment

START, END = dt.date(2016, 1, 4), dt.date(2016, 12, 15)
KNOWN = Rows("strategy", "known")


@pytest.fixture(scope="module")
def prepared(finished: Experiment) -> PreparedBacktest:
    return prepare(finished.configuration, read_frames(finished.warehouse, finished.configuration, "known"))


def point(kind: str = "") -> Point:
    return Point(Parameters(), "off" not in kind, "chosen" in kind, "beside" in kind)


def test_the_grid_of_the_house_has_432_points() -> None:
    points = points_of(Parameters(), GRID)
    assert len(points) == 432
    assert all(p.on_grid for p in points)
    assert sum(p.chosen for p in points) == 1
    # stop 2.0 and 3.0, fast 0 and 0.01, slow 0.005 and 0.015, two other exits, two other scalings
    assert sum(p.neighbour for p in points) == 10


def test_neighbours_of_a_corner_and_of_a_point_between() -> None:
    grid = {"stop_atr": (2.0, 2.5, 3.0), "exit": ("ma_20", "staged")}

    def steps(**chosen: object) -> list[tuple[float, str]]:
        return [(p.stop_atr, p.exit) for p in neighbours(Parameters(**chosen), grid)]  # type: ignore[arg-type,attr-defined]

    assert steps(stop_atr=2.0) == [(2.5, "ma_20"), (2.0, "staged")]
    assert steps(stop_atr=2.6) == [(2.5, "ma_20"), (3.0, "ma_20"), (2.6, "staged")]
    assert steps(stop_atr=9.0, exit="ma_50") == [(3.0, "ma_50"), (9.0, "ma_20"), (9.0, "staged")]


def test_a_chosen_point_off_the_grid_is_evaluated_too() -> None:
    points = points_of(Parameters(stop_atr=2.6), {"stop_atr": (2.0, 2.5, 3.0), "exit": ("ma_20", "staged")})
    assert [p.on_grid for p in points] == [True] * 6 + [False] * 2
    assert [p.parameters.model_dump()["stop_atr"] for p in points if p.chosen] == [2.6]
    assert [p.parameters.model_dump()["stop_atr"] for p in points if p.neighbour] == [2.5, 3.0, 2.6]


def test_summary_by_hand() -> None:
    #          sorted: -0.2 0.5 0.7 0.81 0.99 1.0 1.2, median 0.81; near the best: >= 0.96
    kinds = ["", "beside", "chosen", "beside", "", "", "beside", ""]
    sharpes = [-0.2, 0.7, 1.0, 0.5, 1.2, 0.99, 0.81, None]
    found = summarise_sharpes([point(kind) for kind in kinds], sharpes, sharp_peak=0.5)
    assert found == pytest.approx(
        {
            "grid_points": 8,
            "undefined_points": 1,
            "best": 1.2,
            "median": 0.81,
            "worst": -0.2,
            "chosen": 1.0,
            "chosen_percentile": 6 / 7,
            "peak": 0.39,
            "sharp_peak": 0,
            "near_best": 3 / 8,
            "neighbours": 3,
            "worst_neighbour": 0.5,
            "plateau_score": (0.7 + 0.5 + 0.81) / 3 / 1.0,
        }
    )


@pytest.mark.parametrize(("best", "flag"), [(0.9, 0.0), (1.1, 1.0)])
def test_sharp_peak(best: float, flag: float) -> None:
    found = summarise_sharpes([point(), point("chosen"), point()], [best, 0.5, 0.4], sharp_peak=0.5)
    assert found["sharp_peak"] == flag


@pytest.mark.parametrize("chosen", [0.0, -0.5, None])
def test_no_plateau_score_of_a_point_that_earns_nothing(chosen: float | None) -> None:
    found = summarise_sharpes([point("chosen"), point("beside")], [chosen, -1.0], sharp_peak=0.5)
    assert found["plateau_score"] is None


def test_points_off_the_grid_count_only_as_neighbours() -> None:
    found = summarise_sharpes([point(), point("off chosen"), point("off beside")], [1.0, 9.0, 8.0], sharp_peak=0.5)
    assert (found["best"], found["grid_points"], found["chosen"], found["worst_neighbour"]) == (1.0, 1.0, 9.0, 8.0)


def test_a_grid_without_any_defined_sharpe() -> None:
    found = summarise_sharpes([point("chosen"), point()], [None, None], sharp_peak=0.5)
    assert (found["grid_points"], found["undefined_points"]) == (2.0, 2.0)
    assert [found[name] for name in ("best", "median", "sharp_peak", "near_best", "plateau_score")] == [None] * 5


def test_heatmaps_by_hand() -> None:
    grid: dict[str, tuple[float | str, ...]] = {
        "stop_atr": (2.0, 3.0),
        "exit": ("ma_20", "ma_50"),
        "fast_clearance": (0.0, 0.01),
    }
    sharpes: Sequence[float | None] = [1.0, 2.0, 3.0, 4.0, None, 6.0, None, None]
    found = heatmaps("s", points_of(Parameters(stop_atr=2.0, fast_clearance=0.0), grid), grid, {"sharpe": sharpes})
    cells = {
        (row["x"], row["x_value"], row["y"], row["y_value"]): (row["value"], row["points"]) for row in found.to_dicts()
    }
    assert len(cells) == 12
    assert cells["stop_atr", "2.0", "exit", '"ma_20"'] == (1.5, 2)
    assert cells["stop_atr", "3.0", "exit", '"ma_20"'] == (6.0, 1)
    assert cells["stop_atr", "3.0", "exit", '"ma_50"'] == (None, 0)
    assert cells["exit", '"ma_20"', "fast_clearance", "0.01"] == (4.0, 2)
    HEATMAPS.validate(HEATMAPS.conform(found))


def test_the_sweep_equals_one_backtest_after_another(finished: Experiment, prepared: PreparedBacktest) -> None:
    points = finished.warehouse.read(SENSITIVITY, rows=KNOWN)
    assert points["params"].n_unique() == 4
    for params, rows in points.group_by("params"):
        parameters = Parameters.model_validate(prepared.parameters.model_dump() | json.loads(str(params[0])))
        run = backtest(with_parameters(prepared, parameters), START, END, split="development")
        alone = summarise(run.equity, run.trades, periods_per_year=252)
        found = dict(rows.select("metric", "value").iter_rows())
        assert found.pop("exposed_sessions") == run.equity.filter(pl.col("gross_exposure") > 0).height
        assert found == pytest.approx({name: alone[name] for name in found}, rel=1e-9, abs=1e-12)


def test_the_chosen_point_is_the_backtest_on_record(finished: Experiment) -> None:
    chosen = finished.warehouse.read(SENSITIVITY, rows=KNOWN).filter("chosen", metric="sharpe")["value"].item()
    base = finished.warehouse.read(STRESS, rows=KNOWN).filter(split=DEVELOPMENT, scenario="base", metric="sharpe")
    assert chosen == pytest.approx(base["value"].item(), rel=1e-9)
    summary = dict(finished.warehouse.read(SENSITIVITY_SUMMARY, rows=KNOWN).select("statistic", "value").iter_rows())
    assert summary["chosen"] == chosen
    assert summary["grid_points"] == 4


def test_every_point_is_a_trial_once(experiment: Experiment) -> None:
    before = experiment.warehouse.read(TRIALS)
    points = experiment.warehouse.read(SENSITIVITY)
    assert sorted(before["trial"]) == sorted(set(points["trial"]))
    assert experiment.run("robustness/sensitivity/known").success
    assert experiment.warehouse.read(TRIALS).equals(before)
    grids = {"known": {"stop_atr": [2.5, 3.5], "exit": ["ma_20", "staged"]}}
    experiment.write(robustness={"grids": grids})
    assert experiment.run("robustness/sensitivity/known").success
    after = experiment.warehouse.read(TRIALS)
    assert after.height == before.height + 2  # 3.5 is new
    assert after.join(before, on="trial", how="semi").equals(before)
    known, other = (set(before.filter(strategy=name)["params_hash"]) for name in ("known", "unknown"))
    assert not known & other  # the trend filter differs


def test_heatmap_means_are_those_of_the_points(finished: Experiment) -> None:
    maps = finished.warehouse.read(HEATMAPS, rows=KNOWN)
    points = finished.warehouse.read(SENSITIVITY, rows=KNOWN).filter(metric="sharpe")
    assert maps.filter(metric="sharpe")["value"].mean() == pytest.approx(np.mean(points["value"].to_numpy()))
