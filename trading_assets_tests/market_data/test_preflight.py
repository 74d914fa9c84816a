"""Inputs that a run would fail on, named before it starts."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from trading_assets.cli_check import refuse_faulty
from trading_assets.config import ConfigurationError, load_configuration
from trading_assets.config.errors import Fault
from trading_assets.market_data.preflight import faults_of_bars, faults_of_inputs, read_sources, said_of_span
from trading_assets_tests.end_to_end.experiments import changed

TODAY = dt.date(2018, 1, 31)
CSV = "symbol,date,open,high,low,close,volume\n" + "".join(
    f"AAA,2016-0{month}-0{day},10,11,9,10,100\n" for month in (1, 2, 3) for day in (4, 5)
)
FILES = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}
BASE: dict[str, Any] = {
    "market_data": [FILES],
    "benchmarks": None,
    "models": None,
    "registration": None,
    "strategies": {"one": {"type": "factor", "universe": "equity"}},
    "splits": {
        "train": ["2016-01-04", "2016-01-31"],
        "validation": ["2016-02-01", "2016-02-29"],
        "holdout": ["2016-03-01", "2016-12-29"],
    },
}


def faults(folder: Path, text: str = CSV, **changes: Any) -> list[Fault]:
    (folder / "prices").mkdir(exist_ok=True)
    (folder / "prices" / "a.csv").write_text(text)
    configuration = load_configuration(changed(folder, **{**BASE, **changes}), folder / "data")
    found = list(faults_of_inputs(configuration))
    if found:
        return found
    received = read_sources(configuration, TODAY)
    of_bars = () if received.bars is None else faults_of_bars(configuration, received.bars, lambda _: iter(()))
    return [*received.faults, *of_bars]


def test_what_can_be_used_has_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path) == []
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        ({"market_data": [{**FILES, "calendar": "XNYZ"}]}, ("market_data", 0, "calendar"), "unknown calendar 'XNYZ'"),
        ({"market_data": [{**FILES, "path": "none/*.csv"}]}, ("market_data", 0, "path"), "no file matches"),
        ({"universe": {"equity": "members.csv"}}, ("universe",), "cannot read the membership table"),
        ({"sectors": "sectors.csv"}, ("sectors",), "sectors.csv"),
        ({"costs": {"borrow_rates": "borrow.csv"}}, ("costs",), "borrow.csv"),
        ({"risk_free": {"file": "rates.csv"}}, ("risk_free",), "rates.csv"),
        (
            {"alternative_data": {"n": {"path": "n.csv", "published": "t", "timezone": "UTC", "values": ["v"]}}},
            ("alternative_data",),
            "no file matches 'n.csv'",
        ),
        ({"as_of": "2015-12-31", "splits": None}, ("market_data", 0), "no bar from 2015-01-01 to 2015-12-31"),
        (
            {"strategies": {"one": {"type": "factor", "universe": ["ZZZ"]}}},
            ("strategies", "one", "universe"),
            "no symbol of it has bars",
        ),
        ({"benchmarks": {"equity": "DAX"}}, ("benchmarks", "equity"), "no bars of DAX"),
        ({"benchmarks": {"equity": "AAA"}}, None, ""),
        ({"benchmarks": {"equity": "SPX"}}, None, ""),  # which the sample brings
        ({"universe": {"equity": ["AAA", "AAB"]}}, ("universe", "equity"), "no bars of AAB"),
        ({"universe": {"equity": ["AAA", "AAB"]}, "allow_missing": True}, None, ""),
        (
            {"splits": {**BASE["splits"], "validation": ["2016-02-01", "2016-02-03"]}},
            None,
            "",
        ),
        (
            {
                "splits": {
                    **BASE["splits"],
                    "train": ["2015-02-02", "2015-12-31"],
                    "validation": BASE["splits"]["train"],
                }
            },
            ("splits", "train"),
            "train, 2015-02-02 to 2015-12-31, has no bar",
        ),
    ],
)
def test_what_a_run_would_fail_on_is_named_with_its_key(
    tmp_path: Path, changes: dict[str, Any], where: tuple[str | int, ...] | None, said: str
) -> None:
    found = faults(tmp_path, **changes)
    assert {fault.where for fault in found} == ({where} if where else set())
    assert all(said in fault.what for fault in found)


@pytest.mark.parametrize("text", ["", "symbol,date,open\n", "a,b\n1,2\n", CSV.replace("2016-01-04", "no date")])
def test_files_that_cannot_be_read_are_named(tmp_path: Path, text: str) -> None:
    [fault] = faults(tmp_path, text)
    assert fault.where == ("market_data", 0) and "a.csv" in fault.what


def test_files_of_another_span_say_which_they_have(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, start="2017-01-01", splits=None)
    assert fault.what == "no bar from 2017-01-01 to 2017-12-29"
    assert fault.expected == "a span within 2016-01-04 to 2016-03-05, which it has: `start: 2016-01-01`"


def test_years_of_two_digits_under_a_format_of_four_are_told_apart(tmp_path: Path) -> None:
    """16 is the year 16 under `%Y`, which no run asks for."""
    text = CSV.replace("2016-", "16-")
    [fault] = faults(tmp_path, text, market_data=[{**FILES, "date_format": "%Y-%m-%d"}])
    assert fault.what.startswith("no bar from 2015-01-01") and "`%y` one of two" in fault.expected
    assert faults(tmp_path, text, market_data=[{**FILES, "date_format": "%y-%m-%d"}]) == []


@pytest.mark.parametrize(
    ("start", "advice"), [("2016-01-01", ""), ("2015-12-01", "; `start: 2016-01-01` is the month of the first")]
)
def test_the_terminal_says_where_the_bars_begin(tmp_path: Path, start: str, advice: str) -> None:
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "a.csv").write_text(CSV)
    strategies = {"one": {"type": "pairs", "formation_sessions": 40}}
    path = changed(tmp_path, **{**BASE, "start": start, "splits": None, "strategies": strategies})
    received = read_sources(load_configuration(path, tmp_path / "data"), TODAY)
    assert received.bars is not None
    said = said_of_span(load_configuration(path, tmp_path / "data"), received.bars)
    assert said == "bars from 2016-01-04 to 2016-03-05" + advice


def test_columns_of_high_and_low_that_are_swapped_are_refused_and_a_few_broken_bars_are_told(tmp_path: Path) -> None:
    swapped = CSV.replace("high,low", "low,high")
    [fault] = faults(tmp_path, swapped)
    assert fault.where == ("market_data", 0)
    assert "in 6 of 6 bars open or close lie outside of low to high" in fault.what
    (tmp_path / "prices" / "a.csv").write_text(CSV.replace("10,11,9,10", "10,9,11,10", 1))
    received = read_sources(load_configuration(changed(tmp_path, **BASE), tmp_path / "data"), TODAY)
    assert received.faults == []
    assert "market_data.0: in 1 of 6 bars open or close lie outside of low to high" in " ".join(received.doubts)


def test_the_terminal_counts_the_bars_of_a_strategys_symbols(tmp_path: Path) -> None:
    """Four bars until validation is over, of a factor that needs the close of a year ago; the dates allow 300."""
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "a.csv").write_text(CSV)
    path = changed(tmp_path, **BASE)
    with pytest.raises(ConfigurationError) as refused:
        refuse_faulty(path, load_configuration(path, tmp_path / "data"), bars_too=True)
    said = str(refused.value)
    assert "momentum_12_1 has its first value after 252 sessions" in said
    assert "any symbol of it, until 2016-02-29, has at most 4" in said
    assert f"file: {path}, line " in said and "key: strategies.one" in said


def test_the_terminal_names_every_fault_with_its_line(tmp_path: Path) -> None:
    path = changed(tmp_path, **{**BASE, "market_data": [{**FILES, "calendar": "XNYZ"}]})
    with pytest.raises(ConfigurationError) as refused:
        refuse_faulty(path, load_configuration(path, tmp_path / "data"), bars_too=False)
    said = str(refused.value)
    assert "unknown calendar 'XNYZ'" in said and "key: market_data.0.calendar" in said
    assert "no file matches 'prices/*.csv'" in said and f"file: {path}, line " in said


def test_sources_that_cannot_be_reached_are_named_and_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is not set, an exchange that there is not, a database that is not there."""
    for name in ("POLYGON_API_KEY", "MASSIVE_API_KEY", "TRADING_ASSETS_SQL_URI"):
        monkeypatch.delenv(name, raising=False)
    query = {"source": "sql", "asset_class": "equity", "query": "SELECT * FROM bars"}
    sources = [
        {"source": "polygon", "symbols": ["AAPL"]},
        {"source": "ccxt", "symbols": ["BTC/USD"], "exchange": "no_such_exchange"},
        query,
        {**query, "path": "no.db"},
    ]
    found = faults(tmp_path, market_data=sources)
    assert [fault.where for fault in found] == [("market_data", place) for place in range(4)]
    said = ["POLYGON_API_KEY", "no_such_exchange", "TRADING_ASSETS_SQL_URI", "no such database"]
    assert all(each in fault.what for each, fault in zip(said, found, strict=True))


def test_a_database_is_read(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bars.db")) as connection:
        connection.execute("CREATE TABLE bars (symbol, date, open REAL, high REAL, low REAL, close REAL, volume REAL)")
        for day in ("2016-01-04", "2016-02-04"):
            connection.execute("INSERT INTO bars VALUES ('AAA', ?, 10, 11, 9, 10, 100)", [day])
        connection.commit()
    source = {"source": "sql", "asset_class": "equity", "path": "bars.db"}
    assert faults(tmp_path, market_data=[{**source, "query": "SELECT * FROM bars"}]) == []
    [fault] = faults(tmp_path, market_data=[{**source, "query": "SELECT * FROM nothing"}])
    assert fault.where == ("market_data", 0) and "nothing" in fault.what
