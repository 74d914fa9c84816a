"""The record of what steps have computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from trading_assets.warehouse import Rows, Warehouse, Whole
from trading_assets.warehouse.computed import (
    Computed,
    commit_to_confirm,
    computed_of,
    confirm_computed,
    confirmed_commit,
    keep_computed,
    stands,
)
from trading_assets.warehouse.connection import open_to_read
from trading_assets.warehouse.content import MISSING, Selected, content_of
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, EQUITY, bars, equity

STEP = "backtests/a"
READ = Selected.of_table(BARS.name, Whole(), where="list_contains(?, symbol)", parameters=[["A", "B"]])
STATE = {"sum": 0.1 + 0.2, "fits": {"a": [1.5, 2.5]}}
RECORD = Computed(
    "of this", "first", {READ: "1:2"}, {READ: MISSING}, {"2020-01": "x"}, {"2020-01": "y"}, ["mind"], STATE, 1
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.replace(Whole(), {BARS: bars("A", range(3))})
    return warehouse


def test_a_record_is_read_as_it_was_kept_and_the_last_one_counts(warehouse: Warehouse) -> None:
    assert computed_of(warehouse, STEP) is None
    work = warehouse.unit_of_work()
    assert keep_computed(work, STEP, lambda _: RECORD) == RECORD
    assert computed_of(warehouse, STEP) == RECORD
    assert computed_of(warehouse, "backtests/b") is None
    other = replace(RECORD, identity="of that", warnings=[])
    keep_computed(work, STEP, lambda _: other)
    assert computed_of(warehouse, STEP) == other


def test_there_is_none_without_a_file_and_none_that_this_version_cannot_read(
    tmp_path: Path, warehouse: Warehouse
) -> None:
    assert computed_of(Warehouse(tmp_path / "none.duckdb"), STEP) is None
    keep_computed(warehouse.unit_of_work(), STEP, lambda _: RECORD)
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("""UPDATE meta.computed SET content = '{"of": "another version"}'""")
    assert computed_of(warehouse, STEP) is None


@pytest.mark.parametrize("replaced", ["what it read", "what it wrote"])
def test_nothing_is_kept_of_rows_that_another_run_has_replaced(warehouse: Warehouse, replaced: str) -> None:
    work = warehouse.unit_of_work()
    work.read(BARS)
    work.replace(Rows("strategy", "a"), {EQUITY: equity("a", [1.0])})
    if replaced == "what it read":
        warehouse.replace(Whole(), {BARS: bars("A", range(4))})
    else:
        warehouse.replace(Rows("strategy", "a"), {EQUITY: equity("a", [2.0])})
    assert keep_computed(work, STEP, lambda _: RECORD) is None
    assert computed_of(warehouse, STEP) is None


def test_a_step_is_confirmed_up_to_the_last_commit_if_anything_that_it_rests_on_was_written(
    warehouse: Warehouse,
) -> None:
    keep_computed(warehouse.unit_of_work(), STEP, lambda _: RECORD)
    kept = computed_of(warehouse, STEP)
    assert kept is not None
    warehouse.replace(Rows("strategy", "b"), {EQUITY: equity("b", [2.0])})
    assert commit_to_confirm(warehouse, kept) is None  # it does not read that
    assert confirmed_commit(warehouse, STEP) == 1
    warehouse.replace(Whole(), {BARS: bars("A", range(3))})
    assert commit_to_confirm(warehouse, kept) == 3
    confirm_computed(warehouse, STEP, 3)
    assert confirmed_commit(warehouse, STEP) == 3
    assert confirmed_commit(warehouse, "backtests/b") == 0


def test_what_another_run_writes_between_look_and_confirmation_is_not_confirmed(warehouse: Warehouse) -> None:
    keep_computed(warehouse.unit_of_work(), STEP, lambda _: RECORD)
    kept = computed_of(warehouse, STEP)
    assert kept is not None
    warehouse.replace(Whole(), {BARS: bars("A", range(3))})
    seen = commit_to_confirm(warehouse, kept)
    assert seen == 2
    warehouse.replace(Whole(), {BARS: bars("A", range(4))})
    confirm_computed(warehouse, STEP, seen)
    assert confirmed_commit(warehouse, STEP) == 2
    confirm_computed(warehouse, STEP, 1)  # of a run that looked before
    assert confirmed_commit(warehouse, STEP) == 2


@pytest.mark.parametrize(
    ("reads", "writes", "expected"),
    [
        ({}, {}, True),
        ({"bars": "as it is"}, {"bars": "as it is"}, True),
        ({"bars": "1:2"}, {}, False),
        ({}, {"bars": "1:2"}, False),
        ({"absent": "0:0"}, {}, True),  # who reads it reads no rows
        ({"absent": MISSING}, {}, False),
        ({}, {"absent": "0:0"}, False),  # it was there, without a row
    ],
)
def test_a_record_stands_while_each_hash_does(
    tmp_path: Path, warehouse: Warehouse, reads: dict[str, str], writes: dict[str, str], expected: bool
) -> None:
    selected = {"bars": READ, "absent": Selected.of_table("no.table", Whole())}
    with open_to_read(warehouse.path, 1.0) as connection:
        now = content_of(connection, READ)

    def of(said: dict[str, str]) -> dict[Selected, str]:
        return {selected[name]: now if found == "as it is" else found for name, found in said.items()}

    record = replace(RECORD, reads=of(reads), writes=of(writes))
    assert stands(warehouse, record) == expected
    assert not stands(Warehouse(tmp_path / "none.duckdb"), record)
