"""Each expectation holds on sound tables and names the rows that break it; the site says the same."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from trading_assets.backtests.tables import EQUITY, FILLS, TRADES
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, RAW_BARS, SESSIONS, UNIVERSE
from trading_assets.reports.expectations import EXPECTATIONS, evaluate
from trading_assets.warehouse import Column, Table, Warehouse, Whole

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=number) for number in range(60)]


def rows(table: Table, height: int, **values: object) -> pl.DataFrame:
    """Rows of a table with the values named, and any sound one elsewhere."""
    columns = {}
    for name, column in table.columns.items():
        given = _listed(values[name], height) if name in values else [_any(column)] * height
        columns[name] = pl.Series(given, dtype=column.dtype)
    return pl.DataFrame(columns)


def _listed(value: object, height: int) -> list[object]:
    return value if isinstance(value, list) else [value] * height


def _any(column: Column) -> object:
    if column.nullable:
        return None
    if column.one_of:
        return column.one_of[0]
    if isinstance(column.dtype, pl.List):
        return []
    if isinstance(column.dtype, pl.Datetime):
        return dt.datetime(2024, 3, 1)
    return {"Float64": 1.0, "Int64": 1, "String": "x", "Date": DAYS[0], "Boolean": False}[str(column.dtype)]


def sound() -> dict[Table, pl.DataFrame]:
    """Two symbols over sixty days, one trade."""
    closes = [100.0 + number % 7 for number in range(60)]
    both, days = ["A"] * 60 + ["B"] * 60, DAYS * 2
    prices = {"open": closes * 2, "close": closes * 2, "adj_close": closes * 2}
    prices |= {"high": [c + 1 for c in closes] * 2, "low": [c - 1 for c in closes] * 2}
    return {
        RAW_BARS: rows(RAW_BARS, 120, symbol=both, session=days, occurrence=1),
        QUARANTINE: rows(QUARANTINE, 1, symbol="A", session=dt.date(2023, 12, 31), reasons=[["spike"]]),
        BARS: rows(BARS, 120, symbol=both, session=days, asset_class="crypto", volume=5.0, **prices),
        SESSIONS: rows(SESSIONS, 60, calendar="24/7", session=DAYS),
        INSTRUMENTS: rows(
            INSTRUMENTS,
            2,
            symbol=["A", "B"],
            calendar="24/7",
            first_session=DAYS[0],
            last_session=DAYS[-1],
            in_universe=True,
        ),
        UNIVERSE: rows(UNIVERSE, 2, symbol=["A", "B"], start=DAYS[0], end=None),
        DAILY: pl.DataFrame({"symbol": both, "session": days}),
        TRADES: rows(TRADES, 1, symbol="A", trade_id="t", entry_session=DAYS[3], exit_session=DAYS[9]),
        FILLS: rows(FILLS, 1, symbol="A", session=DAYS[3], price=closes[3]),
        EQUITY: rows(EQUITY, 3, drawdown=0.0, session=DAYS[:3], cash=[0.0, 5.0, 5.0], daily_return=[None, 0.01, -0.2]),
    }


AT = (pl.col("symbol") == "A") & (pl.col("session") == DAYS[20])


def with_value(table: Table, where: pl.Expr, **values: object) -> dict[Table, pl.DataFrame]:
    return {
        table: sound()[table].with_columns(
            pl.when(where).then(pl.lit(value)).otherwise(name).cast(table.columns[name].dtype).alias(name)
            for name, value in values.items()
        )
    }


ALL = pl.lit(value=True)
BROKEN: dict[str, tuple[dict[Table, pl.DataFrame], int]] = {
    "deliveries_hardly_repeat_themselves": (with_value(RAW_BARS, AT, occurrence=2), 1),
    "few_bars_of_a_symbol_are_quarantined": (
        {QUARANTINE: rows(QUARANTINE, 4, symbol="A", session=DAYS[:4], reasons=[["null_price"]] * 4)},
        1,
    ),
    "closes_are_within_the_range": (with_value(BARS, AT, open=200.0), 1),
    "far_moves_are_flagged_or_explained": (with_value(BARS, AT, adj_close=300.0), 2),
    "symbols_trade": (with_value(BARS, (pl.col("symbol") == "B") & (pl.col("session") < DAYS[4]), volume=0.0), 1),
    "prices_move": (with_value(BARS, (pl.col("symbol") == "B") & (pl.col("session") < DAYS[9]), close=100.0), 1),
    "daily_moves_are_of_a_plausible_size": (with_value(BARS, pl.col("symbol") == "B", adj_close=100.0), 1),
    "symbols_have_most_of_their_sessions": (
        {BARS: sound()[BARS].filter(~((pl.col("symbol") == "B") & pl.col("session").is_in(DAYS[20:24])))},
        1,
    ),
    "symbols_have_usable_bars": (with_value(INSTRUMENTS, pl.col("symbol") == "B", first_session=None), 1),
    "symbols_live_until_the_end_or_are_delisted": (
        with_value(INSTRUMENTS, pl.col("symbol") == "B", last_session=DAYS[38]),
        1,
    ),
    "every_session_has_bars": ({BARS: sound()[BARS].filter(pl.col("session") != DAYS[20])}, 1),
    "spells_have_bars": (
        {
            UNIVERSE: rows(UNIVERSE, 2, symbol=["A", "B"], start=DAYS[20], end=DAYS[22]),
            BARS: sound()[BARS].filter(~((pl.col("symbol") == "B") & pl.col("session").is_in(DAYS[20:23]))),
        },
        1,
    ),
    "every_bar_has_features": ({DAILY: sound()[DAILY].filter(~AT)}, 1),
    "trades_end_after_they_begin": (with_value(TRADES, ALL, exit_session=DAYS[2]), 1),
    "fills_are_at_prices_of_their_session": (with_value(FILLS, ALL, price=106.0), 1),
    "cash_is_never_negative": (with_value(EQUITY, pl.col("session") == DAYS[1], cash=-1.0), 1),
    "equity_is_never_negative": (with_value(EQUITY, pl.col("session") == DAYS[1], equity=-1.0), 1),
    "equity_moves_like_a_portfolio": (with_value(EQUITY, pl.col("session") == DAYS[1], daily_return=0.3), 1),
}


def results(warehouse: Warehouse) -> pl.DataFrame:
    return evaluate(lambda select, reads: warehouse.query(select, reads=list(reads)), warehouse.exists)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("expectations") / "warehouse.duckdb")
    made.replace(Whole(), sound())
    return made


def test_all_hold_on_sound_tables(warehouse: Warehouse) -> None:
    found = results(warehouse)
    assert found["expectation"].to_list() == [expectation.name for expectation in EXPECTATIONS]
    assert found["failing"].to_list() == [0] * len(EXPECTATIONS)


def test_every_expectation_is_broken_below() -> None:
    assert set(BROKEN) == {expectation.name for expectation in EXPECTATIONS}


@pytest.mark.parametrize("name", BROKEN)
def test_rows_that_break_it_are_named(warehouse: Warehouse, name: str) -> None:
    tables, failing = BROKEN[name]
    warehouse.replace(Whole(), tables)
    try:
        found = results(warehouse)
    finally:
        warehouse.replace(Whole(), {table: frame for table, frame in sound().items() if table in tables})
    row = found.row(by_predicate=pl.col("expectation") == name, named=True)
    assert (row["failing"], row["passed"]) == (failing, False)
    assert len(json.loads(row["examples"])) == failing


def test_an_extreme_move_has_no_features_and_nobody_expects_any(warehouse: Warehouse) -> None:
    flagged = {BARS: sound()[BARS].with_columns(flags=pl.when(AT).then(["extreme_move"]).otherwise("flags"))}
    warehouse.replace(Whole(), {**flagged, **BROKEN["every_bar_has_features"][0]})
    try:
        found = results(warehouse)
    finally:
        warehouse.replace(Whole(), {table: sound()[table] for table in (BARS, DAILY)})
    assert found.row(by_predicate=pl.col("expectation") == "every_bar_has_features", named=True)["passed"]


def test_tables_that_are_not_there_are_not_judged(tmp_path: Path) -> None:
    fresh = Warehouse(tmp_path / "warehouse.duckdb")
    fresh.replace(Whole(), {EQUITY: sound()[EQUITY]})
    assert set(results(fresh)["table"]) == {"backtests.equity"}
