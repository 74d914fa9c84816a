"""What looks back further than the data go is named with its key, before a run computes anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import load_configuration
from trading_assets.strategies.evaluation.history import faults_of_history
from trading_assets_tests.end_to_end.experiments import changed

PAIRS = {"type": "pairs", "formation_sessions": 126}


def faults(
    folder: Path, strategy: dict[str, Any], bars: int | None = None, **grid: list[float]
) -> list[tuple[tuple[str | int, ...], str]]:
    """Of a strategy on the tiny market (587 weekdays until validation is over), or on symbols with so many bars."""
    robustness = {"grids": {"one": grid}} if grid else {}
    path = changed(folder, strategies={"one": strategy}, registration=None, models=None, robustness=robustness)
    configuration = load_configuration(path, folder / "data")
    histories = None if bars is None else {"one": (bars, "any symbol of it")}
    return [(fault.where, fault.what) for fault in faults_of_history(configuration, histories)]


def test_what_the_data_allow_has_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, PAIRS, formation_sessions=[126, 587]) == []
    assert faults(tmp_path, PAIRS, 126) == []
    assert faults(tmp_path, {"type": "factor"}, 253) == []


@pytest.mark.parametrize("value", [588, 1000])
def test_a_value_of_a_grid_is_a_window_too(tmp_path: Path, value: int) -> None:
    where = ("robustness", "grids", "one", "formation_sessions")
    said = f"tries a formation_sessions of {value} sessions; start to the end of validation has at most 587"
    assert faults(tmp_path, PAIRS, formation_sessions=[126, value]) == [(where, f"the sensitivity grid {said}")]


def test_the_bars_that_are_there_count(tmp_path: Path) -> None:
    """The dates allow 587 sessions, and the symbols have 125 bars."""
    where = ("strategies", "one", "formation_sessions")
    assert faults(tmp_path, PAIRS, 125) == [
        (where, "formation_sessions looks back 126 sessions; any symbol of it has at most 125")
    ]


def test_a_feature_and_an_indicator_without_any_value(tmp_path: Path) -> None:
    """`momentum_12_1` needs the close of 252 sessions before, the mean of 200 closes 199 before."""
    [(where, said)] = faults(tmp_path, {"type": "factor"}, 252)
    assert where == ("strategies", "one")
    assert said == "momentum_12_1 has its first value after 252 sessions; any symbol of it has at most 252"
    assert [said[:6] for _, said in faults(tmp_path, {"type": "mean_reversion"}, 199)] == ["ma_200"]


OWN = """
import polars as pl

from trading_assets.config.strategies import TargetWeightParameters, Window


class Parameters(TargetWeightParameters):
    capacity: float = 0.01
    slow: Window = 50


GRID = {"slow": [50, 900]}


def target_weights(parameters: Parameters, panel: pl.DataFrame) -> pl.DataFrame:
    return panel.select("symbol", "session", weight=pl.lit(0.0), reason=pl.lit("none"))
"""


def test_windows_of_an_own_module_count_where_it_declares_them(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "slow.py").write_text(OWN)
    found = faults(tmp_path, {"type": "own.slow"})
    assert [where for where, _ in found] == [("strategies", "one")]
    assert "tries a slow of 900 sessions" in found[0][1]
