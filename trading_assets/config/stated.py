"""What a configuration states, free of how it is written: the values that identities and registrations are made of.

A new version of the product brings new keys, renames others, and must not thereby make another thing of what a
person configured. So a value that equals its default is left out, and a default is what it was when the key was
first released: `defaults_of_record.json` has those of version 0.1.0. A default that a later version changes is
therefore stated, as a change that it is.

Parameters of a module that is not of this package are always stated: nobody keeps a record of its defaults.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

Values = dict[str, Any]

#: Package whose classes are shipped; an own module of a user is of another one.
PACKAGE = __name__.partition(".")[0]
#: Keys that were renamed, by class (and those derived from it): the name of the first release and that of today.
RENAMED_KEYS: Mapping[str, Mapping[str, str]] = {
    "Quality": {"releases": "overrides"},
    "SourceSettings": {"tickers": "symbology"},
    "VerdictThresholds": {"min_trades": "min_bets", "go_trades": "go_bets"},
}
#: Classes that were renamed: name of today and that on record.
RENAMED_CLASSES: Mapping[str, str] = {"VerdictThresholds": "Verdict"}


def renames_of(cls: type[BaseModel]) -> dict[str, str]:
    """Return the names of today of the renamed keys of a class, by their first names."""
    return {first: today for each in cls.__mro__ for first, today in RENAMED_KEYS.get(each.__name__, {}).items()}


def key_of(cls: type[BaseModel]) -> str:
    """Return the name of a class in `defaults_of_record.json`; parameters go by the identity of their strategy."""
    if cls.__name__ == "Parameters":
        return str(getattr(sys.modules.get(cls.__module__), "IDENTITY", cls.__name__))
    return RENAMED_CLASSES.get(cls.__name__, cls.__name__)


def stated(model: BaseModel) -> Values:
    """Return the values of a section that differ from their defaults, as JSON has them, models inside it likewise."""
    return {
        name: value
        for name, each in _fields(model)
        if not _is_default(type(model), name, value := _plain(each, stated))
    }


def completed(model: BaseModel) -> Values:
    """Return the values of a section as version 0.1.0 wrote them out: all keys of that time, by their names then.

    Keys that there are no more have the default that they had.

    Keys that are younger are left out where they equal their defaults. The identities of trials are made of these, so
    that a trial of an earlier version is the same one today.
    """
    cls = type(model)
    first_names = {today: first for first, today in renames_of(cls).items()}
    gone = {name: default for name, default in _recorded(cls).items() if name not in cls.model_fields}
    own = {name: _plain(each, completed) for name, each in _fields(model) if not _is_younger_default(cls, name, each)}
    return {first_names.get(name, name): value for name, value in (gone | own).items()}


def restated(cls: type[BaseModel], values: Mapping[str, Any]) -> Values:
    """Return what `stated` says of values that any earlier version wrote down: renamed, and free of defaults.

    Keys that there are no more stay as they are, unless they had their default.
    """
    found = {}
    for key, value in values.items():
        name = renames_of(cls).get(key, key)
        inner = _model_in(cls, name)
        if inner is not None and isinstance(value, Mapping):
            value = restated(inner, value)
        if not _is_default(cls, name, value):
            found[name] = value
    return found


def filled(cls: type[BaseModel], values: Mapping[str, Any]) -> Values:
    """Return values as `restated` writes them with the defaults in place that were left out."""
    found: Values = {}
    for name in (*cls.model_fields, *(key for key in values if key not in cls.model_fields)):
        known, default = _default(cls, name)
        if name not in values and not known:
            continue
        value, inner = values.get(name, default), _model_in(cls, name)
        found[name] = filled(inner, value) if inner is not None and isinstance(value, Mapping) else value
    return found


def is_shipped(module: str) -> bool:
    """Return whether a module, by its dotted name, is one of this package."""
    return f"{module}.".startswith(f"{PACKAGE}.")


def _fields(model: BaseModel) -> Iterator[tuple[str, Any]]:
    for name, field in type(model).model_fields.items():
        if not field.exclude:
            yield name, getattr(model, name)


def _plain(value: Any, inner: Callable[[BaseModel], Values]) -> Any:
    """A value as JSON has it, the models in it as `inner` writes them."""
    if isinstance(value, BaseModel):
        return inner(value)
    if isinstance(value, Mapping):
        return {key: _plain(each, inner) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, inner) for each in value]
    return to_jsonable_python(value)


def _is_default(cls: type[BaseModel], name: str, value: Any) -> bool:
    """Whether a value, with models inside it reduced to what they state, is the default of its key."""
    known, default = _default(cls, name)
    return known and bool(value == default)


def _is_younger_default(cls: type[BaseModel], name: str, value: Any) -> bool:
    """Whether a key is younger than the record and has its default."""
    owner, field = shipped_owner(cls, name), cls.model_fields[name]
    if owner is None or name in _recorded(owner) or field.is_required():
        return False
    return bool(value == field.get_default(call_default_factory=True))


def _default(cls: type[BaseModel], name: str) -> tuple[bool, Any]:
    """Whether a key has a default that is on record or today's, and that default, reduced as values are."""
    owner = shipped_owner(cls, name)
    if owner is None:
        return False, None
    recorded = _recorded(owner)
    if name in recorded:
        default = recorded[name]
    elif name in cls.model_fields and not cls.model_fields[name].is_required():
        default = to_jsonable_python(cls.model_fields[name].get_default(call_default_factory=True))
    else:
        return False, None
    inner = _model_in(cls, name)
    return True, restated(inner, default) if inner is not None and isinstance(default, Mapping) else default


@cache
def shipped_owner(cls: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the class of this package whose default a key of `cls` has; None where a user's own class states it."""
    for each in cls.__mro__:
        if is_shipped(each.__module__):
            return each if issubclass(each, BaseModel) else None
        if name in inspect.get_annotations(each):
            return None
    return None


@cache
def _model_in(cls: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = cls.model_fields.get(name)
    annotation = None if field is None else field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


@cache
def _recorded(cls: type[BaseModel]) -> Values:
    """Defaults of the keys of a class in version 0.1.0, by their names of today."""
    if not is_shipped(cls.__module__):
        return {}
    names = renames_of(cls)
    return {names.get(name, name): value for name, value in _defaults_of_record().get(key_of(cls), {}).items()}


@cache
def _defaults_of_record() -> dict[str, Values]:
    text = (resources.files(__package__ or "") / "defaults_of_record.json").read_text(encoding="utf-8")
    found: dict[str, Values] = json.loads(text)
    return found
