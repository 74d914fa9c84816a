"""Hashes of rows that one step writes and another reads: what is an edit, and what is none."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.protocol import Protocol
from trading_assets.protocol.written_rows import (
    EditedRowsError,
    assert_as_written,
    hash_by_month,
    hash_whole,
    months_between,
    months_on_record,
    record_written,
    written_on_record,
)
from trading_assets.warehouse import Warehouse, Whole

NOW = dt.datetime(2030, 1, 1)
FIRST, LAST = dt.date(2020, 1, 1), dt.date(2020, 3, 31)
EVER = dt.date.min, dt.date.max
ROWS = pl.DataFrame(
    {
        "symbol": ["AAA", "AAA", "BBB", "AAA"],
        "session": [dt.date(2020, 1, 2), dt.date(2020, 2, 3), dt.date(2020, 2, 3), dt.date(2020, 2, 4)],
        "slope": [0.5, -0.25, None, 2.0],
    }
)
MARCH = ROWS.head(1).with_columns(session=pl.lit(dt.date(2020, 3, 2)), slope=1.0)


def hashes(rows: pl.DataFrame = ROWS) -> dict[str, dict[str, str]]:
    return {part: dict(each) for part, each in hash_by_month(DAILY, rows, FIRST, LAST).parts.items()}


def on_record(folder: Path, rows: pl.DataFrame = ROWS) -> Protocol:
    protocol = Protocol(folder, "small")
    record_written(protocol, "features/daily", [hash_by_month(DAILY, rows, FIRST, LAST)], NOW)
    return protocol


def test_a_hash_is_sha_256_of_the_values_in_order_of_the_key_and_of_what_is_null() -> None:
    """February in order of symbol and session: -0.25, 2.0, then BBB's null, which counts as 0.0 beside its bit."""
    values = np.array([-0.25, 2.0, 0.0], dtype="<f8").tobytes() + np.packbits([True, True, False]).tobytes()
    assert hashes()["2020-02"]["slope"] == hashlib.sha256(values).hexdigest()[:16]
    assert hashes()["2020-01"]["slope"] == hashlib.sha256(np.array([0.5]).tobytes()).hexdigest()[:16]


def test_a_month_without_rows_has_hashes_too_and_the_order_of_rows_and_columns_says_nothing() -> None:
    assert sorted(hashes()) == months_between(FIRST, LAST) == ["2020-01", "2020-02", "2020-03"]
    assert hashes()["2020-03"]["slope"] == hashlib.sha256(b"").hexdigest()[:16]
    assert hashes(ROWS.reverse().select("slope", "session", "symbol")) == hashes()
    assert months_between(dt.date(2019, 11, 30), dt.date(2020, 1, 1)) == ["2019-11", "2019-12", "2020-01"]


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (pl.when(pl.col("slope") == 2.0).then(2.0000000000000004).otherwise("slope"), "2020-02"),
        (pl.col("slope").fill_null(0.0), "2020-02"),
        (pl.when(pl.col("slope") == 0.5).then(None).otherwise("slope"), "2020-01"),
    ],
)
def test_an_edited_value_is_named_with_its_month_and_the_asset_that_mends_it(
    tmp_path: Path, edit: pl.Expr, part: str
) -> None:
    known = written_on_record(on_record(tmp_path).read(), "small")
    assert_as_written(hash_by_month(DAILY, ROWS, FIRST, LAST), known)
    edited = hash_by_month(DAILY, ROWS.with_columns(edit.alias("slope")), FIRST, LAST)
    with pytest.raises(EditedRowsError, match=rf"(?s)features.daily were edited.*slope of {part}.*lise features"):
        assert_as_written(edited, known)


def test_rows_that_are_deleted_added_or_given_to_another_symbol_are_edits(tmp_path: Path) -> None:
    known = written_on_record(on_record(tmp_path).read(), "small")
    swapped = ROWS.with_columns(pl.col("symbol").replace({"AAA": "BBB", "BBB": "AAA"}))
    new = ROWS.head(1).with_columns(session=pl.lit(dt.date(2020, 3, 2)))
    for rows in (ROWS.filter(pl.col("session").dt.month() != 1), pl.concat([ROWS, new]), swapped):
        with pytest.raises(EditedRowsError):
            assert_as_written(hash_by_month(DAILY, rows, FIRST, LAST), known)


def test_what_the_product_writes_anew_is_no_edit_and_the_very_same_is_on_record_once(tmp_path: Path) -> None:
    protocol = on_record(tmp_path)
    on_record(tmp_path)
    assert [each.kind for each in protocol.read()] == ["folder", "evidence"]
    revised = ROWS.with_columns(slope=pl.col("slope") * 2)
    on_record(tmp_path, revised)
    known = written_on_record(protocol.read(), "small")
    assert_as_written(hash_by_month(DAILY, revised, FIRST, LAST), known)
    with pytest.raises(EditedRowsError):  # nor is it the one before any more
        assert_as_written(hash_by_month(DAILY, ROWS, FIRST, LAST), known)


