"""`trading-assets protocol` from a terminal: lines that are kept, exit codes, one block for an error."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

from typer.testing import CliRunner

from trading_assets.cli import app
from trading_assets.protocol import Protocol
from trading_assets.warehouse import WarehouseError
from trading_assets_tests.conftest import TINY, called


def protocol_command(data: Path, *arguments: str) -> tuple[int, str]:
    """Exit code (1 for an error that the entry point prints as one block) and what is printed."""
    done = CliRunner().invoke(app, ["protocol", *arguments, "--config", str(TINY), "--data", str(data)])
    if isinstance(done.exception, WarehouseError):
        return 1, str(done.exception)
    return done.exit_code, done.output


def test_exported_line_is_verified_and_a_rewritten_protocol_is_not(tmp_path: Path) -> None:
    data, kept = tmp_path / "data", tmp_path / "kept.txt"
    code, printed = protocol_command(data, "export")
    assert (code, json.loads(printed)["count"]) == (0, 1)
    assert protocol_command(data, "export", str(kept))[0] == 0
    code, said = protocol_command(data, "verify", str(kept))
    assert code == 0
    assert "the first 2 of 3 records are as exported on" in said
    shutil.rmtree(data)
    Protocol(data, "tiny").append("look", "a", {}, now=dt.datetime(2026, 11, 21))
    code, said = protocol_command(data, "verify", str(kept))
    assert code == 1
    assert said.startswith("the protocol is not the one that was exported: the data folder is another one")


def test_status_says_where_the_folder_stands(tmp_path: Path) -> None:
    assert "nothing on record yet" in protocol_command(tmp_path, "status")[1]
    protocol_command(tmp_path, "export")
    code, said = protocol_command(tmp_path, "status")
    assert code == 0
    assert "2 records (export 1)" in said
    code, said = protocol_command(tmp_path, "status", "--format", "csv")
    assert (code, said.splitlines()[0].split(",")[0]) == (0, "strategy")


def test_a_damaged_head_is_one_block_and_exit_code_1(tmp_path: Path) -> None:
    protocol_command(tmp_path, "export")
    (tmp_path / "protocol.head").write_bytes(b"\0" * 100)
    done = called(TINY, tmp_path, "protocol", "status")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the end of the protocol cannot be read\n")
    assert "Traceback" not in done.stderr
