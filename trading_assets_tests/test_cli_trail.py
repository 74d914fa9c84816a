"""`trading-assets trading trail` and `verify` from a terminal."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from trading_assets.trading.audit_trail.monthly_files import trail_folder
from trading_assets.trading.audit_trail.trail import enter
from trading_assets_tests.conftest import called
from trading_assets_tests.trading.audit_trail.events_of_a_week import NOW, STRATEGY, place, send


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return called(folder / "small.yaml", folder, "trading", *arguments)


def test_entries_are_printed_and_verified(tmp_path: Path) -> None:
    warehouse, configuration = place(tmp_path)
    for number in (1, 2):
        send(warehouse, number)
    enter(warehouse, configuration, STRATEGY, NOW)
    found = json.loads(run(tmp_path, "trail", "--strategy", STRATEGY, "--format", "json").stdout)
    assert [row["reference"] for row in found] == ["order-1/intended", "order-2/intended"]
    assert "order-2/intended" in run(tmp_path, "trail", "--from", "2017-07-31").stdout
    assert json.loads(run(tmp_path, "trail", "--to", "2017-07-30", "--format", "json").stdout) == []
    done = run(tmp_path, "verify")
    assert (done.returncode, done.stdout) == (0, "2 entries of 1 months are as they were entered\n")


def test_a_trail_that_was_changed_is_told_with_exit_code_1(tmp_path: Path) -> None:
    warehouse, configuration = place(tmp_path)
    send(warehouse, 1)
    enter(warehouse, configuration, STRATEGY, NOW)
    [path] = trail_folder(configuration).rglob("*.parquet")
    path.write_bytes(b"")
    done = run(tmp_path, "verify")
    assert done.returncode == 1
    assert "entries 1 to 1 cannot be read" in done.stderr
    assert run(tmp_path, "verify", "--from", "2017-08-01").returncode == 0
