"""Sources that are down, slow, or stood in for, through the step that reads them."""

from __future__ import annotations

import datetime as dt
import logging
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import Configuration
from trading_assets.market_data.assets import raw_bars
from trading_assets.market_data.deliveries import first_to_read
from trading_assets.market_data.sources import SourceError
from trading_assets.market_data.tables import RAW_BARS, REVISIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.market_data.experiments import MONTHS, experiment, run, step

DAYS = [dt.date(2024, 3, day) for day in (20, 21, 22, 25, 26)]
PRICES = ", ".join(f"price AS {name}" for name in ("open", "high", "low", "close"))
QUERY = f"SELECT 'AAA' AS symbol, day AS session, {PRICES}, 1 AS volume"


def database(folder: Path, name: str, closes: list[float], day: dt.date | None = None) -> None:
    """A file of quotes, a close a day on `DAYS`, or from a day on, in place of what it held."""
    days = DAYS if day is None else [day + dt.timedelta(days=number) for number in range(len(closes))]
    folder.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    with sqlite3.connect(folder / name) as connection:
        connection.execute("CREATE TABLE quotes (day TEXT, price REAL)")
        rows = [(str(day), close) for day, close in zip(days, closes, strict=False)]
        connection.executemany("INSERT INTO quotes VALUES (?, ?)", rows)
    connection.close()


def configuration(folder: Path, **more: Any) -> Configuration:
    """The first source is a database; the second, which stands in for it, files of prices."""
    first = {"source": "sql", "asset_class": "equity", "path": "first.sqlite", "query": f"{QUERY} FROM quotes"}
    second = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}
    return experiment(folder, market_data=[first | {"fallback": "files"}, second], **more)


def files(folder: Path, closes: list[float]) -> None:
    (folder / "prices").mkdir(exist_ok=True)
    rows = [f"AAA,{day},{close},{close},{close},{close},1" for day, close in zip(DAYS, closes, strict=False)]
    (folder / "prices" / "bars.csv").write_text("\n".join(["symbol,session,open,high,low,close,volume", *rows]) + "\n")


def known(warehouse: Warehouse) -> list[tuple[float, str]]:
    return warehouse.read(RAW_BARS).sort("session").select("close", "source").rows()


@pytest.mark.slow
def test_a_second_source_stands_in_under_its_name_and_the_first_takes_its_place_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database(tmp_path, "first.sqlite", [10.0, 11.0, 12.0])
    files(tmp_path, [10.0, 11.0, 12.01, 13.0])
    settings = configuration(tmp_path)
    assert known(run(settings)) == [(10.0, "sql"), (11.0, "sql"), (12.0, "sql")], "the second is not asked"

    (tmp_path / "first.sqlite").rename(tmp_path / "away")
    for _ in range(2):  # a second run in a row says the same, and writes nothing anew
        warehouse = run(settings)
        assert known(warehouse) == [(10.0, "sql"), (11.0, "sql"), (12.0, "sql"), (13.0, "files")]
        assert warehouse.read_or_empty(REVISIONS).is_empty()
        of = warehouse.query("SELECT symbol, source FROM market_data.instruments").rows()
        assert of == [("AAA", "sql")], "a running account knows it by its source, and `files` comes first by name"
    assert "files stands in for sql, which is down: 1 bars are of files" in caplog.text

    database(tmp_path, "first.sqlite", [10.0, 11.0, 12.0, 13.5, 14.0])
    warehouse = run(settings)
    assert known(warehouse)[3:] == [(13.5, "sql"), (14.0, "sql")]
    revised = warehouse.read(REVISIONS).filter(column="close").select("session", "old", "new").rows()
    assert revised == [(DAYS[3], 13.0, 13.5)]
    assert "AAA on 2024-03-25: close 13.5 by sql, 13 by files" in caplog.text


def test_prices_that_differ_before_stand_in_for_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database(tmp_path, "first.sqlite", [10.0, 11.0, 12.0])
    files(tmp_path, [5.0, 5.5, 6.0, 6.5])
    settings = configuration(tmp_path)
    run(settings)
    (tmp_path / "first.sqlite").unlink()
    assert known(run(settings)) == [(10.0, "sql"), (11.0, "sql"), (12.0, "sql")]
    assert "1 symbols are not taken" in caplog.text and "close 10 by sql, 5 by files" in caplog.text


@pytest.mark.slow
def test_both_down_is_told_of_both_and_leaves_what_was_there(tmp_path: Path) -> None:
    database(tmp_path, "first.sqlite", [10.0, 11.0, 12.0])
    files(tmp_path, [10.0, 11.0, 12.0, 13.0])
    settings = configuration(tmp_path)
    run(settings)
    (tmp_path / "first.sqlite").unlink()
    before = known(run(settings))
    (tmp_path / "prices" / "bars.csv").unlink()
    with pytest.raises(SourceError, match=r"(?s)no such database.*nor could files stand in for it"):
        run(settings)
    assert known(Warehouse(settings.warehouse_path)) == before and before[3] == (13.0, "files")


