"""Whatever is done to a table in the store leaves what it leaves in a table of the database: the twin."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.warehouse import Column, Rows, Sessions, Slice, Table, Warehouse, WarehouseError, Whole
from trading_assets.warehouse.lake.reading import read_partitions
from trading_assets.warehouse.put_aside import Batches, PutAside
from trading_assets_tests.warehouse.lake.lake_fixtures import (
    BARS,
    BY_MONTH,
    DAILY,
    files_of,
    live_files,
    seen,
    with_lake,
    without_lake,
)
from trading_assets_tests.warehouse.warehouse_fixtures import bars, day

SYMBOLS = ("A'/b", 'say "no"', "Ünder %s", "..")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Warehouse, Warehouse]:
    return without_lake(tmp_path / "plain"), with_lake(tmp_path / "with 'quote' [1]")


def _same(pair: tuple[Warehouse, Warehouse], *tables: Table) -> None:
    for table in tables:
        assert seen(pair[1], table) == seen(pair[0], table)


def _replace(pair: tuple[Warehouse, Warehouse], slice_: Slice, rows: dict[Table, pl.DataFrame]) -> None:
    for warehouse in pair:
        warehouse.replace(slice_, rows)


def _drawn(draw: random.Random) -> tuple[Slice, pl.DataFrame]:
    """A slice and rows of it: of any days, of any symbol, or of all; sometimes none."""
    first = draw.randrange(130)
    last = first + draw.choice([0, 3, 31, 70])
    kind = draw.choice(["sessions", "month", "symbol", "whole"])
    symbols = draw.sample(SYMBOLS, draw.randrange(3))
    slice_: Slice = Whole()
    if kind == "sessions":
        slice_ = Sessions(day(first), day(last))
    elif kind == "month":
        first, last = 31, 59  # February 2020
        slice_ = Sessions(day(first), day(last))
    elif kind == "symbol":
        symbols = symbols[:1]
        slice_ = Rows("symbol", symbols[0] if symbols else SYMBOLS[0])
    values = [bars(symbol, range(first, last + 1), draw.choice([0.1, 2.0]), ["x"]) for symbol in symbols]
    return slice_, pl.concat([bars("A", range(0)), *values])


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_any_order_of_writes_leaves_what_the_database_would_have(pair: tuple[Warehouse, Warehouse], seed: int) -> None:
    draw = random.Random(seed)
    for number in range(6):
        slice_, rows = _drawn(draw)
        features = rows.select("symbol", "session", pl.col("close").alias(f"level_{draw.randrange(3)}"))
        _replace(pair, slice_, {BARS: rows, DAILY: features})
        if number % 2:
            _same(pair, BARS, DAILY)
    assert {path.name for path in files_of(pair[1])} == live_files(pair[1]).keys()


def test_batches_of_symbols_become_months(pair: tuple[Warehouse, Warehouse], tmp_path: Path) -> None:
    slice_ = Sessions(day(0), day(99))
    for warehouse in pair:
        with PutAside(tmp_path) as aside:
            batches = Batches(BARS, slice_, aside)
            for symbol in "ABC":
                batches.add(bars(symbol, range(100)))
            warehouse.replace(slice_, {BARS: batches})
    _same(pair, BARS)
    assert sorted(live_files(pair[1]).values()) == ["2020-01", "2020-02", "2020-03", "2020-04"]


def test_a_month_that_stays_keeps_its_file_and_its_time(tmp_path: Path) -> None:
    warehouse = with_lake(tmp_path)
    warehouse.replace(Sessions(day(0), day(90)), {BARS: bars("A", range(91))})
    root = tmp_path / "lake"
    before = {path: (root / path).stat().st_mtime_ns for path in files_of(warehouse)}
    again = pl.concat([bars("A", range(60)), bars("A", range(60, 91), 7.0)])  # March is another
    warehouse.replace(Sessions(day(0), day(90)), {BARS: again})
    after = {path: (root / path).stat().st_mtime_ns for path in files_of(warehouse)}
    assert len(before) == len(after) == 3
    assert {path.name[:7] for path in after.keys() - before.keys()} == {"2020-03"}
    assert {path: before[path] for path in after if path in before} == {
        path: time for path, time in after.items() if path in before
    }


TYPED = Table(
    name="tests.typed",
    description="",
    key=("symbol", "session"),
    columns={
        "symbol": Column(pl.String, ""),
        "session": Column(pl.Date, "", nullable=True),
        "decimal": Column(pl.Decimal(20, 4), "", nullable=True),
        "small": Column(pl.Int8, "", nullable=True),
        "single": Column(pl.Float32, "", nullable=True),
        "when": Column(pl.Datetime("us"), "", nullable=True),
        "zoned": Column(pl.Datetime("us", "UTC"), "", nullable=True),
        "is": Column(pl.Boolean, "", nullable=True),
        "flags": Column(pl.List(pl.String), "", nullable=True),
        "levels": Column(pl.List(pl.Float64), "", nullable=True),
        "at": Column(pl.Time, "", nullable=True),
    },
    by_month="session",
)


def test_types_nulls_and_rows_without_a_date_are_kept(pair: tuple[Warehouse, Warehouse]) -> None:
    moment = dt.datetime(2020, 1, 2, 3, 4, 5, 678901)
    of = {name: column.dtype for name, column in TYPED.columns.items()}
    rows = pl.DataFrame(
        [
            ["A", day(0), 1, -3, 0.1, moment, moment.replace(tzinfo=dt.UTC), True, [], [-0.0, 5e-324], dt.time(1)],
            ["A", day(40), None, None, None, None, None, None, None, None, None],
            ["B", None, None, 1, None, None, None, False, ["a", None], [None], None],
        ],
        schema=of,
        orient="row",
    )
    _replace(pair, Whole(), {TYPED: rows})
    _same(pair, TYPED)
    assert sorted(live_files(pair[1]).values()) == ["2020-01", "2020-02", "undated"]
    for columns in (None, ["zoned", "decimal", "symbol"]):
        found = pl.concat(read_partitions(pair[1], TYPED, columns=columns))
        assert found.equals(pair[0].read(TYPED, columns=columns))
        assert found.schema == pair[0].read(TYPED, columns=columns).schema
    _replace(pair, Sessions(day(0), day(31)), {TYPED: rows.clear()})
    _same(pair, TYPED)


def test_a_column_of_another_type_is_cast_or_refused_as_in_the_database(pair: tuple[Warehouse, Warehouse]) -> None:
    text, number = (
        replace(BARS, key=("symbol", "session"), columns={**BARS.columns, "close": Column(type_, "")})
        for type_ in (pl.String, pl.Int64)
    )
    _replace(pair, Whole(), {BARS: bars("A", range(90), 2.0)})
    january = bars("A", range(31))
    _replace(pair, Sessions(day(0), day(30)), {text: january.with_columns(pl.col("close").cast(pl.String))})
    _same(pair, text)
    _replace(pair, Sessions(day(0), day(30)), {text: january.with_columns(pl.lit("none").alias("close"))})
    before = seen(pair[1], text)
    for warehouse in pair:
        with pytest.raises(WarehouseError):
            warehouse.replace(Sessions(day(31), day(59)), {number: bars("A", range(31, 60)).cast({"close": pl.Int64})})
    assert seen(pair[1], text) == before
    _same(pair, text)


def test_no_rows_at_all_are_a_table_without_files(pair: tuple[Warehouse, Warehouse]) -> None:
    _replace(pair, Whole(), {BARS: bars("A", range(0))})
    _same(pair, BARS)
    assert files_of(pair[1]) == set()
    _replace(pair, Whole(), {BARS: bars("A", range(3))})
    _replace(pair, Sessions(day(0), day(30)), {BARS: bars("A", range(0))})
    _same(pair, BARS)
    assert files_of(pair[1]) == set()


def test_any_duckdb_reads_the_table_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = with_lake(tmp_path / "here")
    warehouse.replace(Whole(), {BARS: bars(SYMBOLS[0], range(50))})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        assert connection.execute("SELECT count(*), min(symbol) FROM market_data.bars").fetchall() == [(50, SYMBOLS[0])]


def test_a_query_reaches_no_file_outside_of_the_store(tmp_path: Path) -> None:
    warehouse = with_lake(tmp_path)
    warehouse.replace(Whole(), {BARS: bars("A", range(3))})
    pl.DataFrame({"secret": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(WarehouseError, match="disabled by configuration"):
        warehouse.query(f"FROM read_parquet('{tmp_path}/lake/../other.parquet')")


def test_what_is_not_declared_by_month_stays_in_the_database(tmp_path: Path) -> None:
    warehouse = with_lake(tmp_path)
    plain = replace(BARS, name="market_data.others", by_month=None)
    warehouse.replace(Whole(), {plain: bars("A", range(3)), BARS: bars("A", range(3))})
    kinds = warehouse.query("SELECT table_name, table_type FROM information_schema.tables ORDER BY ALL").rows()
    assert ("others", "BASE TABLE") in kinds
    assert ("bars", "VIEW") in kinds
    assert [table.name for table in BY_MONTH] == ["market_data.bars", "features.daily"]
