"""`trading-assets trading halt` and `resume` from a terminal."""

from __future__ import annotations

import subprocess

from trading_assets.trading.halt import is_halted
from trading_assets_tests.conftest import called
from trading_assets_tests.trading.conftest import paper
from trading_assets_tests.trading.experiment import Experiment

__all__ = ["paper"]


def run(experiment: Experiment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return called(experiment.folder / "config.yaml", experiment.folder / "data", "trading", *arguments)


def test_a_halt_is_said_and_taken_back(paper: Experiment) -> None:
    assert run(paper, "resume", "--reason", "why").returncode == 2
    done = run(paper, "halt", "--reason", "the feed is down", "--by", "ops")
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "trading is halted")
    assert is_halted(paper.configuration)
    assert run(paper, "resume", "--reason", "it is back").returncode == 0
    assert not is_halted(paper.configuration)


def test_a_halt_needs_a_reason(paper: Experiment) -> None:
    assert run(paper, "halt").returncode == 2
    assert run(paper, "halt", "--reason", " ").returncode == 2
    assert not is_halted(paper.configuration)
