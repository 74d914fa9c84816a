"""Weekly and monthly bars that are declared daily are noticed; holes and rare trades are not taken for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from trading_assets.config.quality import Quality
from trading_assets.market_data import calendars
from trading_assets.market_data.quality.apply_rules import apply_rules
from trading_assets.market_data.quality.findings import QualityError
from trading_assets.market_data.quality.frequency import other_frequency
from trading_assets_tests.market_data.markets import received

FIRST, LAST = dt.date(2013, 1, 2), dt.date(2016, 12, 30)
NEW_YORK = calendars.sessions("XNYS", FIRST, LAST).to_list()
EVERY_DAY = calendars.sessions("24/7", FIRST, LAST).to_list()


def bars(days: Sequence[dt.date], calendar: str = "XNYS", symbol: str = "AAPL") -> pl.DataFrame:
    return received(
        {"symbol": symbol, "session": day, "close": 100.0 + n % 7, "calendar": calendar} for n, day in enumerate(days)
    )


def sessions_of(calendar: str) -> pl.DataFrame:
    return pl.DataFrame({"session": NEW_YORK if calendar == "XNYS" else EVERY_DAY}).with_columns(
        calendar=pl.lit(calendar)
    )


def lines(raw: pl.DataFrame) -> list[str]:
    return other_frequency(raw, sessions_of(raw["calendar"][0])).evidence["line"].to_list()


def on_weekday(weekday: int) -> list[dt.date]:
    """Every such day of the span (Monday is 1), holidays among them."""
    return [day for day in EVERY_DAY if day.isoweekday() == weekday]


def last_of_months() -> list[dt.date]:
    return [max(day for day in NEW_YORK if day.replace(day=1) == month) for month in firsts_of_months()]


def firsts_of_months() -> list[dt.date]:
    return sorted({day.replace(day=1) for day in EVERY_DAY})


@pytest.mark.parametrize(
    ("days", "calendar", "every"),
    [
        (on_weekday(5), "XNYS", 5),  # Fridays: an Easter week has four sessions
        (on_weekday(1), "XNYS", 5),  # Mondays, as vendors stamp the beginning of a week; holidays among them
        (on_weekday(6), "XNYS", 5),  # Saturdays are no sessions, and the distance is one of sessions
        (on_weekday(7), "24/7", 7),
        (last_of_months(), "XNYS", 20),
        (firsts_of_months(), "XNYS", 21),
        (firsts_of_months(), "24/7", 30),
        (NEW_YORK[::2], "XNYS", 2),
        (on_weekday(5)[:9], "XNYS", 5),  # eight distances, all regular, are enough
    ],
)
def test_bars_of_another_interval_are_noticed(days: list[dt.date], calendar: str, every: int) -> None:
    (line,) = lines(bars(days, calendar))
    assert line.startswith(f"AAPL: a bar every {every} sessions of {calendar} (the last ")


@pytest.mark.parametrize(
    ("days", "calendar"),
    [
        (NEW_YORK, "XNYS"),
        (NEW_YORK, "24/7"),  # no weekends: a hole a week, no week a bar
        (on_weekday(5)[:8], "XNYS"),  # seven distances say nothing yet
        (NEW_YORK[:200] + NEW_YORK[700:], "XNYS"),
        ([day for n, day in enumerate(NEW_YORK) if n % 7 < 4], "XNYS"),
    ],
)
def test_daily_bars_with_holes_are_daily(days: list[dt.date], calendar: str) -> None:
    assert lines(bars(days, calendar)) == []


def test_rare_trades_are_not_periodic() -> None:
    """A thousand symbols of a thousand sessions that trade on every second to tenth day, by chance."""
    random, found = np.random.default_rng(5), 0
    for rate in (0.1, 0.2, 0.33, 0.5):
        drawn = random.random((250, len(NEW_YORK))) < rate
        raw = pl.DataFrame({"symbol": [f"S{n:03d}" for n in range(250) for _ in NEW_YORK], "session": NEW_YORK * 250})
        raw = raw.filter(pl.Series(drawn.ravel())).with_columns(calendar=pl.lit("XNYS"), coverage=pl.lit(None))
        found += other_frequency(raw, sessions_of("XNYS")).evidence.height
    assert found == 0


def test_the_error_names_file_symbol_distance_and_what_to_do() -> None:
    raw = pl.concat([bars(on_weekday(5)), bars(NEW_YORK, symbol="DAILY")])
    with pytest.raises(QualityError) as caught:
        apply_rules(raw, sessions_of("XNYS"), LAST, Quality())
    message = str(caught.value)
    assert "wrong_frequency" in message and "first: AAPL on " in message and "(bars.csv, line " in message
    assert "AAPL: a bar every 5 sessions of XNYS (the last 8 distances: 4 to 5)" in message
    assert "do: deliver daily bars, or take the file out of the source's path" in message
    kept = apply_rules(raw, sessions_of("XNYS"), LAST, Quality(severity={"wrong_frequency": "symbol"}))
    assert set(kept.usable.filter(symbol="DAILY")["session"]) == set(NEW_YORK)
    assert kept.usable.filter(symbol="AAPL").height == 8


def test_bars_made_of_minutes_are_not_looked_at() -> None:
    raw = bars(on_weekday(5)).with_columns(coverage=pl.lit(1.0))
    assert lines(raw) == []


@pytest.mark.parametrize("cut", [5, 8, 13, 40])
def test_what_is_known_of_a_bar_depends_on_no_later_one(cut: int) -> None:
    raw = bars(NEW_YORK[:20] + [day for day in on_weekday(5) if day > NEW_YORK[20]])
    whole, part = (other_frequency(each, sessions_of("XNYS")).found for each in (raw, raw[: 20 + cut]))
    assert whole[: 20 + cut].to_list() == part.to_list()
