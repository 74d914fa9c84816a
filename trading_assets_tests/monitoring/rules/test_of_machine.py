"""Rules about the disk and the record."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from trading_assets.monitoring.rules.of_machine import disk, ledger
from trading_assets.protocol import Protocol
from trading_assets_tests.monitoring.rules.situations import NOW, situation


def test_free_space_is_that_of_the_folder_or_what_will_hold_it(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free / 2**30
    now = situation(tmp_path / "not" / "there")
    assert list(disk(now, free / 2)) == []
    [found] = disk(now, free * 2)
    assert found.message.startswith(f"{tmp_path}: ") and "GiB are free" in found.message


def test_a_record_that_was_edited_is_found(tmp_path: Path) -> None:
    now = situation(tmp_path)
    assert list(ledger(now, 0)) == []
    protocol = Protocol.of(now.configuration)
    for reason in ("storm", "calm"):
        protocol.append("account", None, {"action": "halt", "by": "ops", "reason": reason}, now=NOW)
    assert list(ledger(now, 0)) == []
    with duckdb.connect(str(now.configuration.data / "protocol.duckdb")) as connection:
        connection.execute("UPDATE records SET payload = replace(payload::VARCHAR, 'storm', 'sturm')")
    [found] = ledger(now, 0)
    assert found.subject == "protocol" and found.message
