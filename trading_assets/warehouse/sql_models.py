"""SQL models: one SELECT is one table. What it reads, and what each column comes from, is parsed, not declared."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from trading_assets.warehouse.errors import block

_DIALECT = "duckdb"
#: A line of the comment that a model starts with: the model is a view, computed when it is read.
_VIEW = "materialized: view"

# Schema -> table -> column -> type, as sqlglot takes it.
Schema = dict[str, dict[str, dict[str, str]]]


class SqlModelError(Exception):
    """A SQL model cannot be used; `str()` is the message for people."""


@dataclass(frozen=True)
class SqlModel:
    """A table or a view made by one SELECT.

    Attributes
    ----------
    name
        ``schema.table``.
    description
        The comment that the file starts with.
    dependencies
        Names of the tables it reads, sorted.
    columns
        Output columns in order, with the comment behind each (after the comma).
    lineage
        Output column -> the (table, column) pairs it is computed from, sorted; empty for a count of rows or
        a constant.
    is_view
        Nothing is stored, so it always shows what its tables hold now. Asked for by the line
        ``-- materialized: view`` in the comment that the file starts with.
    """

    name: str
    sql: str
    description: str
    dependencies: tuple[str, ...]
    columns: Mapping[str, str]
    lineage: Mapping[str, tuple[tuple[str, str], ...]]
    is_view: bool

    @property
    def code_version(self) -> str:
        """Changes with the text of the SELECT."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:12]


def parse_models(texts: Mapping[str, str], columns_of: Mapping[str, Iterable[str]]) -> list[SqlModel]:
    """Parse models that may read each other, in an order in which each follows what it reads.

    Parameters
    ----------
    texts
        SQL by name.
    columns_of
        Columns of the tables that are no models, so that ``*`` and unqualified columns are understood. Leave
        out a table whose columns are not all known.

    Raises
    ------
    SqlModelError
        A text is not one SELECT on ``schema.table`` names, or models read each other in a circle.
    """
    statements = {name: _parse(name, sql) for name, sql in texts.items()}
    reads = {name: [table for table in _tables(name, each) if table in texts] for name, each in statements.items()}
    try:
        order = list(TopologicalSorter(dict(sorted(reads.items()))).static_order())
    except CycleError as error:
        raise SqlModelError(f"SQL models read each other in a circle: {' <- '.join(error.args[1])}") from None
    known = {name: list(columns) for name, columns in columns_of.items()}
    models = []
    for name in order:
        model = _model(name, texts[name], statements[name], known)
        known[name] = list(model.columns)
        models.append(model)
    return models


def parse_model(name: str, sql: str, columns_of: Mapping[str, Sequence[str]]) -> SqlModel:
    """Parse one model; errors as of `parse_models`.

    Parameters
    ----------
    name, sql
        `schema.name` of the model, and its SELECT.
    columns_of
        Columns of the tables that it may read, by name.
    """
    return _model(name, sql, _parse(name, sql), columns_of)


def _model(name: str, sql: str, statement: exp.Query, columns_of: Mapping[str, Sequence[str]]) -> SqlModel:
    tables = _tables(name, statement)
    schema: Schema = {}
    for table in tables:
        if table in columns_of:
            stage, _, short = table.partition(".")
            schema.setdefault(stage, {})[short] = dict.fromkeys(columns_of[table], "unknown")
    try:
        qualified = qualify(
            statement.copy(), schema=schema, dialect=_DIALECT, validate_qualify_columns=False, identify=False
        )
        comments = {select.alias_or_name: " ".join(select.comments or ()).strip() for select in statement.selects}
        columns = {column: comments.get(column, "") for column in qualified.named_selects}
        if "*" in columns:
            raise SqlModelError(_problem(name, "`*` of a table whose columns are not declared", "name the columns"))
        sources = _lineage(qualified, schema)
    except SqlglotError as error:
        raise SqlModelError(_problem(name, str(error), "columns of the tables it reads")) from None
    header = _header(sql)
    description = " ".join(line for line in header if line != _VIEW)
    return SqlModel(name, sql, description, tuple(tables), columns, sources, is_view=_VIEW in header)


def with_replacements(model: SqlModel, names: Mapping[str, str]) -> str:
    """Return the model's SELECT with some of its tables replaced by others, which take the old ones' aliases."""
    statement = _parse(model.name, model.sql)
    for table in list(statement.find_all(exp.Table)):
        substitute = names.get(f"{table.db}.{table.name}")
        if substitute is not None:
            alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
            table.set("alias", alias)
            table.set("this", exp.to_identifier(substitute, quoted=True))
            table.set("db", None)
    return str(statement.sql(_DIALECT))


def _parse(name: str, sql: str) -> exp.Query:
    try:
        statements = sqlglot.parse(sql, dialect=_DIALECT)
    except SqlglotError as error:
        raise SqlModelError(_problem(name, str(error), "one SELECT in DuckDB's SQL")) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        found = ", ".join(type(statement).__name__ if statement else "nothing" for statement in statements)
        raise SqlModelError(_problem(name, f"not a query: {found}", "one SELECT"))
    return statements[0]


def _tables(name: str, statement: exp.Query) -> list[str]:
    local = {common.alias_or_name for common in statement.find_all(exp.CTE)}
    found = set()
    for table in statement.find_all(exp.Table):
        if table.db:
            found.add(f"{table.db}.{table.name}")
        elif table.name not in local:
            raise SqlModelError(_problem(name, f"reads {table.sql(_DIALECT)}", "tables named schema.table"))
    return sorted(found)


def _lineage(qualified: exp.Query, schema: Schema) -> dict[str, tuple[tuple[str, str], ...]]:
    """Sources of every output column of a statement whose columns name their tables.

    Nobody reads the texts of the nodes, which sqlglot would copy and trim for each: that takes five times as long.
    """
    scope = build_scope(qualified)
    nodes = lineage(None, qualified, schema=schema, dialect=_DIALECT, scope=scope, trim_selects=False, copy=False)
    return {column: tuple(sorted(set(_sources(node)))) for column, node in nodes.items()}


def _sources(node: Node) -> Iterator[tuple[str, str]]:
    for part in node.walk():
        if isinstance(part.source, exp.Table) and part.source.db:
            yield f"{part.source.db}.{part.source.name}", part.name.rpartition(".")[2].strip('"')


def _header(sql: str) -> list[str]:
    """Lines of the comment that the text starts with."""
    lines = itertools.takewhile(lambda line: line.startswith("--"), sql.splitlines())
    return [line.removeprefix("--").strip() for line in lines]


def _problem(name: str, what: str, expected: str) -> str:
    return block(f"not a SQL model: {what}", model=name, expected=expected)
