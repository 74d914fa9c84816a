from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from trading_assets.config import consistency, hash_of
from trading_assets.config.errors import ConfigurationError
from trading_assets.config.loading import load_configuration
from trading_assets.config.models import FAMILIES, AnyModel, Model, OwnModel, WalkForward, class_of, types_within
from trading_assets.config.stated import completed, restated, stated

SECTION: TypeAdapter[WalkForward] = TypeAdapter(AnyModel)
#: What a family cannot do without.
NEEDED: dict[str, dict[str, Any]] = {
    "stacking": {"members": [{"type": "ridge"}, {"type": "mlp"}]},
    "per_regime": {"feature": "volatility_20"},
}


def made(family: str) -> WalkForward:
    return SECTION.validate_python({"type": family, **NEEDED.get(family, {})})


def test_a_section_without_a_type_is_what_it_always_was() -> None:
    """The hash is that of version 0.1.0, whose models had no label and no family."""
    section = SECTION.validate_python({"horizon": 5})
    assert type(section) is Model
    assert hash_of(completed(section)) == "059e7f2d9b2e"
    assert stated(section) == {}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_each_family_has_its_class_and_its_identity(family: str) -> None:
    section = made(family)
    assert type(section) is FAMILIES[family] is class_of({"type": family})
    assert SECTION.validate_python(section) is section
    assert restated(type(section), stated(section)) == stated(section)


def test_no_two_families_have_the_same_hash() -> None:
    assert len({hash_of(completed(made(family))) for family in FAMILIES}) == len(FAMILIES)
    assert len({hash_of(stated(made(family))) for family in FAMILIES}) == len(FAMILIES)


def test_a_dotted_type_is_a_module_of_ones_own() -> None:
    section = SECTION.validate_python({"type": "mine.nearest", "parameters": {"k": 3}})
    assert isinstance(section, OwnModel)
    assert completed(section)["parameters"] == {"k": 3}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"type": "logistic", "label": "size"}, "logistic learns classes"),
        ({"type": "quantile", "label": "sign"}, "quantile learns a number"),
        ({"type": "stacking", "members": [{"type": "quantile"}, {"type": "ridge"}]}, "quantile learns a number"),
        (
            {"type": "stacking", "label": "size", "members": [{"type": "logistic"}, {"type": "ridge"}]},
            "logistic learns classes",
        ),
        ({"type": "stacking", "members": [{"type": "ridge"}]}, "at least 2"),
        ({"label": "sign", "barriers": {"upper": 1}}, "of the label triple_barrier"),
    ],
)
def test_what_does_not_fit_together_is_refused(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SECTION.validate_python(section)


def test_types_of_models_within_models_are_found() -> None:
    section = SECTION.validate_python({"type": "stacking", "members": [{"type": "catboost"}, {"trees": 3}]})
    assert types_within(section) == ["stacking", "catboost", "xgboost"]


def error_of(folder: Path, models: str) -> str:
    path = folder / "run.yaml"
    path.write_text(
        "name: zoo\nstart: 2020-01-01\nmarket_data: [{source: synthetic, asset_class: equity, symbols: 4}]\n"
        f"strategies: {{momentum: {{type: equity_momentum}}}}\nmodels:\n{models}\n"
    )
    with pytest.raises(ConfigurationError) as found:
        load_configuration(path, folder / "data")
    return str(found.value)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("  a: {type: lightgb}", ["models.a.type", "'lightgb'", "did you mean 'lightgbm'?"]),
        ("  a: {type: lightgbm, leavs: 3}", ["models.a.leavs", "did you mean 'leaves'?"]),
        ("  a: {leaves: 3}", ["models.a.leaves", "unknown key 'leaves'"]),
        ("  a: {type: stacking, members: [{type: ridge, penalti: 3}, {}]}", ["members.0.penalti", "'penalty'"]),
        ("  ridge: {type: mlp, hiden: [3]}", ["models.ridge.hiden", "did you mean 'hidden'?"]),
        ("  type: {type: mlp, epoch: 3}", ["models.type.epoch", "did you mean 'epochs'?"]),
        ("  a: {type: null}", ["models.a.type\n", "no family of models None", "your own"]),
        ("  a: {type: stacking, members: [{type: ridge}, {type: null}]}", ["members.1.type", "no family of models"]),
        ("  a: {type: quantile, label: sign}", ["key: models.a", "quantile learns a number"]),
        ("  a: 3", ["key: models.a", "dictionary"]),
        ("  a: {type: ridge, penalty: -1}", ["models.a.penalty", "greater than 0"]),
        ("  a: {type: mine.nowhere}", ["models.a.type", "no module mine.nowhere", "fit(training, parameters, seed)"]),
    ],
)
def test_faults_name_the_key_and_what_was_meant(models: str, said: list[str], tmp_path: Path) -> None:
    message = error_of(tmp_path, models)
    assert all(part in message for part in said), message
    assert "models.a.xgboost" not in message and "models.a.quantile" not in message


@pytest.mark.parametrize("family", ["lightgbm", "catboost"])
def test_a_library_that_is_not_there_names_its_extra(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the import system sees it: nothing is found under the name."""
    find = importlib.util.find_spec
    monkeypatch.setattr(consistency, "find_spec", lambda name: None if name == family else find(name))
    members = f"{{type: stacking, members: [{{type: {family}}}, {{type: ridge}}]}}"
    for section in (f"{{type: {family}}}", members):
        message = error_of(tmp_path, f"  a: {section}")
        assert f"pip install 'trading_assets[{family}]'" in message and "models.a.type" in message
