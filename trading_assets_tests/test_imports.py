"""Imports are at the top of a file, where they say what it needs, unless that costs time."""

from __future__ import annotations

import ast

import pytest

from trading_assets_tests.heavy import HEAVY, MODULES, PACKAGE, imported, in_functions, libraries_of, tree_of

#: The command line loads what a command needs when it is called: `--help` takes 0.3 s of processor time, not 0.9.
BY_COMMAND = {
    "trading_assets.cli",
    "trading_assets.cli_account",
    "trading_assets.cli_backup",
    "trading_assets.cli_alerts",
    "trading_assets.cli_config",
    "trading_assets.cli_health",
    "trading_assets.cli_lifecycle",
    "trading_assets.cli_model",
    "trading_assets.cli_options",
    "trading_assets.cli_orders",
    "trading_assets.cli_output",
    "trading_assets.cli_rollout",
    "trading_assets.cli_runs",
    "trading_assets.cli_serve",
    "trading_assets.cli_trading",
    "trading_assets.cli_trail",
    "trading_assets.project",
    "trading_assets.run_outcome",
}


def own(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {name for name in imported(node) if name.split(".")[0] == PACKAGE}


@pytest.mark.slow
def test_own_modules_are_imported_within_functions_only_where_that_saves_time() -> None:
    """A module of the package that loads no heavy library is imported at the top."""
    needless = []
    for module in sorted(set(MODULES) - BY_COMMAND):
        for node in in_functions(tree_of(module)):
            if own(node) and not libraries_of(own(node)) & HEAVY.keys():
                needless.append(f"{module}, line {node.lineno}: {ast.unparse(node)}")
    assert needless == []


def test_the_location_loads_no_heavy_library_by_the_source() -> None:
    """As `test_importing_the_location_loads_no_heavy_library` sees it in a process, with the way there."""
    assert libraries_of({"trading_assets.definitions"}) & HEAVY.keys() == set()
    assert "numba" in libraries_of({"trading_assets.backtests.engine.simulate"})


def test_help_is_shown_without_what_commands_compute_with() -> None:
    assert libraries_of({"trading_assets.cli"}) & {"dagster", "duckdb", "numpy", "polars"} == set()


def test_imports_within_functions_are_found_and_those_for_the_type_checker_are_not_loaded() -> None:
    tree = ast.parse("def f():\n    class C:\n        import trading_assets.cli\n    return lambda: C\n")
    assert [own(node) for node in in_functions(tree)] == [{"trading_assets.cli"}]
    assert "trading_assets.backtests.backtest" not in libraries_of({"trading_assets.backtests.assets"})
