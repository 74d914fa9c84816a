"""Whoever changes the trail is told, by the first entry that is wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.protocol import Protocol
from trading_assets.trading.audit_trail.monthly_files import entry_hash, first_wrong, months_on, trail_folder
from trading_assets.trading.audit_trail.trail import enter, read_trail
from trading_assets.trading.audit_trail.verification import verify_trail
from trading_assets_tests.trading.audit_trail.events_of_a_week import NOW, STRATEGY, fill, place, send


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two months of entries: 1 to 4 in July, 5 and 6 in August."""
    warehouse, configuration = place(tmp_path)
    for number in (1, 2, 3, 4):
        send(warehouse, number)
        if number % 2 == 0:
            enter(warehouse, configuration, STRATEGY, NOW)
    for number in (1, 2):
        fill(warehouse, number)
    enter(warehouse, configuration, STRATEGY, NOW + dt.timedelta(days=1))
    return tmp_path


def rewritten(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with hashes that fit: what somebody who knows the product would write."""
    found, previous = [], rows["previous_hash"][0]
    for row in rows.iter_rows(named=True):
        row["previous_hash"] = previous
        row["entry_hash"] = previous = entry_hash(row)
        found.append(row)
    return pl.DataFrame(found, schema=rows.schema)


def edited(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(symbol=pl.when(pl.col("entry") == 3).then(pl.lit("BBB")).otherwise("symbol"))


def test_a_trail_as_it_was_entered_is_sound(folder: Path) -> None:
    warehouse, configuration = place(folder)
    found = verify_trail(warehouse, configuration)
    assert (found.entries, found.months, found.broken, found.lost) == (6, 2, None, ())
    assert found.is_sound
    august = verify_trail(warehouse, configuration, first=dt.date(2017, 8, 1))
    assert (august.entries, august.months, august.is_sound) == (2, 1, True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edited, "entry 3 (intended order-3/intended) was edited"),
        (lambda rows: rows.filter(pl.col("entry") != 2), "entry 2 is missing"),
        (lambda rows: rows.head(2), "entry 3 is missing"),
        (lambda rows: rewritten(edited(rows)), "an entry of 3 to 4 was written anew"),
        (lambda rows: rows.drop("symbol"), "entries 1 to 4 cannot be read"),
    ],
)
def test_the_first_entry_that_is_wrong_is_named(
    change: Callable[[pl.DataFrame], pl.DataFrame], said: str, folder: Path
) -> None:
    warehouse, configuration = place(folder)
    july = months_on(Protocol.of(configuration).read(), configuration.name)[0]
    path = next(trail_folder(configuration).rglob(july.file))
    change(pl.read_parquet(path)).write_parquet(path)
    found = verify_trail(warehouse, configuration)
    assert found.broken is not None
    assert said in found.broken
    assert verify_trail(warehouse, configuration, first=dt.date(2017, 8, 1)).is_sound


def test_a_file_that_is_cut_or_gone_is_told(folder: Path) -> None:
    warehouse, configuration = place(folder)
    july, august = months_on(Protocol.of(configuration).read(), configuration.name)
    path = next(trail_folder(configuration).rglob(august.file))
    path.write_bytes(path.read_bytes()[:-10])
    assert "entries 5 to 6 cannot be read" in str(verify_trail(warehouse, configuration).broken)
    path.unlink()
    assert "entries 5 to 6 are missing" in str(verify_trail(warehouse, configuration).broken)
    assert verify_trail(warehouse, configuration, last=dt.date(2017, 7, 31)).entries == july.last


def test_an_entry_that_was_added_is_told(folder: Path) -> None:
    _, configuration = place(folder)
    july = months_on(Protocol.of(configuration).read(), configuration.name)[0]
    rows = read_trail(configuration).head(5)
    assert first_wrong(rows, july) == "entry 5 was added by hand"
    assert first_wrong(rows.head(4), july) is None


def test_rows_that_the_tables_have_lost_are_told(folder: Path) -> None:
    warehouse, configuration = place(folder)
    with duckdb.connect(str(configuration.warehouse_path)) as connection:
        connection.execute("DELETE FROM trading.fills WHERE broker_fill_id = 'fill-2'")
        connection.execute("UPDATE trading.audit_trail SET entry_hash = 'x' WHERE entry = 2")
    found = verify_trail(warehouse, configuration)
    assert (found.broken, found.is_sound) == (None, False)
    assert found.lost == (
        "trading.fills has lost the row of entry 6 (fill breakout-1/fill-2)",
        "trading.audit_trail has entry 2 otherwise, or not",
    )
