"""The gate compares two checkouts by their best times, and closes on what is slower."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets_tests.benchmarks import gate
from trading_assets_tests.benchmarks.gate import LIMIT, WORKS, Ratio, compared
from trading_assets_tests.benchmarks.table import REPOSITORY

#: In place of Python: prints the next of some times, as a contender reports them.
PROGRAM = """#!/bin/sh
line=$(head -n 1 times); sed -i 1d times
echo "compiling"
echo "{\\"seconds\\": $line}"
"""


def checkout(folder: Path, *times: str) -> Path:
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").write_text(PROGRAM)
    (folder / ".venv/bin/python").chmod(0o755)
    (folder / "times").write_text("\n".join(times) + "\n")
    return folder


def test_the_best_turn_of_each_counts_and_only_what_both_measure(tmp_path: Path) -> None:
    """By hand: the best of 3 and 2 is 2, of 4 and 5 it is 4: half of the time."""
    ours = checkout(tmp_path / "ours", '{"run": 3, "new": 1}', '{"run": 2, "new": 1}')
    release = checkout(tmp_path / "release", '{"run": 4}', '{"run": 5, "gone": 1}')
    assert compared(ours, release, {"work": ("x",)}, turns=2) == [Ratio("work, run", 2, 4)]


@pytest.mark.parametrize(("ours", "closes"), [(1.0, 0), (1.25, 0), (1.26, 1)])
def test_the_gate_closes_above_the_limit(
    ours: float, closes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert LIMIT == 1.25
    turns = len(WORKS) * gate.TURNS
    here = checkout(tmp_path / "ours", *[f'{{"run": {ours}}}'] * turns)
    monkeypatch.setattr(gate, "REPOSITORY", here)
    assert gate.main(checkout(tmp_path / "release", *['{"run": 1}'] * turns)) == closes
    assert f"{ours:.2f} of the release's time" in capsys.readouterr().out


def test_works_are_modules_of_the_package() -> None:
    folder = REPOSITORY / "trading_assets_tests/benchmarks"
    assert all((folder / f"{module}.py").exists() for module, *_ in WORKS.values())
