"""Which imports cost time, found from the source: what importing a module loads, without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from trading_assets_tests.conftest import REPOSITORY

PACKAGE = "trading_assets"
#: Libraries that take more than 0.1 s to import when dagster, polars and duckdb are there: processor seconds, median.
HEAVY = {
    "numba": 0.29,
    "sklearn": 1.48,
    "xgboost": 1.50,
    "mlflow": 1.37,
    "great_expectations": 3.57,
    "arch": 2.20,
    "pandera": 0.55,
    "scipy": 0.86,
    "matplotlib": 0.52,
    "exchange_calendars": 0.45,
    "pandas": 0.46,
    "sqlalchemy": 0.20,
    "ib_async": 0.18,
    "fastapi": 0.15,
    "plotly": 0.10,  # its parts come one by one as they are used
}


def name_of(path: Path) -> str:
    """Return the dotted name of a module of the package."""
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted((REPOSITORY / PACKAGE).rglob("*.py"))}


@cache
def tree_of(module: str) -> ast.Module:
    """Return the parsed source of a module of the package."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(node: ast.AST) -> set[str]:
    """Return the modules that an import statement loads; empty for any other node."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = {f"{node.module}.{alias.name}" for alias in node.names}
        return {node.module} | (names & MODULES.keys())
    return set()


def when_loaded(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements that run when a module is loaded: none of functions, none for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from when_loaded(child)


def in_functions(node: ast.AST, inside: bool = False) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the import statements within functions."""
    for child in ast.iter_child_nodes(node):
        if inside and isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from in_functions(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def direct(module: str) -> frozenset[str]:
    """Return the modules that a module of the package names in imports at its top."""
    return frozenset(name for node in when_loaded(tree_of(module)) for name in imported(node))


def libraries_of(modules: set[str]) -> set[str]:
    """Return every library that importing some modules loads, by its first name, the package's own left out."""
    seen: set[str] = set()
    waiting = set(modules)
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        parts = module.split(".")
        waiting |= {".".join(parts[:length]) for length in range(1, len(parts))}
        if module in MODULES:
            waiting |= direct(module)
    return {module.split(".")[0] for module in seen} - {PACKAGE}
