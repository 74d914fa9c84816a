"""One command, bars to verdict: what a user sees and what the warehouse then holds."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from trading_assets import definitions
from trading_assets.config.sections import Interval
from trading_assets.features.tables import OWN_CODE
from trading_assets.market_data.tables import PUBLICATIONS, REJECTED_PUBLICATIONS, REWRITTEN_PUBLICATIONS
from trading_assets.models.tables import CHAMPIONS, CROSS_VALIDATION
from trading_assets_tests.conftest import Experiment, called, command_line
from trading_assets_tests.end_to_end.experiments import LEDGERS, changed, fingerprints
from trading_assets_tests.reports.pages import Page

#: There once there are features of one's own, and sections of these names.
OF_SECTIONS = {
    table.name
    for table in (
        OWN_CODE,
        CROSS_VALIDATION,
        CHAMPIONS,
        PUBLICATIONS,
        REJECTED_PUBLICATIONS,
        REWRITTEN_PUBLICATIONS,
    )
}
LEAKS = "trading_assets_tests.robustness.leaking_strategies"


def test_exit_code_verdicts_and_path_of_the_report(tiny: Experiment) -> None:
    assert tiny.process.returncode == 0, tiny.process.stdout + tiny.process.stderr
    for text in ("equity_momentum", "crypto_momentum", "ml", "synthetic", "index.html"):
        assert text in tiny.process.stdout


def test_every_declared_table_exists_with_its_columns(tiny: Experiment) -> None:
    for name, table in definitions.declared_tables().items():
        # Those of the stage `trading` are there once an account is open.
        if name not in {*LEDGERS, *OF_SECTIONS} and table.schema != "trading":
            assert set(table.columns) <= set(tiny.warehouse.read(table).columns), name


@pytest.mark.acceptance
@pytest.mark.parametrize("options", [(), ("--recompute",)])
def test_rerun_idempotent(tiny: Experiment, tmp_path: Path, options: tuple[str, ...]) -> None:
    shutil.copytree(tiny.data, tmp_path / "data")
    again = Experiment(tiny.config, tmp_path / "data", command_line(tiny.config, tmp_path / "data", "run", *options))
    assert again.process.returncode == 0, again.process.stderr
    assert fingerprints(again) == fingerprints(tiny)
    looks = again.warehouse.query("SELECT strategy, look FROM robustness.holdout_ledger")
    assert looks.rows() == [("equity_momentum", 1)]


def holdout_of(experiment: Experiment) -> Interval:
    locked = experiment.configuration.splits.holdout
    assert isinstance(locked, Interval)
    return locked


def test_only_the_registered_strategy_has_holdout_numbers(tiny: Experiment) -> None:
    for table in ("backtests.metrics", "backtests.trades", "backtests.equity", "backtests.decisions"):
        seen = tiny.warehouse.query(f"SELECT DISTINCT strategy FROM {table} WHERE split = 'holdout'")
        assert seen["strategy"].to_list() in ([], ["equity_momentum"]), table
    holdout_start = holdout_of(tiny).start
    late = tiny.warehouse.query("SELECT strategy, max(session) AS last FROM backtests.equity GROUP BY strategy")
    for strategy, last in late.iter_rows():
        assert (last >= holdout_start) == (strategy == "equity_momentum")
    results = dict(
        tiny.warehouse.query("SELECT strategy, result FROM robustness.verdicts WHERE kind = 'result'").rows()
    )
    assert results["crypto_momentum"] == results["ml"] == "insufficient_evidence"


def test_model_metrics_stop_before_the_holdout(tiny: Experiment) -> None:
    start = holdout_of(tiny).start
    labelled = tiny.warehouse.query("SELECT max(label_end) AS last FROM models.predictions WHERE label IS NOT NULL")
    assert labelled["last"][0] < start
    scored = tiny.warehouse.query("SELECT max(session) AS last FROM models.predictions")
    assert scored["last"][0] < start  # no registered strategy reads it


def test_sql_reads_the_warehouse(tiny: Experiment) -> None:
    done = called(tiny.config, tiny.data, "sql", "SELECT count(*) AS bars FROM market_data.bars", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[1]) == tiny.warehouse.query("SELECT count(*) FROM market_data.bars").item()
    refused = called(tiny.config, tiny.data, "sql", "DROP TABLE market_data.bars")
    assert refused.returncode != 0
    assert tiny.warehouse.exists("market_data.bars")


def test_a_trade_tells_its_story(tiny: Experiment) -> None:
    trade_id = "SELECT trade_id FROM backtests.trades WHERE strategy = 'ml' ORDER BY trade_id LIMIT 1"
    found = tiny.warehouse.query(trade_id).item()
    told = called(tiny.config, tiny.data, "explain", found)
    assert told.returncode == 0, told.stderr
    for title in ("Signal", "Model", "Choice", "Size", "Entry", "Exit", "Profit and loss", "Bars as received"):
        assert f"\n{title}\n" in told.stdout, title
    assert "\x1b[" not in told.stdout
    assert "not explained" not in told.stdout
    unknown = called(tiny.config, tiny.data, "explain", f"{found}0")
    assert unknown.returncode == 2
    assert found in unknown.stderr


@pytest.mark.slow
def test_the_audit_on_demand(tiny: Experiment, tmp_path: Path) -> None:
    clean = called(tiny.config, tiny.data, "audit", "look-ahead", "--strategy", "crypto_momentum")
    assert clean.returncode == 0, clean.stderr
    assert "crypto_momentum: nothing looks ahead; 2 past closes" in clean.stdout
    strategies, robustness = {"leaky": {"type": LEAKS, "leak": "tomorrow"}}, {"look_ahead_cuts": 8}
    leaky = changed(tmp_path, strategies=strategies, robustness=robustness, registration=None)
    found = called(leaky, tiny.data, "audit", "look-ahead")
    assert found.returncode == 1
    assert "signals" in found.stdout
    unknown = called(tiny.config, tiny.data, "audit", "look-ahead", "--strategy", "nobody")
    assert unknown.returncode == 2
    assert "crypto_momentum" in unknown.stderr


def test_every_fill_leads_back_to_its_bars(tiny: Experiment) -> None:
    counts = "count(*), count(fill_source), count(decision_source), count(features), count(DISTINCT fill_id)"
    fills = tiny.warehouse.query("SELECT count(*) FROM backtests.fills").item()
    assert fills > 100
    assert tiny.warehouse.query(f"SELECT {counts} FROM backtests.trade_audit").rows() == [(fills,) * 5]
    scored = "SELECT count(*), count(model_score) FROM backtests.trade_audit WHERE strategy = 'ml' AND signal = 'enter'"
    [(entries, scores)] = tiny.warehouse.query(scored).rows()
    assert entries == scores > 10


@pytest.mark.slow
def test_report_is_rebuilt_from_the_warehouse_alone(tiny: Experiment, tmp_path: Path) -> None:
    shutil.copytree(tiny.data, tmp_path / "data")
    folder = tmp_path / "data" / "tiny" / "reports"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)
    done = called(tiny.config, tmp_path / "data", "report")
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_pages_need_no_network_and_say_what_is_synthetic(tiny: Experiment) -> None:
    for path in (tiny.configuration.home / "reports").glob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        addresses = [attributes.get(name) for _, attributes in page.elements for name in ("src", "href")]
        assert all(re.fullmatch(r"data:,|#?[\w.-]+", address) for address in addresses if address is not None), path
        files = [address for address in addresses if address and not address.startswith(("data:", "#"))]
        assert all((path.parent / file).exists() for file in files), path
        assert "synthetic" in page.text


def test_exports_hold_what_the_tables_hold(tiny: Experiment) -> None:
    folder = tiny.configuration.home / "reports"
    rows = pl.read_csv(folder / "equity_momentum_trades.csv").height
    assert (
        rows == tiny.warehouse.query("SELECT count(*) FROM backtests.trades WHERE strategy = 'equity_momentum'").item()
    )
