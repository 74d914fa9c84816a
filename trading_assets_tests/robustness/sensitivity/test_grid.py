from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import ConfigurationError
from trading_assets.robustness.assets import build_assets
from trading_assets.robustness.sensitivity.grid import checked_grid, grids
from trading_assets.strategies.equity_momentum import GRID
from trading_assets.strategies.interface.resolved import configured_strategy
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment


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


@pytest.mark.parametrize(("name", "values"), [("model", ["scores", "others"]), ("members", ["known"])])
def test_what_a_panel_is_made_of_cannot_be_in_a_grid(tmp_path: Path, name: str, values: list[str]) -> None:
    """All runs of a grid see one panel: that of the chosen model and members."""
    strategies = {
        **SETTINGS["strategies"],
        "ml": {"type": "ml", "model": "scores"},
        "both": {"type": "ensemble", "members": ["known", "unknown"]},
    }
    models = {each: {"type": "xgboost", "universe": "equity", "train_sessions": 250} for each in ("scores", "others")}
    strategy = "ml" if name == "model" else "both"
    grid = {strategy: {name: values}}
    configuration = Experiment(tmp_path).write(strategies=strategies, models=models, robustness={"grids": grid})
    with pytest.raises(ConfigurationError, match=rf"{name} cannot be in a grid") as caught:
        grids(configuration)
    assert f"\n  key: robustness.grids.{strategy}.{name}\n  expected: " in str(caught.value)
    parameters = configured_strategy(configuration, strategy).parameters
    with pytest.raises(ConfigurationError, match=rf"{name} cannot be in a grid.*\n  key: grid\.{name}\n"):
        checked_grid(strategy, parameters, grid[strategy], root=("grid",))
