"""Rules about data: sessions by hand around Thanksgiving 2026, quarantined bars, drift."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, SOURCES_DOWN, UNIVERSE
from trading_assets.monitoring.rules.of_data import (
    data_quality,
    drift,
    sessions_missing,
    source_down,
    stale_data,
    staleness,
)
from trading_assets.monitoring.rules.situation import Situation
from trading_assets.monitoring.tables import DRIFT
from trading_assets.warehouse import Table, Whole
from trading_assets_tests.monitoring.rules.situations import NOW, situation


def filled(table: Table, height: int, **values: Any) -> pl.DataFrame:
    """Rows of a table: zero, false or empty where nothing is said."""
    blank: dict[Any, Any] = {pl.String: "x", pl.Boolean: False, pl.Date: dt.date(2026, 1, 2)}
    columns = {
        name: values.get(name, None if column.nullable else blank.get(column.dtype, 1))
        for name, column in table.columns.items()
        if column.dtype != pl.List(pl.String)
    }
    lists = {
        name: pl.Series([[]] * height, dtype=each.dtype) for name, each in table.columns.items() if name not in columns
    }
    rows = pl.DataFrame({"number": range(height)}).with_columns(
        **{name: value if isinstance(value, pl.Series) else pl.lit(value) for name, value in columns.items()}, **lists
    )
    return table.conform(rows.drop("number"))


def with_instruments(now: Situation, **last: dt.date) -> Situation:
    """Instruments named after their calendars, each with its last session."""
    names = {"XNYS": "XNYS", "ALWAYS": "24/7"}
    rows = filled(
        INSTRUMENTS,
        len(last),
        symbol=pl.Series(list(last)),
        calendar=pl.Series([names[each] for each in last]),
        last_session=pl.Series(list(last.values())),
        asset_class="equity",
        in_universe=True,
    )
    now.warehouse.replace(Whole(), {INSTRUMENTS: rows})
    return now


def test_sessions_that_should_be_there_around_a_holiday() -> None:
    """Thanksgiving, the 26th, is none; Friday the 27th is. At noon on Monday that of Monday is not over."""
    wednesday = dt.date(2026, 11, 25)
    assert sessions_missing("XNYS", wednesday, NOW) == [dt.date(2026, 11, 27)]
    assert sessions_missing("XNYS", wednesday, dt.datetime(2026, 11, 28, 1)) == []
    assert sessions_missing("24/7", dt.date(2026, 11, 27), NOW) == [dt.date(2026, 11, 28), dt.date(2026, 11, 29)]


def test_a_source_that_was_down_is_told_from_its_first_month_on(tmp_path: Path) -> None:
    now = situation(tmp_path)
    assert list(source_down(now, 0)) == []
    months = pl.Series([dt.date(2026, 3, 1), dt.date(2026, 2, 1)])
    now.warehouse.replace(Whole(), {SOURCES_DOWN: filled(SOURCES_DOWN, 2, session=months, source="polygon")})
    [finding] = source_down(now, 0)
    assert finding.subject == "polygon"
    assert "down when 2026-02 was last read" in finding.message


@pytest.mark.parametrize(("newest", "fires"), [("2026-11-27", False), ("2026-11-25", False), ("2026-11-24", True)])
def test_stale_data_is_more_than_a_session_behind(tmp_path: Path, newest: str, fires: bool) -> None:
    now = with_instruments(situation(tmp_path), XNYS=dt.date.fromisoformat(newest))
    found = list(stale_data(now, 1))
    assert [each.subject for each in found] == ["XNYS"] * fires
    if fires:
        assert found[0].message == "XNYS: the newest bar is of 2026-11-24, 2 sessions are missing"


def test_nothing_is_stale_where_the_end_is_fixed_or_nothing_was_read(tmp_path: Path) -> None:
    assert list(stale_data(situation(tmp_path), 1)) == []
    fixed = situation(tmp_path, keys={"as_of": "2020-01-31"})
    assert list(stale_data(with_instruments(fixed, XNYS=dt.date(2020, 1, 31)), 1)) == []


def with_symbols(folder: Path, delisted: dict[str, dt.date], left: dict[str, dt.date], **last: str) -> Situation:
    """Symbols of New York, each with its last session; some delisted, some left the universe."""
    now = situation(folder)
    rows = filled(
        INSTRUMENTS,
        len(last),
        symbol=pl.Series(list(last)),
        calendar="XNYS",
        last_session=pl.Series([dt.date.fromisoformat(each) for each in last.values()]),
        delisted=pl.Series([delisted.get(each) for each in last], dtype=pl.Date),
        asset_class="equity",
        in_universe=True,
    )
    spells = filled(
        UNIVERSE,
        len(last),
        symbol=pl.Series(list(last)),
        asset_class="equity",
        end=pl.Series([left.get(each) for each in last], dtype=pl.Date),
    )
    now.warehouse.replace(Whole(), {INSTRUMENTS: rows, UNIVERSE: spells})
    return now


def test_one_fresh_symbol_hides_no_stale_ones(tmp_path: Path) -> None:
    """On the 28th the 24th, 25th and 27th are over (the 26th is Thanksgiving): B lacks two sessions, C one."""
    now = with_symbols(tmp_path, {}, {}, A="2026-11-27", B="2026-11-24", C="2026-11-25", D="2026-11-27")
    [finding] = stale_data(now, 1)
    assert finding.message == "XNYS: the newest bar is of 2026-11-27, 1 of 4 symbols are behind: B since 2026-11-24"
    assert [each.behind for each in staleness(now, 0).values()] == [
        (("B", dt.date(2026, 11, 24)), ("C", dt.date(2026, 11, 25)))
    ]


def test_symbols_that_have_ended_are_not_stale(tmp_path: Path) -> None:
    """E is delisted, F left the universe, G lacks the ten sessions after which the engine has given it up."""
    day = dt.date(2026, 11, 20)
    ended = {"E": "2026-11-20", "F": "2026-11-20", "G": "2026-11-12"}
    now = with_symbols(tmp_path, {"E": day}, {"F": day}, A="2026-11-27", **ended)
    assert list(stale_data(now, 1)) == []
    assert staleness(now, 1)["XNYS"].live == 1
    late = with_symbols(tmp_path / "late", {}, {}, A="2026-11-27", G="2026-11-13")
    assert [each.behind for each in staleness(late, 1).values()] == [(("G", dt.date(2026, 11, 13)),)]


def test_one_of_many_may_be_halted(tmp_path: Path) -> None:
    many = {f"S{number}": "2026-11-27" for number in range(9)}
    assert list(stale_data(with_symbols(tmp_path, {}, {}, B="2026-11-20", **many), 1)) == []
    more = with_symbols(tmp_path / "more", {}, {}, B="2026-11-20", C="2026-11-20", **many)
    assert [each.subject for each in stale_data(more, 1)] == ["XNYS"]


@pytest.mark.parametrize(("refused", "fires"), [(1, False), (3, True)])
def test_bars_in_quarantine_of_the_newest_month_count(tmp_path: Path, refused: int, fires: bool) -> None:
    """20 bars are used: 1 refused of 21 is 4.8 %, 3 of 23 are 13 %; what was refused a year ago is no news."""
    now = with_instruments(situation(tmp_path), XNYS=dt.date(2026, 11, 27))
    days = pl.Series([dt.date(2026, 11, 2) + dt.timedelta(days=each) for each in range(20)])
    bad = [dt.date(2026, 11, 20 + each) for each in range(refused)] + [dt.date(2025, 11, 1)] * 9
    numbers = pl.Series(range(1, refused + 10))
    now.warehouse.replace(
        Whole(),
        {
            BARS: filled(BARS, 20, symbol="A", session=days, asset_class="equity", dollar_volume=1.0),
            QUARANTINE: filled(
                QUARANTINE, refused + 9, symbol="A", session=pl.Series(bad), occurrence=numbers, asset_class="equity"
            ),
        },
    )
    found = [each.message for each in data_quality(now, 0.05) if each.subject == "bars"]
    assert found == [f"{refused} of {20 + refused} bars since 2026-10-29 are in quarantine"] * fires


@pytest.mark.parametrize(("refused", "twice", "fires"), [(5, 0, False), (6, 0, True), (0, 9, False)])
def test_a_bad_delivery_of_the_newest_session_is_told_on_its_day(
    tmp_path: Path, refused: int, twice: int, fires: bool
) -> None:
    """Six bars of 300 are far below the share of a month. Copies of a used bar are no loss."""
    day = dt.date(2026, 11, 26)
    now = with_instruments(situation(tmp_path), XNYS=day)
    earlier = [day - dt.timedelta(days=number % 20 + 1) for number in range(300)]
    held = [f"H{number // 20}" for number in range(300)]
    symbols = [f"S{number}" for number in range(10)]
    good, bad = symbols[refused:], symbols[:refused] + symbols[:twice] * 3
    now.warehouse.replace(
        Whole(),
        {
            BARS: filled(
                BARS,
                300 + len(good),
                symbol=pl.Series(held + good),
                session=pl.Series(earlier + [day] * len(good)),
                asset_class="equity",
                dollar_volume=1.0,
            ),
            QUARANTINE: filled(
                QUARANTINE,
                len(bad),
                symbol=pl.Series(bad, dtype=pl.String),
                session=pl.Series([day] * len(bad), dtype=pl.Date),
                occurrence=pl.Series(range(1, len(bad) + 1), dtype=pl.Int64),
                asset_class="equity",
            ),
        },
    )
    found = [each.message for each in data_quality(now, 0.5)]
    assert found == [f"of {refused} of 10 symbols (equity) the bars of {day} are in quarantine"] * fires


@pytest.mark.parametrize(("alarms", "fires"), [(2, False), (5, True)])
def test_drift_is_what_the_check_calls_an_event(tmp_path: Path, alarms: int, fires: bool) -> None:
    now = situation(tmp_path)
    rows = filled(
        DRIFT,
        10,
        feature=pl.Series([f"f{number}" for number in range(10)]),
        asset_class="equity",
        psi=pl.Series([0.1 * number for number in range(10)]),
        alarm=pl.Series([number >= 10 - alarms for number in range(10)]),
    )
    now.warehouse.replace(Whole(), {DRIFT: rows})
    found = [each.message for each in drift(now, 0)]
    assert found == ["5 of 10 features drift, 30% are allowed: f9, f8, f7, f6, f5"] * fires
