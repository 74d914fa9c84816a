from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import ConfigurationError, load_configuration
from trading_assets.config.models import Model, OwnModel, RidgeModel, StackingModel, WalkForward
from trading_assets.config.tuned import counts, is_whole, searchable, tried_of
from trading_assets.config.tuning import Choices, Range

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


#: A module of a model with a search space of its own.
OWN = """\
from pydantic import BaseModel, Field
class Parameters(BaseModel):
    neighbours: int = Field(default=200, ge=1, le=500)
    shape: str = "flat"
SEARCH = {"neighbours": {"low": 50, "high": 400, "step": 50}, "shape": {"choices": ["flat", "round"]}}
def fit(training, parameters, seed): ...
def load(content): ...
"""
#: The section of a model of one's own with a search, `search` as its lines say.
SECTION = """\
name: searched
seed: 1
start: 2015-01-01
market_data: [{source: synthetic, asset_class: equity, calendar: XNYS, symbols: 5}]
models:
  own: %s
strategies:
  ml: {type: ml, model: own}
"""


def of_ones_own(folder: Path, section: str, module: str = OWN) -> WalkForward | str:
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / "model.py").write_text(module)
    path = folder / "searched.yaml"
    path.write_text(SECTION % section)
    try:
        return load_configuration(path, folder).models["own"]
    except ConfigurationError as error:
        return str(error)


def test_a_module_of_ones_own_declares_its_ranges_and_the_section_may_have_others(tmp_path: Path) -> None:
    declared = of_ones_own(tmp_path, "{type: mine.model, parameters: {shape: round}, tune: {trials: 5}}")
    assert isinstance(declared, OwnModel)
    assert declared.tune is not None
    assert declared.tune.search == {
        "neighbours": Range(low=50, high=400, step=50),
        "shape": Choices(choices=["flat", "round"]),
    }
    assert declared.tune.trials == 5
    assert declared.parameters == {"neighbours": 200, "shape": "round"}, "what is searched has a value from the start"
    assert counts(declared, "neighbours", Range(low=50, high=400, step=50))
    assert not counts(declared, "neighbours", Range(low=50, high=400.5))
    other = "{type: mine.model, tune: {search: {neighbours: {low: 100, high: 300}}}}"
    said = of_ones_own(tmp_path, other)
    assert isinstance(said, OwnModel)
    assert said.tune is not None
    assert list(said.tune.search) == ["neighbours"]
    assert said.parameters == {"neighbours": 200}


#: A range of a whole number and one of another, each written as if it were of the other kind.
KINDS = """\
from pydantic import BaseModel, AfterValidator
from typing import Annotated
def whole(value):
    if value != int(value):
        raise ValueError("not whole")
    return value
class Parameters(BaseModel):
    count: int = 3
    alpha: float = 1
    told: Annotated[int | float, AfterValidator(whole)] = 3
def fit(training, parameters, seed): ...
def load(content): ...
"""


def test_whether_a_parameter_is_a_whole_number_is_as_the_module_annotates_it(tmp_path: Path) -> None:
    section = "{type: mine.model, tune: {search: {count: {low: 1, high: 9.0, step: 2.0}, alpha: {low: 0, high: 2}}}}"
    made = of_ones_own(tmp_path, section, KINDS)
    assert isinstance(made, OwnModel)
    assert made.tune is not None
    search = made.tune.search
    assert [counts(made, name, each) for name, each in search.items() if isinstance(each, Range)] == [True, False]
    assert {name: type(each) for name, each in made.parameters.items()} == {"count": int, "alpha": float}
    assert tried_of(made, "count", search["count"]) == [1, 9, 3]
    assert tried_of(made, "alpha", search["alpha"]) == [0.0, 2.0, pytest.approx(0.7638)]


def test_a_value_between_the_ends_that_a_module_refuses_is_an_error_in_words(tmp_path: Path) -> None:
    """Annotated as either kind: the range tells that it is no whole number, and the module would fail at a trial."""
    section = "{type: mine.model, tune: {search: {told: {low: 1, high: %s}}}}"
    message = of_ones_own(tmp_path, section % "9.0", KINDS)
    assert isinstance(message, str)
    assert "not whole (got 4.05" in message
    assert isinstance(of_ones_own(tmp_path, section % "9", KINDS), OwnModel)


@pytest.mark.parametrize("section", ["{type: mine.model}", "{type: mine.model, tune: {}}"])
def test_defaults_may_be_of_an_enumeration_or_of_numpy(section: str, tmp_path: Path) -> None:
    kinds = "import enum, numpy\nclass Shape(enum.StrEnum):\n    FLAT = 'flat'\n    ROUND = 'round'\n"
    own = OWN.replace('shape: str = "flat"', "shape: Shape = Shape.FLAT\n    shapes: list[Shape] = [Shape.FLAT]")
    own = own.replace("    shapes", "    rate: float = numpy.float64(0.1)\n    shapes")
    made = of_ones_own(tmp_path, section, kinds + own)
    assert isinstance(made, OwnModel)
    assert made.parameters == ({} if made.tune is None else {"neighbours": 200, "shape": "flat"})
    assert all(type(each) in (int, str) for each in made.parameters.values())


@pytest.mark.parametrize(
    ("section", "module", "said"),
    [
        ("{type: mine.model, tune: {}}", OWN.replace("SEARCH", "OTHER"), "mine.model declares no SEARCH"),
        ("{type: xgboost, tune: {}}", OWN, "a search of no parameter"),
        ("{type: mine.model, tune: {}}", OWN.replace('"low": 50', '"low": 500'), "SEARCH of mine.model: search.neighb"),
        ("{type: mine.model, tune: {}}", OWN.replace("400, ", "600, "), "less than or equal to 500 (got 600)"),
        (
            "{type: mine.model, tune: {}}",
            OWN.replace("200", "20"),
            "neighbours of the model is 20, which is not in the",
        ),
        ("{type: mine.model, tune: {search: {size: {low: 1, high: 2}}}}", OWN, "size has no value to begin with"),
        ("{type: mine.model, tune: {}}", OWN.replace('= {"n', '= [1] or {"n'), "SEARCH"),
    ],
)
def test_a_search_of_ones_own_that_cannot_be_is_an_error_in_words(
    section: str, module: str, said: str, tmp_path: Path
) -> None:
    message = of_ones_own(tmp_path, section, module)
    assert isinstance(message, str)
    assert said in message
    assert "key: models.own" in message


def test_what_can_be_searched_are_parameters_of_the_family() -> None:
    assert searchable(Model) == ["trees", "depth", "learning_rate", "bins", "min_child_weight"]
    assert searchable(RidgeModel) == ["penalty"]
    assert searchable(StackingModel) == ["inner_folds", "penalty"]
    assert is_whole(Model, "depth")
    assert not is_whole(Model, "learning_rate")
