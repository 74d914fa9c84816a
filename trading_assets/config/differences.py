"""What differs between two configurations, as a run sees them: merged, defaults included, each key with its place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr, ValidationError

from trading_assets.config.canonical import canonical
from trading_assets.config.configuration import Configuration
from trading_assets.config.errors import KeyPath, known_part, place_of
from trading_assets.config.loading import read_validated
from trading_assets.config.plugins import is_plugin
from trading_assets.config.strategies import BUILT_IN, StrategySettings, import_strategy

#: What is shown where a key has no value, and in place of a secret.
ABSENT, HIDDEN = "(not there)", "**********"
_DEFAULT = "default"
#: Row of two configurations whose paths start in two folders; no file has the key.
DIRECTORY = "directory"
_OF_PATHS = "where relative paths and own modules start"


class Side(NamedTuple):
    """A value as text, and where it stands; `default` if in no file."""

    value: str
    place: str


class Difference(NamedTuple):
    """A key whose values differ."""

    key: str
    left: Side
    right: Side


def differences(left: Path, right: Path) -> list[Difference]:
    """Return the keys that two configurations differ in, in the order of the reference.

    Nothing of the user's own runs for it: parameters of own modules are compared as they are written. Files are not
    looked into, and relative paths are compared as text; so the first row is the folder where they and own modules
    start, if there are two.

    Raises
    ------
    ConfigurationError
        One of them cannot be used, or names a strategy's type that there is not.
    """
    sides = [_effective(path) for path in (left, right)]
    keys = {key: None for values, _ in sides for key in values}
    found = []
    for key in keys:
        if any(key not in values for values, _ in sides) or sides[0][0][key] != sides[1][0][key]:
            first, second = (Side(_text(values.get(key, ABSENT)), places.get(key, "")) for values, places in sides)
            found.append(Difference(".".join(map(str, key)), first, second))
    return found


def texts_of(configuration: Configuration) -> dict[str, str]:
    """Return the value of every key as text, by its path: defaults included, secrets hidden."""
    leaves = _leaves(_with_defaults(configuration), ())
    return {".".join(map(str, key)): _text(value) for key, value in leaves}


def between(left: Mapping[str, str], right: Mapping[str, str], places: tuple[str, str]) -> list[Difference]:
    """Return the keys in which two texts of `texts_of` differ, in the order of the reference.

    Parameters
    ----------
    left, right
        Texts by key path.
    places
        Where each of them stands, in words.
    """
    return [
        Difference(key, Side(left.get(key, ABSENT), places[0]), Side(right.get(key, ABSENT), places[1]))
        for key in {**left, **right}
        if left.get(key) != right.get(key)
    ]


def _effective(path: Path) -> tuple[dict[KeyPath, Any], dict[KeyPath, str]]:
    """Values of every key, and the place of each in words."""
    configuration, lines = read_validated(path, Path("data"))
    values = dict(_leaves(_with_defaults(configuration), ()))
    places = {key: place_of(path, lines, key) if _is_written(key, values, lines) else _DEFAULT for key in values}
    folder: KeyPath = (DIRECTORY,)
    return {folder: str(configuration.directory), **values}, {folder: _OF_PATHS, **places}


def _with_defaults(configuration: Configuration) -> dict[str, Any]:
    values: dict[str, Any] = _plain(configuration)
    for name, settings in configuration.strategies.items():
        own = values["strategies"][name]
        values["strategies"][name] = {**own, **_parameters_of(settings)}
        values["strategies"][name].pop("parameters")
    return values


def _parameters_of(settings: StrategySettings) -> dict[str, Any]:
    written = settings.parameters if isinstance(settings.parameters, dict) else settings.parameters.model_dump()
    if is_plugin(settings.type):
        return dict(written)
    try:
        found: dict[str, Any] = _plain(
            import_strategy(f"{BUILT_IN}.{settings.type}").Parameters.model_validate(written)
        )
    except (LookupError, ValidationError):  # `config check` says what is wrong with it
        return dict(written)
    return found


def _plain(value: Any) -> Any:
    """Values without models; a secret stays wrapped, so that it is compared and not shown."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {name: _plain(getattr(value, name)) for name in fields if not fields[name].exclude}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _leaves(value: Any, where: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, (*where, key))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for index, each in enumerate(value):
            yield from _leaves(each, (*where, index))
    else:
        yield where, value


def _is_written(key: KeyPath, values: Mapping[KeyPath, Any], lines: Mapping[KeyPath, int]) -> bool:
    """Whether a file has a key: itself, or as a part of something shorter, such as the first day of `[first, last]`."""
    known = known_part(key, lines)
    has_inner = any(len(each) > len(known) and each[: len(known)] == known and each in values for each in lines)
    is_list = any(each[:-1] == known and isinstance(each[-1], int) for each in lines if each)
    return known == key or (len(known) > 1 and is_list and not has_inner)


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, str):
        return value
    if isinstance(value, dt.date):
        return value.isoformat()
    return canonical(value)
