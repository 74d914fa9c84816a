"""Adjusted prices, sessions, instruments and rates are on record as they are written, whole months at a time."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.market_data.derived_columns import (
    assert_derived_as_written,
    derived_on_record,
    factors_are_as_written,
    record_derived,
)
from trading_assets.market_data.tables import BARS, BORROW_RATES, INSTRUMENTS, RISK_FREE, SESSIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.written_rows import EditedRowsError, assert_as_written, written_on_record
from trading_assets.warehouse import Sessions, Warehouse, Whole
from trading_assets_tests.market_data.experiments import experiment

NOW = dt.datetime(2030, 1, 1)
FIRST, LAST = dt.date(2020, 1, 1), dt.date(2020, 2, 29)


def bars(first: dt.date, last: dt.date, factor: float = 1.0) -> pl.DataFrame:
    """One symbol at 100, split by `factor` at its first bar."""
    days = pl.date_range(first, last, "1d", eager=True).alias("session").to_frame()
    prices = {name: pl.lit(100.0) for name in ("open", "high", "low", "close")}
    adjusted = {f"adj_{name}": pl.lit(100.0 * factor) for name in ("open", "high", "low", "close")}
    texts = {"symbol": pl.lit("AAA"), "asset_class": pl.lit("equity"), "source": pl.lit("files")}
    numbers = {
        "volume": 5.0,
        "split_ratio": 1.0,
        "cash_dividend": 0.0,
        "forward_factor": factor,
        "dollar_volume": 500.0,
    }
    return days.with_columns(
        **texts,
        **prices,
        **adjusted,
        **{name: pl.lit(value) for name, value in numbers.items()},
        market_cap=pl.lit(None, pl.Float64),
        flags=pl.lit([], pl.List(pl.String)),
    )


def write(folder: Path, frame: pl.DataFrame, first: dt.date, last: dt.date) -> Warehouse:
    """Write the bars of a span as the asset does."""
    work = Warehouse(folder / "small.duckdb").unit_of_work()
    work.replace(Sessions(first, last), {BARS: frame})
    sessions = frame.select(calendar=pl.lit("24/7"), session="session")
    work.replace(
        Whole(), {SESSIONS: sessions, **{table: table.empty() for table in (INSTRUMENTS, RISK_FREE, BORROW_RATES)}}
    )
    record_derived(Protocol(folder, "small"), work, first, last, NOW)
    return work.aside()


def check(folder: Path, warehouse: Warehouse) -> None:
    known = written_on_record(Protocol(folder, "small").read(), "small")
    for rows in derived_on_record(warehouse, known, LAST, made=(dt.date.min, dt.date.max)):
        assert_as_written(rows, known)


def test_months_that_are_replaced_are_on_record_beside_those_that_stay(tmp_path: Path) -> None:
    write(tmp_path, bars(FIRST, LAST), FIRST, LAST)
    february = dt.date(2020, 2, 1)
    warehouse = write(tmp_path, bars(february, LAST, factor=2.0), february, LAST)
    assert warehouse.read(BARS)["adj_close"].unique().sort().to_list() == [100.0, 200.0]
    check(tmp_path, warehouse)


@pytest.mark.parametrize("column", ["adj_open", "adj_close", "forward_factor", "dollar_volume"])
def test_a_column_that_follows_from_what_was_received_is_noticed_when_it_is_edited(tmp_path: Path, column: str) -> None:
    warehouse = write(tmp_path, bars(FIRST, LAST), FIRST, LAST)
    edited = bars(FIRST, LAST).with_columns(
        pl.when(pl.col("session") == dt.date(2020, 2, 3)).then(99.0).otherwise(column).alias(column)
    )
    warehouse.replace(Whole(), {BARS: edited})
    with pytest.raises(EditedRowsError, match=rf"{column} of 2020-02(?s:.*)materialise market_data/bars"):
        check(tmp_path, warehouse)


def test_prices_as_received_are_part_of_a_registration_and_not_of_this_record(tmp_path: Path) -> None:
    warehouse = write(tmp_path, bars(FIRST, LAST), FIRST, LAST)
    warehouse.replace(Whole(), {BARS: bars(FIRST, LAST).with_columns(volume=pl.lit(7.0))})
    check(tmp_path, warehouse)


def test_factors_before_a_month_are_as_written_until_one_is_edited(tmp_path: Path) -> None:
    configuration, march = experiment(tmp_path, name="small", start=FIRST, as_of=LAST), dt.date(2020, 3, 1)
    configuration.warehouse_path.parent.mkdir(parents=True)
    work = Warehouse(configuration.warehouse_path).unit_of_work()
    assert factors_are_as_written(configuration, work, march), "nothing is on record, nothing was edited"
    work.replace(Whole(), {table: table.empty() for table in (SESSIONS, INSTRUMENTS, RISK_FREE, BORROW_RATES)})
    work.replace(Sessions(FIRST, LAST), {BARS: bars(FIRST, LAST)})
    record_derived(Protocol.of(configuration), work, FIRST, LAST, NOW)
    assert factors_are_as_written(configuration, work, march)
    assert_derived_as_written(configuration, work, LAST)
    half = pl.when(pl.col("session") == LAST).then(0.5).otherwise("forward_factor").alias("forward_factor")
    work.aside().replace(Whole(), {BARS: bars(FIRST, LAST).with_columns(half)})
    assert not factors_are_as_written(configuration, work, march)
    assert factors_are_as_written(configuration, work, dt.date(2020, 2, 1)), "January is as it was"
    with pytest.raises(EditedRowsError, match="forward_factor of 2020-02"):
        assert_derived_as_written(configuration, work, LAST)
