"""Rates that a configuration names files of are on the registration; rows of later days are no change."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trading_assets.strategies.evaluation.received import changes, received
from trading_assets.strategies.evaluation.received_tables import (
    OF_THE_MARKET,
    TABLES,
    hash_of_files,
    last_in_force,
    marks_of,
    other_files,
    read_table,
    table_changes,
)
from trading_assets.warehouse import Table
from trading_assets_tests.features.published import published
from trading_assets_tests.market_data.experiments import experiment
from trading_assets_tests.strategies.evaluation.test_received import (
    DAYS,
    HOLDOUT,
    SETTINGS,
    SYMBOLS,
    UNTIL,
    bars,
    market,
)

RATES = pl.DataFrame({"session": DAYS[:30], "rate": [0.01 + 0.0001 * number for number in range(30)]})
BORROW = pl.DataFrame(
    {"symbol": ["A", "B", "Z"], "session": [None, DAYS[5], DAYS[6]], "borrow_bps": [50.0, 300.0, 10.0]},
    schema_overrides={"session": pl.Date},
)


def words(old: pl.DataFrame, new: pl.DataFrame) -> list[str]:
    return list(table_changes("k", marks_of(old, UNTIL), marks_of(new, UNTIL), UNTIL))


def test_rates_that_come_later_are_no_change_and_each_other_row_is_one() -> None:
    later = pl.DataFrame({"session": [DAYS[35]], "rate": [0.5]})
    assert words(RATES, pl.concat([RATES, later])) == []
    assert words(RATES, RATES.sample(fraction=1, shuffle=True, seed=3)) == []
    announced = BORROW.filter(symbol="B").with_columns(session=pl.lit(DAYS[35]))
    assert words(BORROW, pl.concat([BORROW, announced])) == []  # its last row is old, and it goes on all the same
    mended = RATES.with_columns(rate=pl.when(pl.col("session").is_in(DAYS[3:5])).then(0.5).otherwise("rate"))
    assert words(RATES, mended) == ["k: rows of 2 days changed, first 2019-03-04"]
    assert words(RATES, RATES.slice(1)) == ["k: rows of 1 day changed, first 2019-03-01"]


def test_a_series_that_was_late_goes_on_and_one_that_had_ended_does_not() -> None:
    """It ended two days before the last session, so the two are delivered late; twenty before, so they are new."""
    assert words(RATES.head(28), RATES) == []
    assert words(RATES.head(10), RATES) == ["k: rows of 20 days changed, first 2019-03-11"]


@pytest.mark.parametrize(("late", "found"), [(33, []), (70, ["k: rows of 1 day changed, first 2019-03-29"])])
def test_a_monthly_series_goes_on_after_a_month(late: int, found: list[str]) -> None:
    """Rows of every 30 days; the last is so many days older than the last session, of which 60 are no break."""
    last = UNTIL - dt.timedelta(days=late)
    old = pl.DataFrame({"session": [last - dt.timedelta(days=30 * back) for back in range(6)], "rate": 0.01})
    new = pl.concat([old, pl.DataFrame({"session": [UNTIL - dt.timedelta(days=1)], "rate": [0.02]})])
    assert words(old, new) == found


def test_a_rate_acts_from_the_evening_after_its_day() -> None:
    """Until Friday cash earns by what was published before Thursday's evening: Wednesday's rate is the last."""
    week = pl.Series([dt.date(2019, 3, day) for day in (8, 4, 5, 6, 7, 7, 11)])
    assert last_in_force(week, dt.date(2019, 3, 8)) == dt.date(2019, 3, 6)
    assert last_in_force(week, dt.date(2019, 3, 10)) == dt.date(2019, 3, 6)
    assert last_in_force(week, dt.date(2019, 3, 11)) == dt.date(2019, 3, 7)


def test_rows_that_are_always_in_force_count() -> None:
    assert words(BORROW, BORROW.with_columns(borrow_bps=0.0)) == [
        "k: rows of 2 days changed, first 2019-03-06",
        "k: rows without a day changed",
    ]


def test_they_are_part_of_what_was_received_as_far_as_they_are_of_its_symbols() -> None:
    """The rate of Z, which is not traded, may change; that of B may not, nor the bytes of another file."""
    own = replace(market(bars()), tables={"costs.borrow_rates": BORROW}, files={"x.file": "1"})
    old = received(own, SYMBOLS, [], UNTIL, SETTINGS)
    for symbol, found in (
        ("Z", []),
        ("B", ["costs.borrow_rates: rows of 1 day changed, first 2019-03-06"]),
    ):
        other = BORROW.with_columns(borrow_bps=pl.when(symbol=symbol).then(1.0).otherwise("borrow_bps"))
        now = received(replace(own, tables={"costs.borrow_rates": other}), SYMBOLS, [], UNTIL, SETTINGS)
        assert changes(old, now, UNTIL, HOLDOUT) == found
    now = received(replace(own, files={"x.file": "2"}), SYMBOLS, [], UNTIL, SETTINGS)
    assert changes(old, now, UNTIL, HOLDOUT) == ["x.file: changed"]


def test_every_file_of_a_configuration_is_compared_as_market_or_table(tmp_path: Path) -> None:
    """Whoever adds a setting that names a file finds it here: of its bytes then, until its rows are a table."""
    configuration = experiment(
        tmp_path, risk_free={"file": "rates.csv"}, costs={"borrow_rates": "b*.csv"}, sectors="sectors.csv"
    )
    assert set(other_files(configuration)) == {"risk_free.file", "costs.borrow_rates"} == set(TABLES)
    assert all(not key.startswith(OF_THE_MARKET) for key in TABLES)


@pytest.mark.parametrize("pattern", ["b*.csv", "{folder}/b1.csv"])
def test_the_bytes_of_other_files_are_known_by_a_hash(tmp_path: Path, pattern: str) -> None:
    named = pattern.format(folder=tmp_path)
    (tmp_path / "b1.csv").write_text("1")
    before = hash_of_files(named, tmp_path)
    (tmp_path / "b1.csv").write_text("2")
    assert hash_of_files(named, tmp_path) != before
    assert UNTIL - dt.timedelta(days=29) == DAYS[0]


def test_publications_are_on_record_by_the_provider_of_the_key_and_later_ones_are_no_change(tmp_path: Path) -> None:
    """Whoever they are of: a strategy may look at what was published of a symbol that it does not trade."""
    macro = {"path": "m.csv", "published": "time", "timezone": "UTC", "values": ["level"]}
    configuration = experiment(tmp_path, alternative_data={"macro": macro})
    assert set(other_files(configuration)) == {"alternative_data.macro.path"}
    times = [dt.datetime.combine(DAYS[number], dt.time(9)) for number in (2, 9, 16, 23, 35)]
    rows = published(*(("ELSEWHERE", at, at, at.date(), 1.0) for at in times))
    other = published(("", times[0], times[0], times[0].date(), 1.0), provider="other")
    asked: list[object] = []

    def read(table: Table, where: str, parameters: list[str]) -> pl.DataFrame:
        asked.append((table.name, where, parameters))
        return pl.concat([rows, other]).filter(provider=parameters[0])

    table = read_table("alternative_data.macro.path", read)
    assert asked == [("market_data.publications", "provider = ?", ["macro"])]
    assert table is not None
    assert table.height == len(times)
    assert read_table("sectors", read) is None
    own = replace(market(bars()), tables={"alternative_data.macro.path": table.head(4)})
    old = received(own, SYMBOLS, [], UNTIL, SETTINGS)
    revised = table.with_columns(value=pl.when(session=DAYS[9]).then(2.0).otherwise("value"))
    for later, found in (
        (table, []),
        (revised, [f"alternative_data.macro.path: rows of 1 day changed, first {DAYS[9]}"]),
    ):
        now = received(replace(own, tables={"alternative_data.macro.path": later}), SYMBOLS, [], UNTIL, SETTINGS)
        assert changes(old, now, UNTIL, HOLDOUT) == found
