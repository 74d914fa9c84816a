"""Errors that nobody planned are one block, and name what can be done."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from trading_assets.cli_errors import in_words, known_cause
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


@pytest.mark.parametrize(
    ("name", "message", "said"),
    [
        ("OSError", "[Errno 28] No space left on device: '/d/x'", ["the disk is full", "  where: /d/x"]),
        ("_duckdb.IOException", 'Could not write file "/d/w": File too large', ["so large here", "  where: /d/w"]),
        ("sqlite3.OperationalError", "database or disk is full", ["the disk is full"]),
        ("sqlalchemy.exc.OperationalError", "(x) attempt to write a readonly database", ["read-only"]),
        ("sqlite3.OperationalError", "disk I/O error", ["free space first"]),
        ("sqlite3.OperationalError", "database is locked", ["end the other run, or the UI"]),
        ("sqlalchemy.exc.DatabaseError", "(x) file is not a database\n[SQL: x]", ["move the file aside"]),
        ("DatabaseError", "database disk image is malformed", ["cause: database disk image is malformed"]),
    ],
)  # fmt: skip
def test_causes_are_known_by_the_name_of_their_class(name: str, message: str, said: list[str]) -> None:
    """As a step hands them on, whose process has ended."""
    block = known_cause([("ValueError", "a step failed"), (name, message)])
    assert block is not None and all(each in block for each in said)
    assert "what to do: " in block and "[SQL" not in block


def test_words_of_files_in_other_errors_are_no_causes() -> None:
    assert known_cause([("ValueError", "my strategy: permission denied by its rules")]) is None


def test_a_broken_database_is_named_whoever_wraps_what_it_said() -> None:
    class WrappedError(Exception):  # as SQLAlchemy keeps what the database said
        orig = sqlite3.DatabaseError("file is not a database")

    assert "cause: file is not a database" in in_words(WrappedError("long words"))


def test_what_nobody_expects_points_to_debug() -> None:
    lines = in_words(ZeroDivisionError("division by zero\nmore")).splitlines()
    assert lines[0] == "ZeroDivisionError: division by zero"
    assert "--debug" in lines[-1]
    assert in_words(KeyboardInterrupt()).startswith("stopped by Ctrl-C")


@pytest.mark.slow
def test_a_broken_database_of_dagster_is_one_block(tmp_path: Path) -> None:
    home = tmp_path / "dagster_home" / "history"
    home.mkdir(parents=True)
    (home / "runs.db").write_bytes(b"no database at all" * 100)
    done = command_line(TINY, tmp_path, "run", "--select", "market_data")
    assert done.returncode == 1
    assert "a database of Dagster" in done.stderr and "what to do" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "tiny").exists()
