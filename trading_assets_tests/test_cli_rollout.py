"""`trading-assets rollout` from a terminal: what it prints, exit codes, one block for an error."""

from __future__ import annotations

import json
import subprocess

from trading_assets_tests.conftest import called
from trading_assets_tests.trading.conftest import paper
from trading_assets_tests.trading.experiment import Experiment

__all__ = ["paper"]


def run(experiment: Experiment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return called(experiment.folder / "config.yaml", experiment.folder / "data", "rollout", *arguments)


def test_back_and_forward_are_said_and_on_record(paper: Experiment) -> None:
    assert run(paper, "status").stdout == "nothing is rolled out: no account is open, and no model competes\n"
    paper.open()
    done = run(paper, "back", "strategy/known", "--to", "off", "--reason", "it slips", "--by", "ops")
    assert (done.returncode, done.stdout) == (0, "strategy/known goes back from full to off; on record\n"), done.stderr
    done = run(paper, "advance", "strategy/known", "--reason", "mended", "--by", "ops")
    assert done.returncode == 0, done.stderr
    assert "verdict: " in done.stdout and "no go: on paper it may go on" in done.stdout
    assert done.stdout.endswith("strategy/known goes from off to shadow; on record\n")
    [row] = json.loads(run(paper, "status", "--format", "json").stdout)
    assert (row["subject"], row["stage"], row["by"], row["next"]) == ("strategy/known", "shadow", "ops", "canary")
    assert "strategy/known" in run(paper, "status").stdout


def test_a_closed_gate_fails_and_wrong_usage_is_wrong_usage(paper: Experiment) -> None:
    paper.open()
    run(paper, "back", "strategy/known", "--to", "shadow", "--reason", "why")
    done = run(paper, "advance", "strategy/known", "--reason", "too early")
    assert done.returncode == 1
    assert done.stderr.startswith("strategy/known stays where it is: the gate to canary is closed\n  cause: sessions: ")
    assert "nobody can step over it" in done.stderr
    for arguments, said in (
        (["advance", "known", "--reason", "why"], "error: no subject 'known'"),
        (["back", "strategy/known", "--reason", " "], "error: a step back without a reason"),
        (["back", "feature/ma_20", "--reason", "why"], "error: feature/ma_20 is refused"),
        (["back", "strategy/known", "--to", "canary", "--reason", "why"], "error: strategy/known is at shadow"),
    ):
        done = run(paper, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(said)
        assert "what to do: " in done.stderr


def test_who_asks_for_orders_is_told_how_many_of_them_are_sent(paper: Experiment) -> None:
    paper.open()

    def orders(*arguments: str) -> str:
        return called(paper.folder / "config.yaml", paper.folder / "data", "orders", *arguments).stderr

    assert "rollout" not in orders()
    run(paper, "back", "strategy/known", "--to", "partial", "--reason", "why")
    said = "rollout: known is at partial, 25% of its positions are sent"
    assert said in orders()
    assert said in orders("--strategy", "known")
    assert said not in orders("--strategy", "unknown")
