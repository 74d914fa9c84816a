"""`trading-assets account` from a terminal: what it prints, exit codes, one block for an error."""

from __future__ import annotations

import json
import subprocess

from trading_assets_tests.conftest import called
from trading_assets_tests.trading.conftest import paper
from trading_assets_tests.trading.experiment import Experiment

__all__ = ["paper"]


def run(experiment: Experiment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return called(experiment.folder / "config.yaml", experiment.folder / "data", "account", *arguments)


def test_an_account_is_opened_and_said(paper: Experiment) -> None:
    done = run(paper, "open", "known", "--on", "2017-07-05", "--capital", "50000", "--by", "ops")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("known-1, paper, verdict ")
    assert "with 50,000; on record\nit decides first at the close of 2017-07-05\n" in done.stdout
    assert "no go: every line of the account says so" in done.stdout
    [row] = json.loads(run(paper, "status", "--format", "json").stdout)
    assert (row["account"], row["opened_on"], row["by"], row["last_session"]) == ("known-1", "2017-07-05", "ops", None)
    assert "known-1" in run(paper, "status", "known").stdout


def test_what_is_refused_is_wrong_usage(paper: Experiment) -> None:
    for arguments, said in (
        (["open", "known", "--mode", "live"], "error: a live account is refused"),
        (["open", "unknown"], "error: the holdout of unknown is closed"),
        (["status", "knwon"], "error: no strategy 'knwon'"),
    ):
        done = run(paper, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(said)
        assert "what to do: " in done.stderr
