"""Hashes of rows: equal for equal rows, other for any change, and kept as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.warehouse import Rows, Sessions, Warehouse, Whole
from trading_assets.warehouse.connection import open_to_read
from trading_assets.warehouse.content import MISSING, Selected, content_by_month, content_of, selected_from
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, bars, day


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.replace(Rows("symbol", "A"), {BARS: bars("A", range(60))})
    warehouse.replace(Rows("symbol", "B"), {BARS: bars("B", range(60))})
    return warehouse


def now(warehouse: Warehouse, rows: Selected) -> str:
    with open_to_read(warehouse.path, 1.0) as connection:
        return content_of(connection, rows)


def edited(warehouse: Warehouse, sql: str) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(sql)


LISTED = ["A"]
SELECTIONS: list[Selected] = [
    Selected.of_table(BARS.name, Whole()),
    Selected.of_table(BARS.name, Rows("symbol", "A"), columns=["session", "close"]),
    Selected.of_table(
        BARS.name, Whole(), where="list_contains(?, symbol) AND session < ?", parameters=[["A"], day(40)]
    ),
    Selected.of_table(BARS.name, Sessions(day(3), day(50))),
    Selected.of_query(f"SELECT symbol, max(close) AS most FROM {BARS.name} GROUP BY symbol", ()),
    Selected.of_existence(BARS.name),
    Selected.of_table("no.table", Whole(), where="seen_at = ?", parameters=[dt.datetime(2020, 1, 2, 3, 4, 5, 6)]),
]


@pytest.mark.parametrize("rows", SELECTIONS)
def test_a_selection_is_the_same_after_it_was_kept_as_text(warehouse: Warehouse, rows: Selected) -> None:
    assert selected_from(rows.text) == rows
    assert now(warehouse, selected_from(rows.text)) == now(warehouse, rows)


@pytest.mark.parametrize(
    ("change", "seen_by"),
    [
        (f"UPDATE {BARS.name} SET close = close + 1e-12 WHERE symbol = 'A' AND session = '{day(5)}'", {0, 1, 2, 3, 4}),
        (f"UPDATE {BARS.name} SET close = 1e9 WHERE symbol = 'B' AND session = '{day(55)}'", {0, 4}),
        (f"DELETE FROM {BARS.name} WHERE symbol = 'A' AND session = '{day(45)}'", {0, 1, 3}),
        (f"INSERT INTO {BARS.name} FROM {BARS.name} WHERE symbol = 'B' AND session = '{day(4)}'", {0, 3}),
        (f"UPDATE {BARS.name} SET close = NULL WHERE symbol = 'A' AND session = '{day(5)}'", {0, 1, 2, 3}),
        (f"DROP TABLE {BARS.name}", {0, 1, 2, 3, 4, 5}),
    ],
)
def test_a_change_is_seen_by_those_selections_that_have_its_rows(
    warehouse: Warehouse, change: str, seen_by: set[int]
) -> None:
    before = [now(warehouse, rows) for rows in SELECTIONS]
    edited(warehouse, change)
    after = [now(warehouse, rows) for rows in SELECTIONS]
    assert {place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new} == seen_by


@pytest.mark.parametrize(
    "shuffle", [lambda frame: frame.reverse(), lambda frame: frame.select(sorted(frame.columns, reverse=True))]
)
def test_the_order_of_rows_and_columns_says_nothing(
    tmp_path: Path, warehouse: Warehouse, shuffle: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    frame, other = warehouse.read(BARS), tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.register("given", shuffle(frame).to_arrow())
        connection.execute(f"CREATE SCHEMA {BARS.schema}; CREATE TABLE {BARS.name} AS FROM given")
        assert content_of(connection, SELECTIONS[0]) == now(warehouse, SELECTIONS[0])


def test_what_is_not_there_is_missing_and_no_months_have_rows(warehouse: Warehouse) -> None:
    absent = Selected.of_table("no.table", Whole())
    assert now(warehouse, absent) == content_of(None, SELECTIONS[0]) == MISSING
    with open_to_read(warehouse.path, 1.0) as connection:
        assert content_by_month(connection, absent) == content_by_month(None, SELECTIONS[0]) == {}


def test_a_month_changes_with_its_own_rows_alone(warehouse: Warehouse) -> None:
    def months() -> dict[str, str]:
        with open_to_read(warehouse.path, 1.0) as connection:
            return content_by_month(connection, SELECTIONS[0])

    before = months()
    assert sum(int(found.partition(":")[0]) for found in before.values()) == 120
    edited(warehouse, f"UPDATE {BARS.name} SET close = 7 WHERE symbol = 'A' AND session = '{day(0)}'")
    after = months()
    assert [month for month in before if before[month] != after[month]] == [f"{day(0):%Y-%m}"]


def test_a_capped_date_counts_as_the_last_one_and_is_read_as_it(warehouse: Warehouse) -> None:
    until = day(30)
    ends = Selected.of_table(BARS.name, Whole(), capped=("session", until))
    assert selected_from(ends.text) == ends
    before = now(warehouse, ends)
    edited(warehouse, f"UPDATE {BARS.name} SET session = session + 100 WHERE session > '{day(40)}'")
    assert now(warehouse, ends) == before
    read = warehouse.read(BARS, capped=("session", until))
    assert read["session"].max() == until and (read["session"] == until).sum() == 2 * 30
    edited(warehouse, f"UPDATE {BARS.name} SET session = session - 1 WHERE session = '{day(10)}'")
    assert now(warehouse, ends) != before
