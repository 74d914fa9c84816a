"""A file is closed between two uses, whoever kept what: other processes write to it, and files are replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from trading_assets.warehouse import Warehouse, WarehouseError, Whole
from trading_assets.warehouse.instance import _SETTINGS, KEPT, _instances, attached
from trading_assets_tests.warehouse.warehouse_fixtures import EQUITY, equity


def values(path: Path) -> list[float]:
    return Warehouse(path).read(EQUITY)["equity"].to_list()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "it's here.duckdb"
    Warehouse(path).replace(Whole(), {EQUITY: equity("s", [1.0])})
    return path


def test_another_program_writes_between_two_reads_and_is_seen(path: Path) -> None:
    """Neither program waits for the other: nothing is open between two uses, and the log is in the file."""
    assert values(path) == [1.0]
    kept = _instances[str(path.resolve())]
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}.lock", f"{path.name}.queue"]
    script = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('UPDATE backtests.equity SET equity = 2')"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
    assert values(path) == [2.0]
    assert _instances[str(path.resolve())] is kept


def test_a_file_that_was_replaced_is_read_as_it_is_now(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    Warehouse(other).replace(Whole(), {EQUITY: equity("s", [3.0])})
    assert values(path) == [1.0]
    shutil.copy(other, path)
    assert values(path) == [3.0]
    path.unlink()
    assert not Warehouse(path).exists(EQUITY.name)


def test_the_same_file_by_another_name_is_one(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.duckdb"
    link.symlink_to(path)
    with Warehouse(path).held_open() as held:
        assert values(link) == held.read(EQUITY)["equity"].to_list() == [1.0]
    Warehouse(path).replace(Whole(), {EQUITY: equity("s", [4.0])})
    assert values(link) == [4.0]


def test_what_a_failed_statement_used_is_not_used_again(path: Path) -> None:
    kept = _instances[str(path.resolve())]
    with pytest.raises(duckdb.ConversionException), attached(path, write=False) as connection:
        connection.execute("SELECT CAST('x' AS INTEGER)").fetchall()
    assert str(path.resolve()) not in _instances
    assert values(path) == [1.0]
    assert _instances[str(path.resolve())] is not kept


def test_a_file_that_is_open_to_write_is_not_opened_twice(path: Path) -> None:
    """Also without the lock beside it: DuckDB refuses, and who had it open goes on."""
    with attached(path, write=True) as connection:
        for write in (True, False):
            with pytest.raises(duckdb.Error, match="Unique file handle conflict"), attached(path, write=write):
                pass
        connection.execute("UPDATE backtests.equity SET equity = 5").fetchall()
    assert values(path) == [5.0]


@pytest.mark.parametrize(("stem", "catalog"), [("it's 1", "it's 1"), ('a"b', 'a"b'), ("Memory", "Memory file")])
def test_a_query_may_name_the_file(tmp_path: Path, stem: str, catalog: str) -> None:
    """By its name without the ending, as where DuckDB opens it alone; DuckDB's own names are taken."""
    file = tmp_path / f"{stem}.duckdb"
    Warehouse(file).replace(Whole(), {EQUITY: equity("s", [7.0])})
    quoted = catalog.replace('"', '""')
    assert Warehouse(file).query(f'SELECT equity FROM "{quoted}".backtests.equity').item() == 7.0


def test_idle_instances_are_few(tmp_path: Path) -> None:
    for number in range(KEPT + 2):
        Warehouse(tmp_path / f"{number}.duckdb").replace(Whole(), {EQUITY: equity("s", [float(number)])})
    assert [Path(path).stem for path in _instances] == [str(number) for number in range(2, KEPT + 2)]
    assert [values(tmp_path / f"{number}.duckdb") for number in range(KEPT + 2)] == [[0], [1], [2], [3], [4], [5]]


def test_a_forked_child_starts_afresh(path: Path) -> None:
    """The child reads and writes, the parent goes on; both while the parent's instance is idle."""
    assert values(path) == [1.0]
    kept = _instances[str(path.resolve())]
    child = os.fork()
    if child == 0:  # without Polars, whose threads do not live in a fork
        outcome = 1
        try:
            with attached(path, write=True) as connection:
                seen = connection.execute("SELECT equity FROM backtests.equity").fetchall()
                connection.execute("UPDATE backtests.equity SET equity = 6").fetchall()
            outcome = 0 if seen == [(1.0,)] and _instances[str(path.resolve())] is not kept else 2
        finally:
            os._exit(outcome)
    assert os.waitpid(child, 0)[1] == 0
    assert values(path) == [6.0]
    assert _instances[str(path.resolve())] is kept


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "SET threads = 4",
        "PRAGMA threads = 4",
        "CREATE TABLE memory.main.left_behind AS SELECT 1",
        "USE memory",
        "COPY backtests.equity TO '{path}.wal'",
    ],
)
def test_a_query_leaves_nothing_behind(path: Path, sql: str) -> None:
    with pytest.raises(WarehouseError, match="this is not a query"):
        Warehouse(path).query(sql.format(path=str(path).replace("'", "''")))
    assert Warehouse(path).query("SELECT current_setting('threads')").item() == _SETTINGS["threads"]
    assert Warehouse(path).query("FROM backtests.equity")["equity"].to_list() == [1.0]
    assert Warehouse(path).query("PIVOT backtests.equity ON strategy USING sum(equity)").height == 1


def test_what_does_not_fit_into_memory_goes_beside_the_file(path: Path) -> None:
    """2 million random numbers with their texts take over 100 MB to sort: more than the memory allowed here."""
    with attached(path, write=False) as connection:
        connection.execute("SET memory_limit = '60MB'").fetchall()
        rows = "SELECT hash(i) AS h, repeat(hash(i)::VARCHAR, 3) AS t FROM range(2000000) r(i) ORDER BY h"
        assert connection.execute(f"SELECT count(*), min(t) <> max(t) FROM ({rows})").fetchall() == [(2000000, True)]
        assert path.with_name(f"{path.name}.tmp").is_dir()
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}.lock", f"{path.name}.queue"]
    assert values(path) == [1.0]
