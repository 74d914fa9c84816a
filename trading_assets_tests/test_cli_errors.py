"""Errors that nobody planned are one block, and name what can be done."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from trading_assets.cli_errors import in_words
from trading_assets_tests.conftest import TINY, command_line


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "permission denied"), (errno.EROFS, "read-only disk")],
)
def test_errors_of_the_disk_say_what_where_and_what_to_do(number: int, said: str) -> None:
    try:
        try:
            raise OSError(number, "the system's words", "/data/x.csv")
        except OSError as error:
            raise RuntimeError("a step failed") from error
    except RuntimeError as error:
        lines = in_words(error).splitlines()
    assert said in lines[0]
    assert lines[1] == "  where: /data/x.csv"
    assert lines[2].startswith("  what to do: ")


def test_a_broken_database_is_named_whoever_wraps_what_it_said() -> None:
    class WrappedError(Exception):
        orig = sqlite3.DatabaseError("file is not a database")

    assert "cause: file is not a database" in in_words(WrappedError("long words"))


def test_what_nobody_expects_points_to_debug() -> None:
    lines = in_words(ZeroDivisionError("division by zero\nmore")).splitlines()
    assert lines[0] == "ZeroDivisionError: division by zero"
    assert "--debug" in lines[-1]
    assert in_words(KeyboardInterrupt()).startswith("stopped by Ctrl-C")


def test_a_broken_database_of_dagster_is_one_block(tmp_path: Path) -> None:
    home = tmp_path / "dagster_home" / "history"
    home.mkdir(parents=True)
    (home / "runs.db").write_bytes(b"no database at all" * 100)
    done = command_line(TINY, tmp_path, "run", "--select", "market_data")
    assert done.returncode == 1
    assert "a database of Dagster" in done.stderr and "what to do" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "tiny").exists()
