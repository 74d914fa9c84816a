"""What a configuration states does not depend on how a version writes it."""

from __future__ import annotations

import importlib
import json
import pkgutil

import pytest
from pydantic import BaseModel, create_model

import trading_assets.config
import trading_assets.strategies
from trading_assets.config import stated as module
from trading_assets.config.quality import Quality
from trading_assets.config.sections import Costs, Regimes, Risk, Section
from trading_assets.config.stated import completed, restated, stated
from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies import equity_momentum

#: Defaults that a version after 0.1.0 changed on purpose; who did not state them has another configuration since.
CHANGED = {("Configuration", "schedules"), ("Schedules", "daily")}

#: Keys that there are no more, not even under another name.
GONE = {("Quality", "reuse_gap"), ("Quality", "reuse_move")}


def subclasses_of(cls: type[BaseModel]) -> list[type[BaseModel]]:
    return [each for child in cls.__subclasses__() for each in (child, *subclasses_of(child))]


def test_defaults_are_those_on_record() -> None:
    """A default that changes is a change of every registration that did not state it; then this test names it."""
    for package in (trading_assets.config, trading_assets.strategies):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    record = json.loads(module.resources.files("trading_assets.config").joinpath("defaults_of_record.json").read_text())  # type: ignore[attr-defined]
    shipped = {each for each in subclasses_of(Section) if each.__module__.startswith("trading_assets.")}
    by_key = {module.key_of(cls): cls for cls in shipped}
    for key, defaults in record.items():
        cls = by_key[key]  # a class with another name: see `RENAMED_CLASSES`
        names = module.renames_of(cls)
        for name, default in defaults.items():
            if (key, name) in GONE:
                assert name not in cls.model_fields
                continue
            field = cls.model_fields[names.get(name, name)]
            today = module.to_jsonable_python(field.get_default(call_default_factory=True))  # type: ignore[attr-defined]
            if (key, name) not in CHANGED:
                assert plain(field.annotation, today) == plain(field.annotation, default), (key, name)


def plain(annotation: object, value: object) -> object:
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return restated(annotation, value) if is_model and isinstance(value, dict) else value  # type: ignore[arg-type]


def test_defaults_are_left_out_at_every_depth() -> None:
    assert stated(Costs()) == {}
    assert stated(Costs(crypto={"fee_bps": 9.0})) == {"crypto": {"fee_bps": 9.0}}  # type: ignore[arg-type]
    # Keys that version 0.1.0 did not have are left out while they have their default.
    first = {"impact": True, "borrow_rates": True, "equity": {"tick_below_one"}, "crypto": {"tick_below_one"}}
    assert completed(Costs()) == Costs().model_dump(mode="json", exclude=first)  # type: ignore[arg-type]
    exclude = {"beyond_capacity", "max_regime_turnover"}
    whole = Risk(max_positions=3).model_dump(mode="json", exclude=exclude)
    assert completed(Risk(max_positions=3)) == whole


def test_a_new_key_with_its_default_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Regimes` of a later version, with one more key."""
    later = create_model("Regimes", __base__=Regimes, __module__=Regimes.__module__, memory=(int, 7))
    assert completed(later()) == completed(Regimes())
    assert stated(later()) == stated(Regimes())
    assert completed(later(memory=8)) == {**completed(Regimes()), "memory": 8}  # type: ignore[call-arg]
    assert stated(later(memory=8)) == {"memory": 8}  # type: ignore[call-arg]


def test_a_key_that_is_gone_is_completed() -> None:
    assert completed(Quality())["reuse_gap"] == 60
    assert "reuse_gap" not in stated(Quality())


def test_a_default_that_a_later_version_changes_is_stated() -> None:
    later = create_model("Regimes", __base__=Regimes, __module__=Regimes.__module__, number=(int, 4))
    assert stated(later()) == {"number": 4}
    assert stated(later(number=3)) == {}


def test_a_renamed_key_is_the_same_key() -> None:
    assert restated(Quality, {"releases": "reviewed.csv", "jump": 0.05}) == {"overrides": "reviewed.csv"}
    assert stated(Quality(overrides="reviewed.csv")) == {"overrides": "reviewed.csv"}
    assert completed(Quality(overrides="reviewed.csv"))["releases"] == "reviewed.csv"


def test_parameters_of_own_modules_are_stated_even_where_they_are_defaults() -> None:
    class Own(OrderParameters):
        stop_atr: float = 2.0
        capacity: float = 0.01

    assert stated(Own()) == {"stop_atr": 2.0, "capacity": 0.01}
    assert stated(equity_momentum.Parameters(stop_atr=2.0)) == {"stop_atr": 2.0}


def test_a_key_that_is_gone_is_a_change_unless_it_had_its_default() -> None:
    assert restated(Regimes, {"number": 3, "gone": 1}) == {"gone": 1}
