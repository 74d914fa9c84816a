"""The code location: it loads fast, and every asset says what it is."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from trading_assets.asset_factories.table_asset import CONFIG_HASH_TAG
from trading_assets.automation import EVERYTHING
from trading_assets.config import load_configuration
from trading_assets.definitions import TerminalFormatter, build_definitions
from trading_assets.warehouse import Warehouse
from trading_assets_tests.conftest import REPOSITORY, TINY, environment
from trading_assets_tests.heavy import HEAVY


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(load_configuration(TINY, tmp_path_factory.mktemp("data")))


def test_location_is_loadable(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_every_asset_says_what_it_is(definitions: dg.Definitions) -> None:
    specs = definitions.resolve_all_asset_specs()
    assert len(specs) > 20
    for spec in specs:
        name = spec.key.to_user_string()
        assert spec.group_name == spec.key.path[0], name
        assert spec.owners and spec.kinds and spec.code_version, name
        assert spec.description and len(spec.description) > 20, name
        if name.startswith("reports/") and name != "reports/index":
            continue  # a page, not a table
        if "sql" not in spec.kinds:  # the columns of a SELECT are known when it has run
            assert spec.metadata["dagster/column_schema"].columns, name
        assert spec.metadata["dagster/table_name"].startswith(spec.key.path[0] + ".") or "/holdout/" in name, name


def test_all_assets_run_in_one_partition_range(definitions: dg.Definitions) -> None:
    for asset in definitions.resolve_asset_graph().assets_defs:
        if asset.is_executable and asset.keys:  # else a check
            assert asset.backfill_policy == dg.BackfillPolicy.single_run(), asset.keys


def test_lineage_of_a_strategy_is_exact(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    parents = graph.get(dg.AssetKey(["backtests", "equity_momentum"])).parent_keys
    assert dg.AssetKey(["strategies", "equity_momentum"]) in parents
    assert not any(key.path[-1] in ("ml", "crypto_momentum") for key in parents)


@pytest.mark.parametrize("same", [True, False])
def test_a_step_refuses_another_configuration_than_its_run_began_with(tmp_path: Path, same: bool) -> None:
    configuration = load_configuration(TINY, tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        done = (
            build_definitions(configuration)
            .resolve_job_def(EVERYTHING)
            .execute_in_process(
                partition_key="2016-03-01",
                asset_selection=[dg.AssetKey(["features", "catalog"])],
                instance=instance,
                tags={CONFIG_HASH_TAG: configuration.hash if same else "000000000000"},
                raise_on_error=False,
            )
        )
    assert done.success == same
    assert Warehouse(configuration.warehouse_path).exists("features.catalog") == same


@pytest.mark.slow
def test_importing_the_location_loads_no_heavy_library(tmp_path: Path) -> None:
    program = f"import sys, trading_assets.definitions; print([m for m in {sorted(HEAVY)!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(TINY, tmp_path),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_what_a_step_says_is_a_line_of_a_terminal_without_a_trace() -> None:
    record = logging.LogRecord("dagster", logging.WARNING, "", 0, "system - 123 - long", None, None)
    record.dagster_meta = {"step_key": "market_data__bars", "orig_message": "2 symbols are ignored"}
    assert TerminalFormatter().format(record) == "warning: market_data/bars: 2 symbols are ignored"
