"""`trading-assets orders` from a terminal: the sheet of the last session, its label, and that it is of the past."""

from __future__ import annotations

import json
import subprocess

import polars as pl

from trading_assets.trading.tables import EQUITY, ORDER_SHEETS
from trading_assets.warehouse import Rows
from trading_assets_tests.conftest import called
from trading_assets_tests.trading.conftest import paper
from trading_assets_tests.trading.experiment import STRATEGY, Experiment
from trading_assets_tests.trading.test_order_sheet import sheet_of, waiting
from trading_assets_tests.trading.test_published import equity

__all__ = ["paper"]


def run(experiment: Experiment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return called(experiment.folder / "config.yaml", experiment.folder / "data", "orders", *arguments)


def test_the_sheet_of_the_last_session_is_printed(paper: Experiment) -> None:
    assert "nothing is ordered" in run(paper).stderr
    paper.open()
    own = {"strategy": pl.lit(STRATEGY), "account": pl.lit("known-1")}
    sheet = sheet_of(waiting(), waiting("BBB", quantity=None)).with_columns(**own)
    closed = equity(5.0).with_columns(**own, session=pl.lit(sheet["session"][0]))
    paper.warehouse.replace(Rows("strategy", STRATEGY), {ORDER_SHEETS: ORDER_SHEETS.conform(sheet), EQUITY: closed})
    done = run(paper)
    assert done.returncode == 0, done.stderr
    assert "AAA" in done.stdout and "blocked" in done.stdout
    assert "paper, verdict reject" in done.stderr
    assert "these orders are for sessions before today" in done.stderr
    rows = json.loads(run(paper, "--for", "2017-07-03", "--format", "json").stdout)
    assert [row["symbol"] for row in sorted(rows, key=lambda row: row["symbol"])] == ["AAA", "BBB"]
    assert json.loads(run(paper, "--for", "2017-07-05", "--format", "json").stdout) == []


def test_an_unknown_strategy_is_wrong_usage(paper: Experiment) -> None:
    done = run(paper, "--strategy", "knwon")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no strategy 'knwon'")
