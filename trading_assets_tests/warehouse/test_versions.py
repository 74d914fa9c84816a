from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from trading_assets.warehouse.slices import Rows, Sessions, Whole
from trading_assets.warehouse.versions import next_number, record, versions_of

JANUARY = Sessions(dt.date(2024, 1, 1), dt.date(2024, 1, 31))
FEBRUARY = Sessions(dt.date(2024, 2, 1), dt.date(2024, 2, 29))


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute(
        "CREATE SCHEMA meta; CREATE TABLE meta.commits (table_name TEXT, slice_column TEXT, lower_bound TEXT,"
        " upper_bound TEXT, number BIGINT)"
    )
    return made


def test_the_last_commit_of_a_slice_counts(connection: duckdb.DuckDBPyConnection) -> None:
    assert next_number(connection) == 1
    record(connection, ["t"], JANUARY, 1)
    record(connection, ["t"], JANUARY, 2)
    assert next_number(connection) == 3
    assert list(versions_of(connection, "t", JANUARY).values()) == [2]


def test_only_ranges_of_one_column_are_known_to_share_no_row(connection: duckdb.DuckDBPyConnection) -> None:
    for number, (table, slice_) in enumerate(
        [("t", JANUARY), ("t", FEBRUARY), ("t", Rows("strategy", "a")), ("t", Whole()), ("u", JANUARY)], start=1
    ):
        record(connection, [table], slice_, number)
    assert sorted(versions_of(connection, "t", FEBRUARY).values()) == [2, 3, 4]
    assert sorted(versions_of(connection, "t", Whole()).values()) == [1, 2, 3, 4]
