"""The lock of the database file: readers share it, a writer has it alone, and who waits too long is told for whom."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trading_assets.warehouse.errors import LockedError
from trading_assets.warehouse.lock import Patience, file_lock, holder_of


def test_readers_share_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with (
        file_lock(path, exclusive=False, patience=Patience(0.0)),
        file_lock(path, exclusive=False, patience=Patience(0.0)),
    ):
        assert path.with_name("warehouse.duckdb.lock").exists()


@pytest.mark.parametrize("exclusive", [False, True])
def test_nobody_gets_what_a_writer_holds_and_its_holder_is_named(tmp_path: Path, exclusive: bool) -> None:
    path = tmp_path / "warehouse.duckdb"

    def take() -> None:
        with file_lock(path, exclusive=exclusive, patience=Patience(0.0)):
            pass

    with file_lock(path, exclusive=True, patience=Patience(0.0)), pytest.raises(LockedError) as raised:
        take()
    message = str(raised.value)
    assert "gave up after waiting 0 s" in message
    assert f"held by: process {os.getpid()}" in message
    take()


def test_who_waits_long_is_told_once_for_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("trading_assets.warehouse.lock._SILENT", 0.0)
    path = tmp_path / "warehouse.duckdb"
    with (
        file_lock(path, exclusive=True, patience=Patience(0.0)),
        pytest.raises(LockedError),
        file_lock(path, exclusive=False, patience=Patience(0.1)),
    ):
        pass
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}.lock is held by process {os.getpid()}: waiting up to 0.1 s"
    ]


def test_who_holds_the_lock_is_told_to_whoever_asks(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    assert holder_of(path) is None
    with file_lock(path, exclusive=True, patience=Patience(0.0)):
        assert holder_of(path) == f"process {os.getpid()}"
    with file_lock(path, exclusive=False, patience=Patience(0.0)):
        assert holder_of(path) is None, "readers hold nobody up who asks"
