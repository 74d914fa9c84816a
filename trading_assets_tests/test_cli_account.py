"""`trading-assets account` from a terminal: what it prints, exit codes, one block for an error."""

from __future__ import annotations

import datetime as dt
import json
import subprocess

import polars as pl

from trading_assets.protocol import Protocol
from trading_assets.trading.differences_on_record import put_differences_on_record
from trading_assets.trading.tables import DIFFERENCES
from trading_assets_tests.conftest import called
from trading_assets_tests.trading.conftest import paper
from trading_assets_tests.trading.experiment import STRATEGY, Experiment

__all__ = ["paper"]


def run(experiment: Experiment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return called(experiment.folder / "config.yaml", experiment.folder / "data", "account", *arguments)


def test_an_account_is_opened_and_said(paper: Experiment) -> None:
    assert run(paper, "status").stdout == "no account is open: trading-assets account open STRATEGY\n"
    done = run(paper, "open", "known", "--on", "2017-07-05", "--capital", "50000", "--by", "ops")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("known-1, paper, verdict ")
    assert "with 50,000; on record\nit decides first at the close of 2017-07-05\n" in done.stdout
    assert "no go: every line of the account says so" in done.stdout
    [row] = json.loads(run(paper, "status", "--format", "json").stdout)
    assert (row["account"], row["opened_on"], row["by"], row["last_session"]) == ("known-1", "2017-07-05", "ops", None)
    assert "known-1" in run(paper, "status", "known").stdout


def test_a_difference_stands_until_it_is_accepted_with_a_reason(paper: Experiment) -> None:
    paper.open()
    said = {"kind": "revision", "session": dt.date(2017, 7, 3), "detail": "d", "found_on": dt.date(2017, 7, 3)}
    row = said | {"strategy": STRATEGY, "account": "known-1", "difference_id": "abc"}
    found = DIFFERENCES.conform(pl.DataFrame([row]))
    put_differences_on_record(Protocol.of(paper.configuration), STRATEGY, found, dt.datetime(2017, 7, 4))
    done = run(paper, "reconcile", "known")
    assert (done.returncode, "abc" in done.stdout) == (1, True)
    done = run(paper, "reconcile", "known", "--accept", "abc")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: a difference is accepted without a reason")
    done = run(paper, "reconcile", "known", "--accept", "abc", "--reason", "the vendor was wrong", "--by", "ops")
    assert (done.returncode, "abc" in done.stdout) == (0, False)


def test_slippage_is_proposed_of_what_an_open_account_has_filled(paper: Experiment) -> None:
    paper.open()
    done = run(paper, "slippage", "known")
    assert (done.returncode, done.stdout) == (0, "no fill of an open account of known is known beside its open\n")
    assert run(paper, "slippage", "known", "--format", "json").stdout.strip() == "[]"
    done = run(paper, "slippage", "knwon")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: no strategy 'knwon'")


def test_an_account_is_closed_with_a_reason(paper: Experiment) -> None:
    paper.open(now=dt.datetime(2026, 11, 1))
    done = run(paper, "close", "known", "--reason", " ")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: an account is closed without a reason")
    paper.write(strategies={"known": {"type": "equity_momentum", "trend_slope": -0.5}})
    done = run(paper, "close", "known", "--reason", "enough of it")
    assert done.returncode == 2
    assert done.stderr.startswith("error: what known-1 holds would never be sold: known is not what it was opened for")
    paper.write()
    done = run(paper, "close", "known", "--reason", "enough of it", "--by", "ops")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "known-1 is closing; on record, and nothing takes it back\nfrom the close of 2017-07-03"
    )
    [row] = json.loads(run(paper, "status", "--format", "json").stdout)
    assert row["state"] == "closing"
    done = run(paper, "close", "known", "--reason", "again")
    assert done.stderr.startswith("error: known-1 is closing already, by ops: enough of it")


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
