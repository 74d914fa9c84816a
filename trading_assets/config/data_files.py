"""The files of data that a configuration names: found by the mark on their settings, wherever those are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from trading_assets.config.configuration import Configuration
from trading_assets.config.scalars import NamesFiles


def data_files(configuration: Configuration) -> dict[str, str]:
    """Return what a configuration names of files, or globs, by the key of the setting; those that are empty left out.

    Returns
    -------
    dict
        Such as ``market_data.0.path`` or ``risk_free.file``.
    """
    return dict(_of_model(configuration, ""))


def _of_model(model: BaseModel, key: str) -> Iterator[tuple[str, str]]:
    for name, setting in type(model).model_fields.items():
        marks = [*setting.metadata, *_marks_of_values(setting.annotation)]
        yield from _of_value(getattr(model, name), f"{key}{name}", marks, bool(setting.metadata))


def _of_value(value: object, key: str, marks: Sequence[object], is_itself: bool) -> Iterator[tuple[str, str]]:
    """Files that a value names: it itself, or, where the mark is on its values, each of these."""
    mark = next((each for each in marks if isinstance(each, NamesFiles)), None)
    if isinstance(value, str):
        if mark is not None and value not in mark.words:
            yield key, value
    elif isinstance(value, BaseModel):
        yield from _of_model(value, f"{key}.")
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _of_value(each, f"{key}.{name}", () if is_itself else marks, False)
    elif isinstance(value, Sequence):
        for number, each in enumerate(value):
            yield from _of_value(each, f"{key}.{number}", (), False)


def _marks_of_values(annotation: Any) -> list[object]:
    """Marks on the values of a mapping."""
    arguments = get_args(annotation)
    if len(arguments) != 2:  # of keys and of values
        return []
    return list(getattr(arguments[1], "__metadata__", ()))
