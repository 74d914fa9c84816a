"""Parameters of a user's own strategy: names here, meaning where the module runs."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from trading_assets.config.plugins import Origin, Plugin, strategy_module

MODULE = """
import polars as pl
from pydantic import field_validator
from trading_assets.strategies import TargetWeightParameters

class Parameters(TargetWeightParameters):
    capacity: float = 0.01
    share: float
    label: str = "plain"

    @field_validator("share")
    @classmethod
    def halved(cls, value):
        if value > 1:
            raise ValueError("no more than all")
        return value / 2

def target_weights(parameters, panel):
    return panel
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    folder: Path = tmp_path_factory.mktemp("own")
    (folder / "mine").mkdir()
    (folder / "mine" / "shares.py").write_text(MODULE)
    found = strategy_module("mine.shares", Origin(folder, (folder / "data",)), renew=True)
    yield found
    found.process.end()


def test_values_mean_what_the_module_makes_of_them(plugin: Plugin) -> None:
    made = plugin.Parameters.model_validate({"share": 0.5})
    assert made.model_dump() | {"share": 0.25, "label": "plain", "capacity": 0.01} == made.model_dump()
    assert plugin.Parameters.model_validate(made) is made


@pytest.mark.parametrize(
    ("values", "place", "said"),
    [
        ({"share": 2.0}, ("share",), "no more than all"),
        ({}, ("share",), "Field required"),
        ({"share": 1, "x": 1}, ("x",), ""),
    ],
)
def test_a_fault_has_its_place_and_the_words_of_the_module(
    values: dict[str, float], place: tuple[str, ...], said: str, plugin: Plugin
) -> None:
    with pytest.raises(ValidationError) as found:
        plugin.Parameters.model_validate(values)
    [fault] = found.value.errors()
    assert fault["loc"] == place and said in fault["msg"]


def test_parameters_travel_with_their_module(plugin: Plugin) -> None:
    made = plugin.Parameters.model_validate({"share": 0.5})
    again = pickle.loads(pickle.dumps(made))
    assert again.model_dump() == made.model_dump()
    assert again.model_fields_set == made.model_fields_set
