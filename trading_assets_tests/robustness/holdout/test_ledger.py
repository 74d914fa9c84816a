"""The ledger in a real DuckDB file, and everything somebody could do to it with a DuckDB shell."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.protocol.earlier_ledgers import LEDGER as LOOKS
from trading_assets.protocol.head_file import HeadFile
from trading_assets.robustness.holdout.ledger import (
    GENESIS,
    LedgerTamperedError,
    Look,
    LookRefusedError,
    head_of,
    look_of,
    row_hash,
)
from trading_assets.robustness.holdout.record_look import record_look, verified_ledger
from trading_assets.robustness.tables import HOLDOUT_LEDGER
from trading_assets.warehouse import Warehouse, Whole
from trading_assets.warehouse.errors import WarehouseError

NOON = dt.datetime(2026, 11, 21, 12, 0, 0, 123456)


def look(strategy: str = "a", registration: str = "r1", override: str | None = None, hours: int = 0) -> Look:
    return Look(strategy, registration, "config", NOON + dt.timedelta(hours=hours), override)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb")


@pytest.fixture
def head_file(tmp_path: Path) -> HeadFile:
    return HeadFile(tmp_path / "ledger.head", LOOKS)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("four_looks")
    warehouse, head_file = Warehouse(folder / "warehouse.duckdb"), HeadFile(folder / "ledger.head", LOOKS)
    record_look(warehouse, head_file, look("a", "r1"))
    record_look(warehouse, head_file, look("b", "r2", hours=1))
    record_look(warehouse, head_file, look("a", "r3", "the data had a bad split", hours=2))
    record_look(warehouse, head_file, look("c", "r4", hours=3))
    return folder


@pytest.fixture
def four_looks(made_once: Path, warehouse: Warehouse) -> pl.DataFrame:
    for name in ("warehouse.duckdb", "ledger.head"):
        shutil.copy(made_once / name, warehouse.path.parent / name)
    return warehouse.read(HOLDOUT_LEDGER)


def by_hand(warehouse: Warehouse, *statements: str) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_rows_are_chained_and_the_end_is_kept_outside(
    warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame
) -> None:
    assert four_looks["row"].to_list() == [1, 2, 3, 4]
    assert four_looks["look"].to_list() == [1, 1, 2, 1]
    assert four_looks["override"].to_list() == [None, None, "the data had a bad split", None]
    assert four_looks["previous_hash"].to_list() == [GENESIS, *four_looks["row_hash"][:3]]
    assert json.loads(head_file.path.read_text()) == {"rows": 4, "row_hash": four_looks["row_hash"][3]}
    assert verified_ledger(warehouse, head_file).equals(four_looks)


def test_the_same_evaluation_again_is_the_same_look(
    warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame
) -> None:
    for registration in ("r3", "r1"):
        again = record_look(warehouse, head_file, look("a", registration, hours=9))
        assert again.equals(four_looks)
    assert look_of(four_looks, "a", "r3") == 2


def test_a_look_after_a_change_needs_a_reason(
    warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame
) -> None:
    with pytest.raises(LookRefusedError) as refused:
        record_look(warehouse, head_file, look("b", "r9"))
    message = str(refused.value)
    assert all(part in message for part in ("holdout of b", "registration.b.override", "number 1", "r2", "r9"))
    assert verified_ledger(warehouse, head_file).equals(four_looks)
    after = record_look(warehouse, head_file, look("b", "r9", "a calendar was wrong"))
    assert after.row(-1, named=True)["look"] == 2
    assert after.row(-1, named=True)["override"] == "a calendar was wrong"


def test_a_reason_is_good_for_one_look(warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame) -> None:
    with pytest.raises(LookRefusedError, match="was given for look 2"):
        record_look(warehouse, head_file, look("a", "r5", "the data had a bad split"))
    assert record_look(warehouse, head_file, look("a", "r5", "another, better reason")).height == 5


def test_an_override_on_a_first_look_is_not_recorded(warehouse: Warehouse, head_file: HeadFile) -> None:
    assert record_look(warehouse, head_file, look(override="left over in the file"))["override"].to_list() == [None]


def test_an_empty_ledger_is_intact(warehouse: Warehouse, head_file: HeadFile) -> None:
    assert verified_ledger(warehouse, head_file).is_empty()


def test_no_replace_touches_the_ledger(warehouse: Warehouse, four_looks: pl.DataFrame) -> None:
    with pytest.raises(WarehouseError, match="append only"):
        warehouse.replace(Whole(), {HOLDOUT_LEDGER: HOLDOUT_LEDGER.empty()})


def forge(row: int, **changes: object) -> Callable[[Warehouse, pl.DataFrame], None]:
    """Edit a row and put its own hash right."""

    def tamper(warehouse: Warehouse, ledger: pl.DataFrame) -> None:
        values = {**ledger.row(row - 1, named=True), **changes}
        sets = ", ".join(f"{name} = '{value}'" for name, value in changes.items())
        by_hand(
            warehouse, f"UPDATE {HOLDOUT_LEDGER.name} SET {sets}, row_hash = '{row_hash(values)}' WHERE row = {row}"
        )

    return tamper


def rewrite_from(row: int, **changes: object) -> Callable[[Warehouse, pl.DataFrame], None]:
    """Edit a row and rebuild the whole chain after it."""

    def tamper(warehouse: Warehouse, ledger: pl.DataFrame) -> None:
        rows = ledger.to_dicts()
        rows[row - 1] |= changes
        for index in range(row - 1, len(rows)):
            rows[index]["previous_hash"] = rows[index - 1]["row_hash"] if index else GENESIS
            rows[index]["row_hash"] = row_hash(rows[index])
        forged = pl.DataFrame(rows, schema=ledger.schema)
        with duckdb.connect(str(warehouse.path)) as connection:
            connection.register("forged", forged.to_arrow())
            connection.execute(f"DELETE FROM {HOLDOUT_LEDGER.name}")
            connection.execute(f"INSERT INTO {HOLDOUT_LEDGER.name} BY NAME FROM forged")

    return tamper


def sql(*statements: str) -> Callable[[Warehouse, pl.DataFrame], None]:
    return lambda warehouse, ledger: by_hand(warehouse, *statements)


LEDGER = HOLDOUT_LEDGER.name
TAMPERING: dict[str, tuple[Callable[[Warehouse, pl.DataFrame], None], str]] = {
    "value edited": (
        sql(f"UPDATE {LEDGER} SET registration_hash = 'r1' WHERE row = 3"),
        r"row 3 \(a, look 2\) was edited",
    ),
    "reason removed": (sql(f"UPDATE {LEDGER} SET override = NULL WHERE row = 3"), r"row 3 \(a, look 2\) was edited"),
    "time moved": (
        sql(f"UPDATE {LEDGER} SET evaluated_at = evaluated_at - INTERVAL 1 MICROSECOND WHERE row = 1"),
        r"row 1 \(a, look 1\) was edited",
    ),
    "edited with its own hash": (forge(2, strategy="z"), "row 2 was edited or replaced: row 3"),
    "last edited with its own hash": (forge(4, strategy="z"), r"row 4 \(z, look 1\) was edited or replaced"),
    "chain rebuilt": (rewrite_from(2, strategy="z"), r"row 4 \(c, look 1\) was edited or replaced"),
    "first deleted": (sql(f"DELETE FROM {LEDGER} WHERE row = 1"), "row 1 is missing: it was deleted"),
    "middle deleted": (sql(f"DELETE FROM {LEDGER} WHERE row = 2"), "row 2 is missing: it was deleted"),
    "deleted and renumbered": (
        sql(f"DELETE FROM {LEDGER} WHERE row = 2", f"UPDATE {LEDGER} SET row = row - 1 WHERE row > 2"),
        r"row 2 \(a, look 2\) was edited or moved",
    ),
    "one cut off": (sql(f"DELETE FROM {LEDGER} WHERE row = 4"), "row 4 is missing: cut off the end"),
    "two cut off": (sql(f"DELETE FROM {LEDGER} WHERE row > 2"), "rows 3 to 4 are missing: cut off the end"),
    "all deleted": (sql(f"DELETE FROM {LEDGER}"), "rows 1 to 4 are missing"),
    "table dropped": (sql(f"DROP TABLE {LEDGER}"), "rows 1 to 4 are missing"),
    "two swapped": (
        sql(f"UPDATE {LEDGER} SET row = CASE row WHEN 2 THEN 3 ELSE 2 END WHERE row IN (2, 3)"),
        r"row 2 \(a, look 2\) was edited or moved",
    ),
    "copied": (sql(f"INSERT INTO {LEDGER} FROM {LEDGER} WHERE row = 2"), "row 2 is there twice"),
    "number removed": (sql(f"UPDATE {LEDGER} SET row = NULL WHERE row = 4"), "row 4 is missing"),
    "hash removed": (sql(f"UPDATE {LEDGER} SET row_hash = NULL WHERE row = 4"), r"row 4 \(c, look 1\) was edited"),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_detected_and_named(
    kind: str, warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame
) -> None:
    tamper, named = TAMPERING[kind]
    tamper(warehouse, four_looks)
    with pytest.raises(LedgerTamperedError, match=named):
        verified_ledger(warehouse, head_file)
    head = head_file.path.read_bytes()
    with pytest.raises(LedgerTamperedError, match=named):
        record_look(warehouse, head_file, look("d", "r5"))
    assert head_file.path.read_bytes() == head


def test_a_row_added_by_hand_is_detected(warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame) -> None:
    end = head_of(four_looks)
    row = {**four_looks.row(-1, named=True), "row": 5, "strategy": "d", "previous_hash": end.row_hash}
    row["row_hash"] = row_hash(row)
    warehouse.append(HOLDOUT_LEDGER, pl.DataFrame([row], schema=four_looks.schema))
    with pytest.raises(LedgerTamperedError, match=r"row 5 \(d, look 1\) was added by hand"):
        verified_ledger(warehouse, head_file)


def test_a_missing_or_broken_head_file_is_detected(
    warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame
) -> None:
    good = head_file.path.read_text()
    head_file.path.write_text(good[:10])
    with pytest.raises(LedgerTamperedError, match=r"cannot be read"):
        verified_ledger(warehouse, head_file)
    head_file.path.unlink()
    with pytest.raises(LedgerTamperedError, match=r"ledger\.head is missing"):
        verified_ledger(warehouse, head_file)
    head_file.path.write_text(good)
    assert verified_ledger(warehouse, head_file).equals(four_looks)


# A run killed while it wrote: the provisional file is there, and the row may or may not be.
def test_killed_before_the_commit(warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame) -> None:
    head_file.path.with_name("ledger.head.new").write_text(json.dumps({"rows": 5, "row_hash": "f" * 64}))
    assert verified_ledger(warehouse, head_file).equals(four_looks)
    assert record_look(warehouse, head_file, look("d", "r5")).height == 5
    assert verified_ledger(warehouse, head_file).height == 5


def test_killed_while_writing_the_provisional_file(
    warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame
) -> None:
    head_file.path.with_name("ledger.head.new").write_text('{"rows": 5, "row')
    assert verified_ledger(warehouse, head_file).equals(four_looks)


def test_killed_after_the_commit(warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame) -> None:
    before = head_file.path.read_bytes()
    after = record_look(warehouse, head_file, look("d", "r5"))
    head_file.path.rename(head_file.path.with_name("ledger.head.new"))
    head_file.path.write_bytes(before)
    assert verified_ledger(warehouse, head_file).equals(after)
    # Settled: from here on a cut of that row shows.
    assert json.loads(head_file.path.read_text())["rows"] == 5
    by_hand(warehouse, f"DELETE FROM {LEDGER} WHERE row = 5")
    with pytest.raises(LedgerTamperedError, match="row 5 is missing"):
        verified_ledger(warehouse, head_file)


def _die_after_the_commit(path: Path) -> None:
    head_file = HeadFile(path.with_name("ledger.head"), LOOKS)
    head_file._settle = lambda: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
    record_look(Warehouse(path), head_file, look("d", "r5"))


def test_a_real_kill_leaves_an_intact_ledger(
    warehouse: Warehouse, head_file: HeadFile, four_looks: pl.DataFrame
) -> None:
    # Not forked: threads of the parent would leave locked locks behind.
    process = multiprocessing.get_context("spawn").Process(target=_die_after_the_commit, args=(warehouse.path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert json.loads(head_file.path.read_text())["rows"] == 4
    assert verified_ledger(warehouse, head_file).height == 5
    assert record_look(warehouse, head_file, look("d", "r5")).height == 5


def _look_many(path: Path, strategy: str) -> None:
    for number in range(3):
        reason = f"reason number {number}" if number else None
        record_look(
            Warehouse(path), HeadFile(path.with_name("ledger.head"), LOOKS), look(strategy, f"r{number}", reason)
        )


def test_concurrent_looks_make_one_chain(warehouse: Warehouse, head_file: HeadFile) -> None:
    with ThreadPoolExecutor(max_workers=3) as pool:
        list(pool.map(_look_many, [warehouse.path] * 3, "abc"))
    ledger = verified_ledger(warehouse, head_file)
    assert ledger.height == 9
    assert ledger.filter(strategy="b").sort("row")["look"].to_list() == [1, 2, 3]
