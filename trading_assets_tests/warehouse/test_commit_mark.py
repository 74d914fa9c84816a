"""A write-ahead log that is gone, empty, cut or damaged after a kill is noticed; one that is whole is read."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from trading_assets.warehouse import Warehouse, WarehouseError, Whole
from trading_assets.warehouse.commit_mark import LostCommitsError, log_of, mark_of
from trading_assets.warehouse.connection import open_to_read, open_to_write, transaction
from trading_assets_tests.warehouse.warehouse_fixtures import EQUITY, equity

#: Commits a second version of a table and is killed before the file is closed.
KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from trading_assets.warehouse import connection, Whole, Warehouse
    from trading_assets_tests.warehouse.warehouse_fixtures import EQUITY, equity

    made = connection.set_mark
    def and_die(path, number):
        made(path, number)
        os.kill(os.getpid(), signal.SIGKILL)

    connection.set_mark = and_die
    Warehouse(Path(sys.argv[1])).replace(Whole(), {EQUITY: equity("s", [2.0])})
    """
)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a process left it that was killed right after its second commit."""
    path = tmp_path_factory.mktemp("killed") / "warehouse.duckdb"
    Warehouse(path).replace(Whole(), {EQUITY: equity("s", [1.0])})
    assert not mark_of(path).exists()
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert log_of(path).stat().st_size > 0
    assert mark_of(path).read_text() == "2"
    return path.parent


@pytest.fixture
def warehouse(killed: Path, tmp_path: Path) -> Warehouse:
    shutil.copytree(killed, tmp_path / "home")
    return Warehouse(tmp_path / "home" / "warehouse.duckdb")


def test_whole_log_is_read_and_the_mark_goes_with_it(warehouse: Warehouse) -> None:
    assert warehouse.read(EQUITY)["equity"].to_list() == [2.0]
    warehouse.replace(Whole(), {EQUITY: equity("s", [3.0])})
    assert not mark_of(warehouse.path).exists()
    assert warehouse.read(EQUITY)["equity"].to_list() == [3.0]


def _cut(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-1])


def _zeroed(log: Path) -> None:
    log.write_bytes(bytes(log.stat().st_size))


@pytest.mark.parametrize(
    ("damage", "said"),
    [(Path.unlink, "is gone"), (lambda log: log.write_bytes(b""), "is gone"), (_cut, "was cut"), (_zeroed, "was cut")],
    ids=["gone", "empty", "cut", "zeroed"],
)
def test_lost_log_is_named_and_nothing_is_changed(
    warehouse: Warehouse, damage: Callable[[Path], object], said: str
) -> None:
    log = log_of(warehouse.path)
    damage(log)
    before = warehouse.path.read_bytes(), log.read_bytes() if log.exists() else None
    with pytest.raises(
        LostCommitsError, match=f"last commits \\(1\\) of this database are lost: its write-ahead log {said}"
    ):
        warehouse.read(EQUITY)
    with pytest.raises(LostCommitsError, match="restore a copy"):
        warehouse.replace(Whole(), {EQUITY: equity("s", [3.0])})
    assert before == (warehouse.path.read_bytes(), log.read_bytes() if log.exists() else None)
    mark_of(warehouse.path).unlink()  # as the message says, who goes on with what is left
    assert warehouse.read(EQUITY)["equity"].to_list() == [1.0]


def test_duckdb_itself_says_nothing_of_a_cut_log(warehouse: Warehouse) -> None:
    """Why there is a mark: if this fails, DuckDB has learnt to say so."""
    _cut(log_of(warehouse.path))
    with duckdb.connect(str(warehouse.path)) as connection:
        (stored,) = [table for table in connection.execute("SHOW ALL TABLES").fetchall() if table[2] == "equity"]
        assert connection.execute(f"SELECT equity FROM {stored[1]}.equity").fetchall() == [(1.0,)]


def test_damaged_log_says_what_to_do(warehouse: Warehouse) -> None:
    log = log_of(warehouse.path)
    content = bytearray(log.read_bytes())
    content[112] ^= 0xFF  # in the first entry after the header, which others follow
    log.write_bytes(content)
    with pytest.raises(WarehouseError, match="the write-ahead log of the warehouse is damaged") as caught:
        warehouse.read(EQUITY)
    assert "trading-assets restore" in str(caught.value)
    assert str(log) in str(caught.value)


def test_database_of_an_earlier_version_begins_to_count(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {EQUITY: equity("s", [3.0])})
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("DROP TABLE meta.sequence")
    warehouse.replace(Whole(), {EQUITY: equity("s", [4.0])})
    with duckdb.connect(str(warehouse.path)) as connection:
        assert connection.execute("FROM meta.sequence").fetchall() == [(1,)]


def test_count_that_was_emptied_begins_anew(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {EQUITY: equity("s", [3.0])})
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("DELETE FROM meta.sequence")
    warehouse.replace(Whole(), {EQUITY: equity("s", [4.0])})
    with duckdb.connect(str(warehouse.path)) as connection:
        assert connection.execute("FROM meta.sequence").fetchall() == [(1,)]


@pytest.mark.parametrize(("name", "is_advised"), [("warehouse.duckdb", True), ("protocol.duckdb", False)])
def test_to_remove_the_mark_is_advised_where_a_run_computes_the_rest(
    warehouse: Warehouse, name: str, is_advised: bool
) -> None:
    path = warehouse.path.rename(warehouse.path.with_name(name))
    mark_of(path).write_text("9")
    with pytest.raises(LostCommitsError) as caught, open_to_read(path, 5):
        pass
    assert (f"remove {name}.committed" in str(caught.value)) == is_advised
    assert "restore a copy" in str(caught.value)


def test_half_written_mark_is_none(warehouse: Warehouse) -> None:
    log_of(warehouse.path).unlink()
    mark_of(warehouse.path).write_bytes(b"")
    assert warehouse.read(EQUITY)["equity"].to_list() == [1.0]


def test_failure_after_a_commit_leaves_no_mark(tmp_path: Path) -> None:
    """A mark that is left says later of a database that was put back by hand that its commits are lost."""
    path = tmp_path / "warehouse.duckdb"
    with pytest.raises(KeyboardInterrupt), open_to_write(path, 5) as connection:
        with transaction(connection):
            connection.execute("CREATE TABLE main.t AS SELECT 1").fetchall()
        assert mark_of(path).exists()
        raise KeyboardInterrupt
    assert (mark_of(path).exists(), log_of(path).exists()) == (False, False)
