"""What is wrong with a configuration, in words: file, line, key, what was expected, the nearest valid key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from trading_assets.config.errors import KeyPath, Line, block, known_part, nearest, shortened
from trading_assets.config.models import FAMILIES, OWN, OwnModel
from trading_assets.config.stated import RENAMED_KEYS
from trading_assets.config.tuning import RANGES
from trading_assets.config.unquoted import Unquoted, advice, unquoted_scalars

#: Faults that one error lists.
MOST_BLOCKS = 10
#: Faults that are looked at for what they have in common.
_MOST_FAULTS = 1_000


def explain(
    path: Path, lines: Mapping[KeyPath, int], model: type[BaseModel], prefix: KeyPath, error: ValidationError
) -> str:
    """Return what is wrong, a block a fault.

    Parameters
    ----------
    path, lines
        File of the configuration, and the line of each key.
    model, prefix
        What was validated, and where it stands in the file.
    error
        What pydantic says of it.
    """
    every = error.errors(include_url=False)
    items = every[:_MOST_FAULTS]
    places = [(*prefix, *_written(_untagged(item), lines, prefix)) for item in items]
    no_text = _no_text(path, lines, items, places)
    groups: dict[KeyPath, list[Unquoted]] = {
        each.path[:-1] if isinstance(each.path[-1], int) else each.path: [] for each in no_text
    }
    covered = set()
    for each in no_text:
        starts = [each.path[:end] for end in range(len(each.path) + 1)]
        covered.update(starts)
        for start in starts:
            if start in groups:
                groups[start].append(each)
    blocks = {block(path, lines, where, *advice(group)): None for where, group in groups.items()}
    more = len(every) - len(items)
    for item, where in zip(items, places, strict=True):
        known = known_part(where, lines)
        if known and known in covered:
            continue  # what else the value might have been
        if len(blocks) >= MOST_BLOCKS:
            more += 1
            continue
        what, expected = item["msg"].removeprefix("Value error, "), ""
        if item["type"] == "extra_forbidden":
            what = f"unknown key {shortened(str(where[-1]))!r}"
            expected = _valid_key(str(where[-1]), _known_keys(model, item["loc"][:-1]))
        elif item["type"] == "missing":
            what, expected = f"missing key {where[-1]!r}", "a value for it"
        elif item["type"] in ("date_parsing", "date_from_datetime_parsing"):
            what, expected = f"{shortened(repr(item['input']))} is no date", "a date such as 2024-01-31"
        elif item["type"] in ("union_tag_invalid", "union_tag_not_found") and where[:1] == ("models",):
            tag = item["input"].get("type") if isinstance(item["input"], dict) else item["input"]
            what, expected = f"no family of models {shortened(repr(tag))}", nearest(str(tag), [*FAMILIES])
            if len(where) == len(("models", "name")):
                expected += "; or your own with a dot in it, as `my_models.nearest`"
            where = (*where, "type")
        elif item["type"] == "string_pattern_mismatch" and where[:1] == ("features",):
            what = f"{shortened(repr(item['input']))} is no dotted path of a module"
            expected = "such as `my_features.gaps`, which is my_features/gaps.py in the folder of the configuration"
        elif (
            "input" in item
            and not isinstance(item["input"], dict | list)
            and where[:1] not in (("notifier",), ("alerts",))
        ):
            what = f"{what} (got {shortened(repr(item['input']))})"
        blocks[block(path, lines, where, what, expected)] = None
    return "\n".join([*list(blocks)[:MOST_BLOCKS], *([f"... and {more:,} more"] if more else [])])


def _no_text(
    path: Path, lines: Mapping[KeyPath, int], items: Sequence[Any], places: Sequence[KeyPath]
) -> list[Unquoted]:
    """Values and keys that should be text, were written without quotes, and are something else to YAML."""
    wanted = [(item, known_part(where, lines)) for item, where in zip(items, places, strict=True)]
    wanted = [(item, known) for item, known in wanted if item["type"] in ("string_type", "literal_error")]
    if not wanted:
        return []
    files = {line.file: None for line in lines.values() if isinstance(line, Line)} or {path: None}
    found = [
        each
        for file in files
        for each in unquoted_scalars(file.read_text(encoding="utf-8"))
        if _stands_in(file, lines, (*each.path, each.text) if each.is_key else each.path)
    ]
    values = {known for item, known in wanted if item["type"] == "string_type" and item["loc"][-1] != "[key]"}
    choices = {known: item["msg"] for item, known in wanted if item["type"] == "literal_error"}
    keys = {(known, str(item["input"])) for item, known in wanted if item["loc"][-1] == "[key]"}
    return [
        each
        for each in found
        if (not each.is_key and (each.path in values or f"'{each.text}'" in choices.get(each.path, "")))
        or (each.is_key and (each.path, str(each.value)) in keys)
    ]


def _stands_in(file: Path, lines: Mapping[KeyPath, int], where: KeyPath) -> bool:
    """Whether what counts of a key is in a file, and not in one that extends it."""
    line = lines.get(where)
    return not isinstance(line, Line) or line.file == file


def _untagged(item: Any) -> KeyPath:
    """The location of a fault, without the name of a family at its end where a whole model, or a range, is at fault."""
    location: KeyPath = item["loc"]
    of_model = item["type"] in ("value_error", "model_type") and location[:1] == ("models",) and len(location) > 2
    return location[:-1] if of_model and location[-1] in (*FAMILIES, OWN, *RANGES) else location


def _written(location: KeyPath, lines: Mapping[KeyPath, int], prefix: KeyPath) -> KeyPath:
    """Drop the parts of pydantic's location that name a union member and are no key of the file."""
    kept: KeyPath = ()
    for index, part in enumerate(location):
        is_last = index == len(location) - 1
        if (*prefix, *kept, part) not in lines and (*prefix, *kept, str(part)) in lines:
            part = str(part)  # a key that is no text to YAML
        if (*prefix, *kept, part) in lines or (is_last and isinstance(part, str) and "[" not in part):
            kept = (*kept, part)
    return kept


def _known_keys(model: type[BaseModel], location: KeyPath) -> list[str]:
    models, is_name = [model], False
    for part in location:
        if is_name:  # of an entry, which is free, and may be that of a key or of a type
            is_name = False
            continue
        annotations = [each.model_fields[part].annotation for each in models if part in each.model_fields]
        found = [inner for each in annotations for inner in _models_in(each)]
        is_name = any(get_origin(each) is dict for each in annotations)
        models = found or models
        models = [each for each in models if part in _tags_of(each)] or models
    return sorted({key for candidate in models for key, field in candidate.model_fields.items() if not field.exclude})


def _tags_of(model: type[BaseModel]) -> set[Any]:
    """What tells a model from the others of its union, as pydantic's locations have it."""
    keys = [model.model_fields[name].annotation for name in ("source", "type") if name in model.model_fields]
    return {value for each in keys for value in get_args(each)} or ({OWN} if model is OwnModel else set())


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _valid_key(key: str, known: list[str]) -> str:
    renamed = {first: today for names in RENAMED_KEYS.values() for first, today in names.items()}
    name = renamed.get(key)
    return f"{name!r}, its name since 0.2.0: `config migrate` renames it" if name in known else nearest(key, known)
