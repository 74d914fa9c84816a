from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import ConfigurationError
from trading_assets.robustness.assets import build_assets
from trading_assets.robustness.sensitivity.grid import grids
from trading_assets.strategies.equity_momentum import GRID
from trading_assets_tests.robustness.pipeline import Experiment


def configured(folder: Path, grid: Any) -> Any:
    return Experiment(folder).write(robustness={"grids": grid})


def test_the_grid_of_the_module_unless_configured(tmp_path: Path) -> None:
    found = grids(configured(tmp_path, {"known": {"max_hold": [5, 10]}}))
    assert found == {"known": {"max_hold": [5, 10]}, "unknown": {name: list(values) for name, values in GRID.items()}}
    assert isinstance(found["known"]["max_hold"][0], int)  # YAML's 5 is read as 5.0


@pytest.mark.parametrize(
    ("grid", "parts"),
    [
        ({"knwon": {"stop_atr": [2]}}, ["key: robustness.grids.knwon\n", "did you mean 'known'?"]),
        ({"known": {"stop_art": [2]}}, ["key: robustness.grids.known.stop_art\n", "did you mean 'stop_atr'?"]),
        (
            {"known": {"stop_atr": [2.0, -1.0]}},
            ["-1.0 is no value", "key: robustness.grids.known.stop_atr\n", "greater"],
        ),
        ({"known": {"exit": ["ma_20", "never"]}}, ["'never' is no value", "robustness.grids.known.exit", "'staged'"]),
        ({"known": {"stop_atr": []}}, ["robustness.grids.known.stop_atr", "at least one"]),
        ({"known": {"stop_atr": [2.0, 2.0]}}, ["robustness.grids.known.stop_atr", "different values"]),
    ],
)
def test_a_grid_that_cannot_be_used_is_a_configuration_error(tmp_path: Path, grid: Any, parts: list[str]) -> None:
    configuration = configured(tmp_path, grid)
    with pytest.raises(ConfigurationError) as error:
        build_assets(configuration)
    assert all(part in str(error.value) for part in parts), str(error.value)
