"""Pages of the reference, made from the code when the site is built: keys, tables, features, strategies, commands.

mkdocs calls `on_files` (a hook of `mkdocs.yml`). Each function returns the Markdown of one page.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

import trading_assets
from trading_assets import strategies
from trading_assets.cli import app
from trading_assets.config.configuration import Configuration
from trading_assets.config.models import FAMILIES, OwnModel, WalkForward
from trading_assets.features.catalog import FEATURES
from trading_assets.warehouse.table import Table

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

#: Pages of the repository that are on the site, too.
_OF_THE_ROOT = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
#: Keys that the command line sets, not the file.
_NOT_IN_THE_FILE = {"directory", "data", "notifier.token", "strategies.parameters"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those of the folder."""
    from mkdocs.structure.files import File  # not there where only the pages' text is asked for

    pages = {
        "configuration": configuration_page,
        "strategies": strategies_page,
        "features": features_page,
        "tables": tables_page,
        "commands": commands_page,
    }
    for name, page in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page()))
    root = Path(config.config_file_path).parent
    for name in _OF_THE_ROOT:
        text = (root / name).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to pages of the repository's root lead to their copies on the site."""
    return markdown.replace("](../", "](") if "/" not in page.file.src_uri else markdown


def configuration_page() -> str:
    """Every key with its default, what it may be, and what it means."""
    lines = [
        "# Configuration",
        "",
        "Every key of the YAML file. `trading-assets config init FILE` writes a template, `config check FILE` says "
        "what is wrong with a file before anything is touched, `config show FILE` prints it with all defaults.",
        "",
    ]
    for title, rows in sections():
        named = [(f"`{key}`", *cells) for key, *cells in rows]
        lines += [f"## {title}", "", *_table(("key", "default", "may be", "meaning"), named)]
    return "\n".join(lines)


def sections() -> Iterator[tuple[str, list[tuple[str, str, str, str]]]]:
    """Rows of keys by section: path, default, type, meaning; those without a section of their own come first."""
    fields = {name: each for name, each in Configuration.model_fields.items() if name not in _NOT_IN_THE_FILE}
    plain = {name: each for name, each in fields.items() if not list(_models_in(each.annotation))}
    yield "The experiment", [_row(Configuration, name, name) for name in plain]
    for name in (each for each in fields if each not in plain):
        if name == "market_data":
            for model in _models_in(fields[name].annotation):
                yield f"market_data, `source: {_literal(model, 'source')}`", list(_rows(model, "market_data"))
        elif name == "models":
            yield name, [_row(Configuration, name, name), *_rows(WalkForward, f"{name}.<name>")]
            yield from _families()
        else:
            yield name, [_row(Configuration, name, name), *_rows_below(fields[name], name)]


def _families() -> Iterator[tuple[str, list[tuple[str, str, str, str]]]]:
    """Rows of the keys that a family of models has beside those of every model, or with another default."""
    common, path = list(_rows(WalkForward, "models.<name>")), "models.<name>"
    for family, model in {**FAMILIES, "my_models.nearest": OwnModel}.items():
        yield f"models, `type: {family}`", [each for each in _own_rows(model, path) if each not in common]


def _own_rows(model: type[BaseModel], path: str) -> Iterator[tuple[str, str, str, str]]:
    """Rows of the keys of a model; of the models in it no more than which they are."""
    for name, field in model.model_fields.items():
        yield _row(model, name, f"{path}.{name}")
        if name not in ("member", "members"):
            yield from _rows_below(field, f"{path}.{name}")


def _rows_below(field: FieldInfo, path: str) -> Iterator[tuple[str, str, str, str]]:
    for model in _models_in(field.annotation):
        yield from _rows(model, path + (".<name>" if get_origin(field.annotation) is dict else ""))