def test_two_parts_of_a_table_that_one_step_writes_are_both_on_record(tmp_path: Path) -> None:
    """Models in one table, as of a step that writes several: an edit of the first is one, too."""
    protocol = Protocol(tmp_path, "small")
    parts = [hash_whole(DAILY, ROWS, name, ["slope"]) for name in ("one", "other")]
    record_written(protocol, "features/daily", parts, NOW)
    known = written_on_record(protocol.read(), "small")
    assert list(known[DAILY.name]) == ["one", "other"]
    edited = hash_whole(DAILY, ROWS.with_columns(slope=pl.lit(0.5)), "one", ["slope"])
    with pytest.raises(EditedRowsError, match="slope of one"):
        assert_as_written(edited, known)


def test_what_an_earlier_version_wrote_and_columns_that_only_one_of_both_has_are_no_edits(tmp_path: Path) -> None:
    known = written_on_record(on_record(tmp_path).read(), "small")
    assert_as_written(hash_whole(INDICATORS, INDICATORS.empty()), known)
    assert_as_written(hash_by_month(DAILY, ROWS.with_columns(newer=1.0), FIRST, LAST), known)
    assert_as_written(hash_by_month(DAILY, ROWS, FIRST, LAST, []), known)
    assert_as_written(hash_by_month(DAILY, ROWS, FIRST, LAST), written_on_record(on_record(tmp_path).read(), "other"))


def test_months_on_record_are_read_back_up_to_a_day_and_no_others(tmp_path: Path) -> None:
    known = written_on_record(on_record(tmp_path).read(), "small")
    warehouse = Warehouse(tmp_path / "small.duckdb")
    later = ROWS.head(1).with_columns(session=pl.lit(dt.date(2020, 4, 1)))  # of a month that is not on record
    warehouse.replace(Whole(), {DAILY: pl.concat([ROWS, later])})
    now = months_on_record(warehouse, DAILY, known, dt.date(2020, 2, 3), made=EVER)
    assert sorted(now.parts) == ["2020-01", "2020-02"]
    assert months_on_record(warehouse, DAILY, known, LAST, made=EVER).parts == hashes()
    assert months_on_record(warehouse, DAILY, known, LAST, ["slope"], made=EVER).parts == hashes()
    assert months_on_record(warehouse, INDICATORS, known, LAST, made=EVER).parts == {}


def test_a_month_that_no_run_makes_any_more_counts_only_while_it_has_rows(tmp_path: Path) -> None:
    """On record are January to March; February alone is made. January is gone, an edit of March's is seen."""
    known = written_on_record(on_record(tmp_path, pl.concat([ROWS, MARCH])).read(), "small")
    warehouse, made = Warehouse(tmp_path / "small.duckdb"), (dt.date(2020, 2, 1), dt.date(2020, 2, 20))
    february = ROWS.filter(pl.col("session").dt.month() == 2)
    warehouse.replace(Whole(), {DAILY: february})
    assert_as_written(months_on_record(warehouse, DAILY, known, LAST, made=made), known)
    with pytest.raises(EditedRowsError, match="of 2020-01"):
        assert_as_written(months_on_record(warehouse, DAILY, known, LAST, made=EVER), known)
    warehouse.replace(Whole(), {DAILY: pl.concat([february, MARCH.with_columns(slope=2.0)])})
    with pytest.raises(EditedRowsError, match="slope of 2020-03"):
        assert_as_written(months_on_record(warehouse, DAILY, known, LAST, made=made), known)
    warehouse.replace(Whole(), {DAILY: MARCH})
    with pytest.raises(EditedRowsError, match="of 2020-02"):
        assert_as_written(months_on_record(warehouse, DAILY, known, LAST, made=made), known)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE features.daily SET slope = 2.0000000000000004 WHERE slope = 2.0",
        "UPDATE features.daily SET slope = 0.0 WHERE slope IS NULL",
        "UPDATE features.daily SET slope = -0.25 - slope + 2.0 WHERE symbol = 'AAA' AND session > '2020-02-01'",
        "DELETE FROM features.daily WHERE symbol = 'BBB'",
        "INSERT INTO features.daily BY NAME SELECT 'CCC' AS symbol, DATE '2020-02-03' AS session, 1.0 AS slope",
    ],
)
def test_rows_that_were_compared_before_are_compared_again_once_they_are_edited(tmp_path: Path, edit: str) -> None:
    """The third edit gives two rows each the value of the other one."""
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.replace(Whole(), {DAILY: ROWS})
    known = written_on_record(on_record(tmp_path).read(), "small")
    for _ in range(2):
        found = months_on_record(warehouse, DAILY, known, LAST, ["slope"], made=EVER)
        assert_as_written(found, known)
        assert found == months_on_record(Warehouse(warehouse.path), DAILY, known, LAST, ["slope"], made=EVER)
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(edit)
    with pytest.raises(EditedRowsError, match="of 2020-02"):
        assert_as_written(months_on_record(warehouse, DAILY, known, LAST, ["slope"], made=EVER), known)
