"""What a unit of work has read and written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.warehouse import Rows, Sessions, StaleInputError, UnitOfWork, Warehouse, Whole
from trading_assets.warehouse.connection import open_to_write
from trading_assets.warehouse.table import Column, Table
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, EQUITY, LEDGER, bars, day, equity, next_look

A, B = Rows("strategy", "a"), Rows("strategy", "b")


@pytest.fixture
def work(tmp_path: Path) -> UnitOfWork:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.replace(A, {EQUITY: equity("a", [1.0])})
    warehouse.replace(B, {EQUITY: equity("b", [1.0])})
    return warehouse.unit_of_work()


def tables(work: UnitOfWork, *, own: tuple[str, ...] = ()) -> list[tuple[str, tuple[object, ...]]]:
    return [(rows.source, rows.scope[:2]) for rows in work.trace.reads_beside(own)]


def test_each_kind_of_read_is_traced_and_what_is_read_aside_is_not(work: UnitOfWork) -> None:
    work.read(EQUITY, rows=B)
    work.read_or_empty(BARS)
    work.query(f"SELECT 1 FROM {EQUITY.name}", reads=[EQUITY.name])
    work.query("SELECT 1")
    with work.held_open() as held:
        held.read(EQUITY, columns=["equity"], rows=A)
    work.unwatched().read(EQUITY, where="equity > ?", parameters=[0.5])
    work.aside().read(EQUITY, where="equity > ?", parameters=[0.6])
    assert tables(work) == [
        (EQUITY.name, ("strategy", "b")),
        (BARS.name, ()),
        (EQUITY.name, ()),
        ("SELECT 1", ()),
        (EQUITY.name, ("strategy", "a")),
        (EQUITY.name, ()),
    ]
    absent = [found for rows, found in work.trace.reads_beside(()).items() if rows.source == BARS.name]
    assert absent == ["0:0"]  # as if it were empty


def test_parts_that_are_read_aside_are_noted_by_one_hash(work: UnitOfWork) -> None:
    rows = work.depend_on(EQUITY, columns=["strategy", "equity"], where="equity > ?", parameters=[0.5])
    found = work.trace.noted(rows)
    assert found is not None
    again = work.unit_of_work()
    assert again.trace.noted(rows) is None
    again.read(EQUITY, columns=["strategy", "equity"], where="equity > ?", parameters=[0.5])
    assert again.trace.noted(rows) == found
    Warehouse(work.path).replace(B, {EQUITY: equity("b", [1.5])})
    with pytest.raises(StaleInputError):  # as of any other read
        work.replace(A, {EQUITY: equity("a", [2.0])})
    later = work.unit_of_work()
    later.depend_on(EQUITY, columns=["strategy", "equity"], where="equity > ?", parameters=[0.5])
    assert later.trace.noted(rows) not in (None, found)


def test_what_is_known_in_another_way_is_left_out(work: UnitOfWork) -> None:
    work.trace.leave_out([BARS.name])
    work.read(EQUITY, rows=B)
    work.read_or_empty(BARS)
    work.query(f"SELECT 1 FROM {EQUITY.name}", reads=[BARS.name, EQUITY.name])
    assert {source for source, _ in tables(work)} == {EQUITY.name}


def test_the_first_look_counts(work: UnitOfWork) -> None:
    work.unwatched().read(EQUITY, rows=B)
    (before,) = work.trace.reads_beside(()).values()
    work.aside().replace(B, {EQUITY: equity("b", [2.0])})
    work.read(EQUITY, rows=B)
    assert [before] == list(work.trace.reads_beside(()).values())


def test_what_a_step_reads_of_its_own_rows_is_no_input_and_what_it_reads_of_others_is(work: UnitOfWork) -> None:
    work.read(EQUITY, rows=A)
    work.read(EQUITY, rows=B)
    work.replace(A, {EQUITY: equity("a", [3.0])})
    assert tables(work) == [(EQUITY.name, ("strategy", "b"))]
    assert tables(work, own=(EQUITY.name,)) == []


def test_written_are_slices_that_were_replaced_and_rows_that_are_in_ledgers(work: UnitOfWork) -> None:
    work.replace(A, {EQUITY: equity("a", [3.0])})
    work.replace(A, {EQUITY: equity("a", [4.0])})
    work.replace_together([(Sessions(day(0), day(3)), {BARS: bars("A", range(4))})])
    look = next_look(LEDGER.empty())
    work.append(LEDGER, look)
    work.append_new(LEDGER, look)  # which is there
    assert [(each.table, each.by_month, each.slice_) for each in work.trace.written] == [
        (EQUITY.name, False, A),
        (BARS.name, True, Sessions(day(0), day(3))),
        (LEDGER.name, False, None),
    ]


@pytest.mark.parametrize("what", ["nothing", "input", "output", "another"])
def test_it_is_current_until_another_run_replaces_what_it_read_or_wrote(work: UnitOfWork, what: str) -> None:
    from trading_assets.warehouse.connection import open_to_read

    work.read(EQUITY, rows=B)
    work.replace(Whole(), {BARS: bars("A", range(3))})
    other = Warehouse(work.path)
    if what == "input":
        other.replace(B, {EQUITY: equity("b", [2.0])})
    elif what == "output":
        other.replace(Whole(), {BARS: bars("A", range(3))})
    elif what == "another":
        other.replace(A, {EQUITY: equity("a", [2.0])})
    with open_to_read(work.path, 1.0) as connection:
        assert work.is_current(connection) == (what in ("nothing", "another"))


def test_what_another_run_put_into_a_part_of_it_is_not_its_own_any_more(tmp_path: Path) -> None:
    prices = Table(
        name="features.p",
        description="",
        key=("session",),
        columns={"session": Column(pl.Date, ""), "v": Column(pl.Int64, "")},
    )
    days = [dt.date(2020, month, 1) for month in range(1, 7)]
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    one, other = warehouse.unit_of_work(), warehouse.unit_of_work()
    one.replace(Sessions(days[0], days[-1]), {prices: pl.DataFrame({"session": days, "v": 1})})
    with open_to_write(warehouse.path, 5) as connection:
        assert one.is_current(connection)
    other.replace(Sessions(days[2], days[2]), {prices: pl.DataFrame({"session": [days[2]], "v": [7]})})
    with open_to_write(warehouse.path, 5) as connection:
        assert not one.is_current(connection)