def test_a_run_goes_on_with_what_is_there_where_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As in a live run without `as_of`: the bars of the source that answers are used, the others stay as they were."""
    database(tmp_path, "first.sqlite", [10.0, 11.0])
    files(tmp_path, [20.0, 21.0])
    first = {"source": "sql", "asset_class": "equity", "path": "first.sqlite", "query": f"{QUERY} FROM quotes"}
    second = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}
    settings = experiment(tmp_path, market_data=[first | {"when_down": "go_on", "symbol_from": "symbol"}, second])
    csv = tmp_path / "prices" / "bars.csv"
    csv.write_text(csv.read_text().replace("AAA", "BBB"))
    run(settings)
    (tmp_path / "first.sqlite").unlink()
    csv.write_text(csv.read_text() + f"BBB,{DAYS[2]},22,22,22,22,1\n")
    warehouse = run(settings)
    bars = warehouse.query("SELECT symbol, close FROM market_data.bars ORDER BY symbol, session").rows()
    assert bars == [("AAA", 10.0), ("AAA", 11.0), ("BBB", 20.0), ("BBB", 21.0), ("BBB", 22.0)]
    assert "the run goes on with what is there" in caplog.text and "no such database" in caplog.text


def test_the_time_of_a_run_is_over_for_every_source_that_comes_then(tmp_path: Path) -> None:
    """A long query is given up after the time of all sources; the next one is not asked; files still land."""
    long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000000) SELECT sum(i) FROM n"
    database(tmp_path, "first.sqlite", [10.0])
    files(tmp_path, [20.0])
    slow = {"source": "sql", "asset_class": "equity", "path": "first.sqlite", "query": long}
    prices = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}
    settings = experiment(tmp_path, market_data=[slow, slow, prices], runs={"vendor_minutes": 0.01})
    begun = time.monotonic()
    with pytest.raises(SourceError) as caught:
        run(settings)
    assert time.monotonic() - begun < 20
    assert "the query was given up: no whole answer within 0." in str(caught.value)
    assert "sql was not asked: the 0.01 minutes of all sources of the run are over" in str(caught.value)
    assert known(Warehouse(settings.warehouse_path)) == [(20.0, "files")]


@pytest.mark.parametrize("more", [{"when_down": "go_on"}, {"fallback": "files"}])
def test_a_named_symbol_without_a_bar_in_the_month_is_known_by_what_is_on_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, more: dict[str, str]
) -> None:
    """A run of February: AAA is on record of January alone, and who has it is down, or stood in for by other prices."""
    january, february = MONTHS[:2]
    database(tmp_path, "first.sqlite", [10.0, 11.0], day=january[0])
    files(tmp_path, [20.0, 21.0])
    first = {"source": "sql", "asset_class": "equity", "path": "first.sqlite", "query": f"{QUERY} FROM quotes"}
    second = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}
    symbols = {"equity": ["AAA"]}
    settings = experiment(tmp_path, market_data=[first | more, second], universe=symbols, as_of=february[1])
    run(settings, january)
    (tmp_path / "first.sqlite").unlink()
    (tmp_path / "prices" / "bars.csv").write_text(
        f"symbol,session,open,high,low,close,volume\nBBB,{february[0]},9,9,9,9,1\n"
    )
    warehouse = Warehouse(settings.warehouse_path)
    raw_bars(step(settings, *february))
    assert warehouse.query("SELECT symbol, close FROM market_data.raw_bars WHERE symbol = 'AAA'").height == 2
    assert caplog.text.count("no such database") + caplog.text.count("stands in for") == 1, "asked and told once"


def test_after_months_a_second_source_is_still_compared_and_never_taken_unseen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first ended on 2 January. In March its prices of then are compared; without one of both nothing is taken."""
    database(tmp_path, "first.sqlite", [10.0, 11.0], day=MONTHS[0][0])
    files(tmp_path, [10.0])
    settings = configuration(tmp_path)
    run(settings, MONTHS[0])
    (tmp_path / "first.sqlite").unlink()
    before = known(Warehouse(settings.warehouse_path))
    head = "symbol,session,open,high,low,close,volume\n"
    march = f"AAA,{DAYS[0]},5,5,5,5,1\n"
    for then, said in (
        ("AAA,2024-01-02,5.5,5.5,5.5,5.5,1\n", "close 11 by sql, 5.5 by files"),
        ("", "no session of both"),
    ):
        (tmp_path / "prices" / "bars.csv").write_text(head + then + march)
        raw_bars(step(settings, *MONTHS[2]))
        assert known(Warehouse(settings.warehouse_path)) == before
        assert said in caplog.text
    (tmp_path / "prices" / "bars.csv").write_text(head + "AAA,2024-01-02,11,11,11,11,1\n" + march)
    raw_bars(step(settings, *MONTHS[2]))
    assert known(Warehouse(settings.warehouse_path))[2:] == [(5.0, "files")], "who agreed then is taken"


@pytest.mark.parametrize("more", [{"when_down": "go_on"}, {"fallback": "files"}, {}])
def test_a_month_that_was_read_while_a_source_was_down_is_read_again_after_its_end(
    tmp_path: Path, more: dict[str, str]
) -> None:
    """The first is down at the end of January and back in February, whose run alone would leave January as it was."""
    january, february, march = MONTHS
    files(tmp_path, [10.0])
    first = {"source": "sql", "asset_class": "equity", "path": "first.sqlite", "query": f"{QUERY} FROM quotes"}
    second = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}
    settings = experiment(tmp_path, market_data=[first | more, second], as_of=march[1])
    with suppress(SourceError):
        raw_bars(step(settings, *january))
    assert first_to_read(settings, "2024-02-01") == "2024-01-01"
    database(tmp_path, "first.sqlite", [10.0, 11.0], day=january[1])
    raw_bars(step(settings, *february))
    assert first_to_read(settings, "2024-02-01") == "2024-01-01", "nobody has read January since"
    raw_bars(step(settings, january[0], february[1]))
    assert first_to_read(settings, "2024-02-01") == "2024-02-01"
    rows = Warehouse(settings.warehouse_path).read(RAW_BARS).filter(source="sql")
    assert rows["session"].to_list() == [january[1], february[0]]


@pytest.fixture(autouse=True)
def warnings_are_seen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
