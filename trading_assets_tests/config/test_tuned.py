from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import ConfigurationError, load_configuration
from trading_assets.config.models import Model, RidgeModel, StackingModel
from trading_assets.config.tuned import is_whole, searchable

FILE = """\
name: searched
seed: 1
start: 2015-01-01
market_data: [{{source: synthetic, asset_class: equity, calendar: XNYS, symbols: 5}}]
models:
  own:
    {family}
    tune:
      search:
        {search}
strategies:
  ml: {{type: ml, model: own}}
"""


def told(folder: Path, search: str, family: str = "type: xgboost") -> str:
    path = folder / "searched.yaml"
    path.write_text(FILE.format(search=search, family=family))
    try:
        load_configuration(path, folder)
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("search", "where", "said"),
    [
        ("dept: {low: 1, high: 3}", "dept", "did you mean 'depth'?"),
        ("horizon: {low: 1, high: 5}", "horizon", "no parameter 'horizon' to search for"),
        ("type: {choices: [xgboost, ridge]}", "type", "no parameter 'type' to search for"),
        ("depth: {low: 1, high: 33}", "depth.high", "less than or equal to 32 (got 33)"),
        ("depth: {low: 2, high: 4.5}", "depth.high", "valid integer"),
        ("depth: {low: 1, high: 4, step: 0.5}", "depth.step", "a whole step"),
        ("learning_rate: {low: 0, high: 1}", "learning_rate.low", "greater than 0 (got 0)"),
        ("depth: {choices: [3, 40]}", "depth.choices.1", "less than or equal to 32 (got 40)"),
        ("depth: {low: 4, high: 8}", "depth", "depth of the model is 3, which is not in the range"),
        ("depth: {choices: [2, 4]}", "depth", "depth of the model is 3"),
        ("depth: {low: 8, high: 4}", "depth", "the range ends at 4, and begins at 8"),
        ("depth: 3", "depth", "valid dictionary"),
    ],
)
def test_a_fault_names_file_line_and_key(search: str, where: str, said: str, tmp_path: Path) -> None:
    message = told(tmp_path, search)
    assert said in message
    assert f"key: models.own.tune.search.{where}\n" in f"{message}\n"
    assert f"file: {tmp_path / 'searched.yaml'}, line 10\n" in message


@pytest.mark.parametrize(
    "search",
    [
        "depth: {low: 1, high: 6}",
        "learning_rate: {low: 0.01, high: 0.5, log: true}",
        "trees: {low: 50, high: 200, step: 50}",
        "bins: {choices: [16, 64]}",
    ],
)
def test_ranges_that_a_family_accepts(search: str, tmp_path: Path) -> None:
    assert told(tmp_path, search) == ""


def test_what_is_no_number_has_choices(tmp_path: Path) -> None:
    assert "`choices` with its values" in told(tmp_path, "hidden: {low: 1, high: 16}", "type: mlp")
    assert told(tmp_path, "hidden: {choices: [[16], [8, 8]]}", "type: mlp") == ""


def test_a_model_of_ones_own_is_not_searched(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.py").write_text("def fit(training, parameters, seed): ...\ndef load(content): ...\n")
    message = told(tmp_path, "depth: {low: 1, high: 3}", "type: mine.model")
    assert "has no parameters that a search knows the ranges of" in message
    assert "key: models.own.tune" in message


def test_what_can_be_searched_are_parameters_of_the_family() -> None:
    assert searchable(Model) == ["trees", "depth", "learning_rate", "bins", "min_child_weight"]
    assert searchable(RidgeModel) == ["penalty"]
    assert searchable(StackingModel) == ["inner_folds", "penalty"]
    assert is_whole(Model, "depth")
    assert not is_whole(Model, "learning_rate")