def _rows(model: type[BaseModel], path: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        own = f"{path}.{name}"
        if own.replace(".<name>", "") in _NOT_IN_THE_FILE:
            continue
        yield _row(model, name, own)
        yield from _rows_below(field, own)


def _row(model: type[BaseModel], name: str, path: str) -> tuple[str, str, str, str]:
    field = model.model_fields[name]
    below = list(_models_in(field.annotation))
    default = "" if below else _default(field)
    return path, default, "" if below else _kind(field.annotation, field), meaning_of(model, name)


def meaning_of(model: type[BaseModel], name: str) -> str:
    """Description of a field, where a subclass only changes its default that of the class above."""
    for each in model.__mro__:
        field = getattr(each, "model_fields", {}).get(name)
        if field is not None and field.description:
            return field.description
    below = [inspect.getdoc(each) or "" for each in _models_in(model.model_fields[name].annotation)]
    return below[0].splitlines()[0] if below else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None or value == "":
        return "none"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{to_jsonable_python(value)}`"


def _kind(annotation: Any, field: FieldInfo | None = None) -> str:
    bounds = [
        f"{mark} {getattr(each, name):,}"
        for each in (field.metadata if field else ())
        for name, mark in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if isinstance(getattr(each, name, None), int | float)
    ]
    stricter = {bound.removeprefix("> ") for bound in bounds if bound.startswith("> ")}
    bounds = [bound for bound in bounds if bound.removeprefix("≥ ") not in stricter]  # of a type that is narrowed
    return ", ".join([_type(annotation), *dict.fromkeys(bounds)])


def _type(annotation: Any) -> str:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inside[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" if value != "" else "empty" for value in inside)
    if origin in (Union, UnionType):
        return " or ".join(_type(each) for each in inside if each is not type(None))
    if origin is dict:
        return f"mapping of {_type(inside[0])} to {_type(inside[1])}"
    if origin in (list, tuple):
        return f"list of {_type(inside[0])}"
    names = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Any: "anything"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)).lower())


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models_in(each)


def _literal(model: type[BaseModel], name: str) -> str:
    return str(get_args(model.model_fields[name].annotation)[0])


def strategies_page() -> str:
    """Every strategy that is shipped: what it does, its parameters, its grid."""
    lines = [
        "# Strategies",
        "",
        "A configuration names one as `type`; what stands beside `type` are its parameters.",
        "",
    ]
    for name, module in shipped_strategies().items():
        grid = getattr(module, "GRID", {})
        rows = [
            (f"`{key}`", default, may_be, meaning, ", ".join(str(value) for value in grid.get(key, ())))
            for key, default, may_be, meaning in parameters_of(module)
        ]
        kind = "order-based" if hasattr(module, "rules") else "target weights"
        lines += [f"## {name}", "", inspect.cleandoc(module.__doc__ or ""), "", f"Kind: {kind}.", ""]
        lines += _table(("parameter", "default", "may be", "meaning", "grid"), rows)
    return "\n".join(lines)


def parameters_of(module: Any) -> list[tuple[str, str, str, str]]:
    """Name, default, type and meaning of each parameter of a strategy."""
    return [_row(module.Parameters, name, name) for name in module.Parameters.model_fields]


def shipped_strategies() -> dict[str, Any]:
    """Return the modules of `trading_assets.strategies` that are strategies, by name."""
    modules = {
        each.name: importlib.import_module(f"{strategies.__name__}.{each.name}")
        for each in pkgutil.iter_modules(strategies.__path__)
        if not each.ispkg
    }
    return {name: module for name, module in modules.items() if hasattr(module, "Parameters")}


def features_page() -> str:
    """Every column of `features.daily`."""
    lines = [
        "# Features",
        "",
        "Columns of `features.daily`: what the matrix of a model has, and of which the panel of a strategy has those "
        "that it names, in an expression or in its function `columns`. A value at a session is known at its close. "
        "Look-back and warm-up count usable bars; a recursive mean carries all of them. Beside them a panel has "
        "[`features.indicators`](tables.md#featuresindicators) and the columns of "
        "[`market_data.bars`](tables.md#market_databars).",
        "",
    ]
    for category in dict.fromkeys(feature.category for feature in FEATURES):
        rows = [
            (
                f"`{each.column}`",
                each.description,
                "recursive" if each.lookback is None else str(each.lookback),
                str(each.lookback or "" if each.warm_up is None else each.warm_up),
                each.scope,
                each.source,
            )
            for each in FEATURES
            if each.category == category
        ]
        lines += [
            f"## {category}",
            "",
            *_table(("column", "measures", "look-back", "warm-up", "scope", "source"), rows),
        ]
    return "\n".join(lines)


def tables_page() -> str:
    """Every declared table of the warehouse."""
    lines = [
        "# Tables",
        "",
        "Tables of `<data>/<name>/warehouse.duckdb` by stage, as they are declared; `trading-assets sql` reads them.",
        "",
    ]
    for table in declared_tables():
        rows = [
            (f"`{name}`", str(each.dtype), "yes" if each.nullable else "no", each.description)
            for name, each in table.columns.items()
        ]
        key = ", ".join(f"`{name}`" for name in table.key)
        lines += [f"## {table.name}", "", table.description, "", f"Key: {key}.", ""]
        lines += _table(("column", "type", "may be null", "meaning"), rows)
    return "\n".join(lines)


def declared_tables() -> list[Table]:
    """Tables of all stages, by name."""
    package = Path(inspect.getfile(trading_assets)).parent
    found = {
        table.name: table
        for path in sorted(package.glob("*/tables.py"))
        for table in vars(importlib.import_module(f"trading_assets.{path.parent.name}.tables")).values()
        if isinstance(table, Table) and not table.name.startswith("main.")
    }
    return [found[name] for name in sorted(found)]


def commands_page() -> str:
    """Every command of `trading-assets` with its arguments and options."""
    lines = ["# Commands", "", "`trading-assets COMMAND --help` prints the same.", ""]

    def walk(command: Any, path: str) -> None:
        if isinstance(getattr(command, "commands", None), dict):
            for name in command.commands:
                walk(command.commands[name], f"{path} {name}")
            return
        lines.extend([f"## {path.removeprefix('trading-assets ')}", "", (command.help or "").strip(), ""])
        rows = [
            (f"`{', '.join(each.opts) if each.param_type_name == 'option' else each.name.upper()}`", each.help or "")
            for each in command.params
            if "--help" not in each.opts
        ]
        lines.extend(_table(("argument or option", "meaning"), rows) if rows else [])

    walk(typer.main.get_command(app), "trading-assets")
    return "\n".join(lines)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in (titles, *rows)]
    head, *body = (f"| {' | '.join(row)} |" for row in cells)
    return [head, "|---" * len(titles) + "|", *body, ""]
