"""A protocol that may not be read or written is a clear error, whose file and cause are named, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trading_assets.protocol import Protocol

NOW = dt.datetime(2030, 1, 1)
#: Root is allowed everything, so somebody else asks.
SOMEBODY_ELSE = """
import datetime as dt, json, os, sys
from pathlib import Path
from trading_assets.protocol import Protocol
from trading_assets.warehouse import WarehouseError

if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for folder in sys.argv[1:]:
    protocol = Protocol(Path(folder), "small")
    for act in (protocol.read, lambda: protocol.append("look", "b", {}, now=dt.datetime(2030, 1, 1))):
        try:
            act()
            print(json.dumps("done"))
        except WarehouseError as error:
            print(json.dumps(str(error)))
"""
READ_ONLY, HIDDEN_DATABASE, HIDDEN_HEAD, EMPTY = FOLDERS = ("read_only", "hidden_database", "hidden_head", "empty")


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    """Folders that others may enter: a protocol that is read-only, two of which a file is hidden, and none."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o755)
        for name in FOLDERS:
            data = base / name
            data.mkdir()
            if name != EMPTY:
                Protocol(data, "small").append("look", "a", {}, now=NOW)
            for file in data.iterdir():
                file.chmod(0o444)
            data.chmod(0o555)
        (base / HIDDEN_DATABASE / "protocol.duckdb").chmod(0o000)
        (base / HIDDEN_HEAD / "protocol.head").chmod(0o000)
        yield base
        for data in base.iterdir():
            data.chmod(0o755)


@pytest.fixture(scope="module")
def said(base: Path) -> dict[str, tuple[str, str]]:
    """What reading and writing say to somebody who may not, by folder."""
    arguments = [sys.executable, "-c", SOMEBODY_ELSE, *(str(base / name) for name in FOLDERS)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: (lines[2 * place], lines[2 * place + 1]) for place, name in enumerate(FOLDERS)}


def test_a_protocol_that_is_read_only_can_be_read_and_refuses_records(
    base: Path, said: dict[str, tuple[str, str]]
) -> None:
    read, written = said[READ_ONLY]
    assert read == "done"
    assert written.startswith("cannot write") and f"file: {base / READ_ONLY / 'protocol.duckdb'}" in written
    assert "Permission denied" in written and "check free space, permissions" in written
    assert len(Protocol(base / READ_ONLY, "small").read()) == 2  # the folder and its look


@pytest.mark.parametrize(("folder", "file"), [(HIDDEN_DATABASE, "protocol.duckdb"), (HIDDEN_HEAD, "protocol.head")])
def test_a_file_that_may_not_be_read_is_named(
    base: Path, said: dict[str, tuple[str, str]], folder: str, file: str
) -> None:
    read, _ = said[folder]
    assert f"file: {base / folder / file}" in read and "Permission denied" in read


def test_a_protocol_that_may_not_begin_leaves_nothing(base: Path, said: dict[str, tuple[str, str]]) -> None:
    read, written = said[EMPTY]
    assert read == "done"
    assert written.startswith("cannot write") and "Permission denied" in written
    assert list((base / EMPTY).iterdir()) == []
