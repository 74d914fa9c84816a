"""Each module has its test file, at the same path: who changes a module knows where its tests are."""

from __future__ import annotations

from pathlib import Path

from trading_assets_tests.conftest import REPOSITORY

PACKAGE, TESTS = REPOSITORY / "trading_assets", REPOSITORY / "trading_assets_tests"
#: Modules that declare, and are tested by what is declared in them: a contract by `Table.validate` in each stage's
#: tests of assets, assets and checks by a run on a real warehouse.
OF_A_STAGE = {"__init__", "tables", "assets", "checks"}
#: Modules without functions: constants and types that the tests of their users hold.
WITHOUT_FUNCTIONS = {
    "backtests/inputs/plan.py": "a record of two arrays and names",
    "market_data/quality/values.py": "one constant",
    "models/entry_tables.py": "two tables of the stage after it",
    "monitoring/rules/situation.py": "records of facts",
    "protocol/trials_table.py": "one table",
    "reports/strategy_page/section.py": "a record",
    "strategies/interface/module.py": "protocols, for the type checker",
}

#: Parts of one computation that has its tests in one file: each is compiled into, or called by, what that file runs.
COVERED_BY = {
    "trading/at_broker.py": "trading/test_assets.py",
    "trading/of_account.py": "trading/test_assets.py",
    "warehouse/snapshot.py": "warehouse/test_long_query.py",
    "warehouse/lake/placed.py": "warehouse/lake/test_monthly.py",
    "warehouse/lake/recent.py": "warehouse/lake/test_placement.py",
    "warehouse/lake/reading.py": "warehouse/test_by_symbol.py",
    "market_data/sources/row_texts.py": "market_data/test_rejected_rows.py",
    "backtests/results/settled_curve.py": "backtests/engine/test_marking.py",
    "protocol/records.py": "protocol/test_protocol.py",
    "protocol/chain.py": "robustness/holdout/test_ledger.py",
    "protocol/earlier_ledgers.py": "robustness/holdout/test_ledger.py",
    "robustness/holdout/upgrade_ledger.py": "robustness/holdout/test_upgrade.py",
    "robustness/look_ahead/repetition.py": "robustness/look_ahead/test_audit.py",
    "sandbox/boot.py": "sandbox/test_process.py",
    "strategies/evaluation/description.py": "strategies/interface/test_plugin.py",
    "strategies/evaluation/plugin_worker.py": "strategies/interface/test_plugin.py",
    "asset_factories/partitions.py": "market_data/test_assets.py",
    "asset_factories/failures.py": "asset_factories/test_table_asset.py",
    "cli_check.py": "market_data/test_preflight.py",
    "cli_serve.py": "serving/test_server.py",
    "serving/app.py": "serving/test_server.py",
    "serving/champion.py": "serving/test_server.py",
    "cli_detect.py": "market_data/sources/test_detection.py",
    "charts/titled.py": "test_project.py",
    "cli_output.py": "test_cli.py",
    "config/file_layouts.py": "market_data/sources/test_layouts.py",
    "config/robustness.py": "config/test_sections.py",
    "market_data/calendar_facts.py": "market_data/test_calendars.py",
    "market_data/quality/common_jumps.py": "market_data/quality/test_cross_sectional.py",
    "market_data/sources/binary_tables.py": "market_data/sources/test_hdf5_table.py",
    "market_data/sources/encodings.py": "market_data/sources/test_file_kinds.py",
    "market_data/sources/http_json.py": "market_data/sources/test_http_vendors.py",
    "market_data/sources/samples.py": "market_data/sources/test_dates.py",
    "market_data/sources/unused_intraday.py": "market_data/sources/test_intraday.py",
    "reports/index_page.py": "reports/strategy_page/test_page.py",
    "reports/comparison/opened.py": "reports/comparison/test_page.py",
    "reports/comparison/tidy.py": "reports/comparison/test_page.py",
    "robustness/holdout/record_look.py": "robustness/holdout/test_ledger.py",
    "backtests/engine/arrays.py": "backtests/engine/test_event_loop.py",
    "backtests/engine/dtypes.py": "backtests/engine/test_event_loop.py",
    "backtests/engine/entry_orders.py": "backtests/engine/test_event_loop.py",
    "backtests/engine/exit_orders.py": "backtests/engine/test_event_loop.py",
    "backtests/engine/jit.py": "backtests/engine/test_event_loop.py",
    "backtests/engine/order_fills.py": "backtests/engine/test_event_loop.py",
    "backtests/engine/position_accounting.py": "backtests/engine/test_event_loop.py",
    "backtests/engine/reason_codes.py": "backtests/engine/test_event_loop.py",
    "backtests/inputs/order_signals.py": "backtests/test_backtest.py",
    "backtests/perturbations.py": "backtests/test_target_strategies.py",
    "backtests/results/run_tables.py": "backtests/results/test_order_audit.py",
    "backtests/sweep_returns.py": "backtests/test_backtest.py",
    "backtests/screen/kernel.py": "backtests/screen/test_screen.py",
    "config/remote_sources.py": "market_data/sources/test_vendors.py",
    "config/sources.py": "market_data/sources/test_errors.py",
    "market_data/pipeline.py": "market_data/test_incremental.py",
    "market_data/quality/findings.py": "market_data/quality/test_apply_rules.py",
    "market_data/quality/level_shifts.py": "market_data/quality/test_cross_sectional.py",
    "market_data/quality/price_jumps.py": "market_data/quality/test_cross_sectional.py",
    "market_data/instruments.py": "market_data/test_universe.py",
    "market_data/reference/files.py": "market_data/reference/test_symbology.py",
    "market_data/reference_data.py": "market_data/test_incremental.py",
    "market_data/sources/bars_of_table.py": "market_data/sources/test_files.py",
    "market_data/sources/columns.py": "market_data/sources/test_files.py",
    "market_data/sources/json_table.py": "market_data/sources/test_tabular.py",
    "market_data/sources/packed_files.py": "market_data/sources/test_size_limits.py",
    "models/samples.py": "models/test_run.py",
    "reports/build.py": "reports/strategy_page/test_page.py",
    "reports/strategy_page/data.py": "reports/strategy_page/test_page.py",
    "reports/strategy_page/sections.py": "reports/strategy_page/test_page.py",
    "reports/trade_explanation/audit_trail.py": "reports/trade_explanation/test_narrative.py",
    "reports/trade_explanation/cash_flows.py": "reports/trade_explanation/test_narrative.py",
    "protocol/head_file.py": "robustness/holdout/test_ledger.py",
    "robustness/prepared_market.py": "robustness/test_assets.py",
    "robustness/sensitivity/on_record.py": "robustness/test_exploration.py",
    "robustness/stress/bar_shocks.py": "robustness/stress/test_scenario_market.py",
    "robustness/verdict/no_evidence.py": "robustness/verdict/test_criteria.py",
    "robustness/verdict/statistics.py": "robustness/stress/test_run.py",
    "strategies/evaluation/decide.py": "strategies/evaluation/test_failure.py",
    "strategies/evaluation/fingerprint.py": "robustness/holdout/test_registration.py",
    "strategies/interface/resolved.py": "robustness/holdout/test_registration.py",
    "warehouse/connection.py": "warehouse/test_warehouse.py",
    "warehouse/storage.py": "warehouse/test_warehouse.py",
}


def modules() -> list[Path]:
    return sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.stem not in OF_A_STAGE)


def test_every_module_has_its_test_file() -> None:
    wanted = {path: path.with_name(f"test_{path.name}") for path in modules()}
    assert len(wanted) > 100
    missing = {str(path) for path, test in wanted.items() if not (TESTS / test).exists()}
    assert missing - WITHOUT_FUNCTIONS.keys() - COVERED_BY.keys() == set()


def test_exceptions_are_modules_without_a_test_file() -> None:
    for name in WITHOUT_FUNCTIONS.keys() | COVERED_BY.keys():
        path = Path(name)
        assert (PACKAGE / path).exists(), name
        assert not (TESTS / path.with_name(f"test_{path.name}")).exists(), name


def test_modules_that_share_a_test_file_are_named_in_it() -> None:
    """The test file of the public function that a module is part of is there."""
    for name, test in COVERED_BY.items():
        assert (TESTS / test).exists(), name


def test_folders_of_tests_are_packages() -> None:
    for path in TESTS.rglob("test_*.py"):
        assert (path.parent / "__init__.py").exists(), path
