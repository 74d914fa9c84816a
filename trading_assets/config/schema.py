"""The JSON schema of a configuration, for editors: keys with their meaning, values, and what is no key.

It is made of the models that validate a file, so it knows what they know of single values. What takes two keys to
judge, or a file, is found by `config check`.
"""

from __future__ import annotations

import copy
from importlib import resources
from typing import Any

from trading_assets.config.configuration import Configuration
from trading_assets.config.overlays import EXTENDS
from trading_assets.config.strategies import BUILT_IN, import_strategy

#: Name of the file that `config init` and `config wizard` write beside a configuration, and the line that names it.
SCHEMA_FILE = "trading_assets.schema.json"
EDITOR_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OVERLAY = "Overlay."
_DEFINITIONS = "#/$defs/"
Schema = dict[str, Any]


def json_schema() -> Schema:
    """Return the schema of a file: of a whole configuration, or of an overlay, which has `extends`."""
    whole = Configuration.model_json_schema()
    definitions = whole.pop("$defs")
    _as_written(whole, definitions)
    definitions["Configuration"] = whole
    overlays = {f"{_OVERLAY}{name}": _relaxed(each) for name, each in definitions.items()}
    overlays[f"{_OVERLAY}Configuration"]["properties"][EXTENDS] = {
        "type": "string",
        "minLength": 1,
        "description": "the file that this one changes keys of, relative to the folder of this file",
    }
    return {
        "$schema": DIALECT,
        "title": "Configuration of trading_assets",
        "type": "object",
        "if": {"required": [EXTENDS]},
        "then": {"$ref": f"{_DEFINITIONS}{_OVERLAY}Configuration"},
        "else": {"$ref": f"{_DEFINITIONS}Configuration"},
        "$defs": {**definitions, **overlays},
    }


def _as_written(whole: Schema, definitions: dict[str, Schema]) -> None:
    """Say what a file may write where validators take more than the models show."""
    for name in ("directory", "data"):
        whole["properties"].pop(name, None)
    definitions["Notifier"]["properties"].pop("token", None)
    day = definitions["Interval"]["properties"]["start"]
    pair = {"type": "array", "prefixItems": [day, day], "items": False, "minItems": 2, "title": "[first, last]"}
    definitions["Interval"] = {"anyOf": [pair, definitions["Interval"]]}
    values = definitions["AlternativeData"]["properties"]["values"]
    names = {"type": "array", "items": {"type": "string"}}
    definitions["AlternativeData"]["properties"]["values"] = {
        "anyOf": [names, values],
        **{key: values.pop(key) for key in ("description", "default") if key in values},
    }
    definitions["FilesSource"]["required"] = ["source"]  # a layout may say the rest, as a schema cannot
    definitions["StrategySettings"] = _strategies(definitions["StrategySettings"], definitions)


def _strategies(settings: Schema, definitions: dict[str, Schema]) -> Schema:
    """Parameters stand beside `type`; those of shipped types are known."""
    own = {name: each for name, each in settings["properties"].items() if name != "parameters"}
    cases = []
    for name in _shipped_types():
        parameters = import_strategy(f"{BUILT_IN}.{name}").Parameters.model_json_schema()
        definitions |= parameters.pop("$defs", {})
        case = {
            "properties": {**own, **parameters["properties"]},
            "required": ["type", *parameters.get("required", [])],
            "additionalProperties": False,
        }
        cases.append({"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": case})
    return {"type": "object", "properties": own, "required": ["type"], "allOf": cases}


def _shipped_types() -> list[str]:
    """Names of the shipped modules, found and not listed."""
    folder = resources.files(BUILT_IN)
    modules = [each for each in folder.iterdir() if each.name.endswith(".py") and each.name != "__init__.py"]
    return sorted(each.name[:-3] for each in modules if "\nclass Parameters(" in each.read_text(encoding="utf-8"))


def _relaxed(schema: Any) -> Any:
    """Return a schema of a part of the values: nothing is required, and one of several kinds need not be told apart."""
    if isinstance(schema, list):
        return [_relaxed(each) for each in schema]
    if not isinstance(schema, dict):
        return copy.deepcopy(schema)
    found = {}
    for key, each in schema.items():
        if key == "if":
            found[key] = copy.deepcopy(each)
        elif key == "oneOf":
            found["anyOf"] = _relaxed(each)
        elif key == "$ref":
            found[key] = each.replace(_DEFINITIONS, f"{_DEFINITIONS}{_OVERLAY}")
        elif key == "properties":
            found[key] = {name: _relaxed(value) for name, value in each.items()}
        elif key not in ("required", "discriminator", "default", "minProperties"):
            found[key] = _relaxed(each)
    return found
