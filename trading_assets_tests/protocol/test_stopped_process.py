"""A look and its result, stopped at every call to the kernel that changes a file: what is left is always usable."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest

from trading_assets.protocol import Protocol
from trading_assets_tests.protocol.stopped_process import CALLS

NOON = dt.datetime(2026, 11, 22, 12)
HISTORY = ["folder", "look", "result"]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not CALLS, reason="calls are stopped by ptrace of Linux on x86-64 or 64-bit ARM"
)


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What was left at each call, and after each kill, of the first look of a data folder."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "data").mkdir()
    (folder / "kept").mkdir()
    command = [sys.executable, "-m", "trading_assets_tests.protocol.stopped_process", "data", "kept"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("this machine lets no process trace another")
    assert done.returncode == 0, done.stderr
    return sorted(path for path in (folder / "kept").iterdir() if path.name != "work")


def distinct(states: list[Path]) -> list[Path]:
    """Those states that differ from the ones before them in some file: many calls change none."""
    found: dict[tuple[tuple[str, bytes], ...], Path] = {}
    for state in states:
        files = sorted(path for path in state.rglob("*") if path.is_file())
        found.setdefault(tuple((str(path.relative_to(state)), path.read_bytes()) for path in files), state)
    return list(found.values())


def test_calls_that_write_sync_and_rename_were_met(states: list[Path]) -> None:
    calls = {path.name.split("_")[1] for path in states}
    assert {"openat", "write", "pwrite64", "fsync", "fdatasync", "rename"} <= calls
    assert len(states) > 60
    assert sum(path.name.endswith("_killed") for path in states) >= 8


@pytest.mark.slow
def test_every_state_is_a_part_of_the_history_and_never_tampering(states: list[Path]) -> None:
    """The record of the folder, the look, the result: in this order, and what was finished is there."""
    for state in distinct(states):
        protocol = Protocol(state, "research", wait_seconds=1)
        records = protocol.read()
        kinds = [record.kind for record in records]
        assert kinds == HISTORY[: len(kinds)], state.name
        assert [name for name in ("look", "result") if (state / f"{name}.done").exists() and name not in kinds] == []
        protocol.verify_contents(records)


def test_every_killed_run_can_be_repeated(states: list[Path]) -> None:
    """A look that was written counts, whether or not its result is there; the next run goes on from it."""
    counts = set()
    for state in (path for path in states if path.name.endswith("_killed")):
        protocol = Protocol(state, "research", wait_seconds=1)
        before = protocol.read()
        added = protocol.append("look", "trend", {"look": 2}, now=NOON)
        after = protocol.read()
        assert added.row == max(len(before), 1) + 1, state.name
        assert after[: len(before)] == before
        head = json.loads((state / "protocol.head").read_text())
        assert head["row_hash"] == added.row_hash
        counts.add(len(before))
    assert counts == {0, 1, 2, 3}
