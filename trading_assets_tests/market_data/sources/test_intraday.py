"""Intraday bars become bars of their calendar's sessions."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
import pandas as pd
import polars as pl
import pytest

from trading_assets.config.quality import Quality
from trading_assets.market_data import calendars
from trading_assets.market_data.quality.apply_rules import apply_rules
from trading_assets_tests.market_data.files_source import load, write

NEW_YORK = ZoneInfo("America/New_York")


def stamps(first: str, count: int, minutes: int, zone: ZoneInfo | dt.timezone = dt.UTC) -> list[dt.datetime]:
    start = dt.datetime.fromisoformat(first).replace(tzinfo=zone).astimezone(dt.UTC)
    return [start + dt.timedelta(minutes=minutes * index) for index in range(count)]


def write_bars(folder: Path, when: list[dt.datetime], seed: int = 0, symbol: str = "A") -> pd.DataFrame:
    """Random bars at `when`, written as a file, and the same as a frame of pandas."""
    draws = np.random.default_rng(seed).uniform(1, 2, (len(when), 3)).round(4)
    rows = pd.DataFrame(
        {"open": draws[:, 0], "high": draws.max(axis=1), "low": draws.min(axis=1), "close": draws[:, 2]},
        index=pd.DatetimeIndex(when),
    )
    rows["volume"] = np.arange(1.0, len(when) + 1)
    lines = [
        f"{symbol},{pd.Timestamp(str(stamp)).isoformat()},{row.open},{row.high},{row.low},{row.close},{row.volume}"
        for stamp, row in rows.iterrows()
    ]
    write(folder, *lines)
    return rows


AGGREGATION = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


@pytest.mark.parametrize(("interval", "minutes"), [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60)])
def test_days_of_crypto_are_those_of_pandas(tmp_path: Path, interval: str, minutes: int) -> None:
    rows = write_bars(tmp_path, stamps("2025-05-30T16:45", 3 * 1440 // minutes, minutes))
    bars = load(tmp_path, calendar="24/7", asset_class="crypto", interval=interval)
    expected = rows.resample("1D").agg(AGGREGATION)
    assert bars["session"].to_list() == [stamp.date() for stamp in expected.index]
    for name in AGGREGATION:
        assert bars[name].to_list() == pytest.approx(expected[name].to_list(), rel=1e-12)
    counts = rows.resample("1D").size() / (1440 / minutes)
    assert bars["coverage"].to_list() == pytest.approx(counts.to_list(), rel=1e-12)


@pytest.mark.parametrize("stamped", ["start", "end"])
def test_regular_hours_of_an_exchange(tmp_path: Path, stamped: str) -> None:
    """Across both clock changes of 2021 and a half day: only what trades between open and close, to the minute."""
    days = [("2021-03-12", 3), ("2021-03-15", 1), ("2021-11-05", 3), ("2021-11-26", 1)]
    when = [stamp for day, count in days for stamp in stamps(f"{day}T00:00", count * 288, 5, NEW_YORK)]
    rows = write_bars(tmp_path, when)
    bars = load(tmp_path, interval="5m", timezone="America/New_York", stamped=stamped)
    calendar = exchange_calendars.get_calendar("XNYS", start="2021-01-01", end="2021-12-31")
    sessions = [dt.date(2021, 3, 12), dt.date(2021, 3, 15), dt.date(2021, 11, 5), dt.date(2021, 11, 26)]
    assert bars["session"].to_list() == sessions
    for session, bar in zip(sessions, bars.iter_rows(named=True), strict=True):
        opens, closes = calendar.session_open(str(session)), calendar.session_close(str(session))
        shift = pd.Timedelta(0) if stamped == "start" else pd.Timedelta(minutes=5)
        begins = pd.DatetimeIndex(rows.index) - shift
        inside = rows[(begins >= opens) & (begins < closes)]
        assert len(inside) == (42 if session == dt.date(2021, 11, 26) else 78)
        for name, how in AGGREGATION.items():
            assert bar[name] == pytest.approx(inside[name].agg(how) if how not in ("first", "last") else
                                              inside[name].iloc[0 if how == "first" else -1], rel=1e-12)  # fmt: skip
        assert bar["coverage"] == 1.0


def test_an_hour_that_holds_the_open_belongs_to_the_session(tmp_path: Path) -> None:
    write_bars(tmp_path, stamps("2021-03-15T04:00", 16, 60, NEW_YORK))
    bars = load(tmp_path, interval="1h", timezone="America/New_York")
    assert bars.select("session", "source_line", "volume").rows() == [
        (dt.date(2021, 3, 15), 2 + 5, sum(range(6, 13)))
    ], "the bars of 9:00 (half of it before the open) to 15:00"


def test_missing_and_bad_minutes(tmp_path: Path) -> None:
    """A bad minute is as good as missing; the others make the day, in any order of lines."""
    write(
        tmp_path,
        "A,2021-03-15 00:02,3,4,2,3,30",
        "A,2021-03-15 00:00,1,2,1,1.5,10",
        "A,2021-03-15 00:01,1,2,1,-1.5,10",
        "A,2021-03-15 00:03,1,2,1,,10",
        "A,2021-03-15 00:04,1,2,1.2,1.5,10",
        "A,2021-03-15 00:05,1,9,1,1.5,10",
        "A,2021-03-15 00:05,1,8,1,1.5,10",
        "A,2021-03-15 00:06,2,3,2,2.5,",
        "A,2021-03-15 00:06,2,3,2,2.5,",
    )
    bars = load(tmp_path, interval="1m", calendar="24/7", asset_class="crypto")
    assert bars.select("open", "high", "low", "close", "volume", "coverage", "source_line").rows() == [
        (1.0, 4.0, 1.0, 2.5, 40.0, 3 / 1440, 3)
    ]


def test_a_session_of_which_too_little_is_there_is_quarantined(tmp_path: Path) -> None:
    write_bars(tmp_path, stamps("2025-05-30T16:45", 31 * 60, 1))
    raw = load(tmp_path, interval="1m", calendar="24/7", asset_class="crypto").with_columns(
        occurrence=pl.lit(1, pl.Int64), calendar=pl.lit("24/7"), ingested_at=pl.lit(dt.datetime(2025, 6, 2))
    )
    sessions = pl.DataFrame({"calendar": "24/7", "session": calendars.sessions("24/7", *raw["session"])})
    checked = apply_rules(raw, sessions, dt.date(2025, 6, 1), Quality())
    assert checked.quarantine.select("session", "reasons").rows() == [(dt.date(2025, 5, 30), ["partial_session"])]
    assert checked.usable["session"].to_list() == [dt.date(2025, 5, 31)]
    kept = apply_rules(raw, sessions, dt.date(2025, 6, 1), Quality(min_coverage=0.0))
    assert kept.quarantine.is_empty()


@pytest.mark.parametrize("calendar", ["XNYS", "XTKS", "XLON"])
def test_trading_hours_are_those_of_the_library(calendar: str) -> None:
    hours = calendars.trading_hours(calendar, dt.date(2021, 3, 1), dt.date(2021, 3, 31))
    library = exchange_calendars.get_calendar(calendar, start="2021-03-01", end="2021-03-31")
    assert hours["opens"].to_list() == [stamp.to_pydatetime() for stamp in library.opens]
    assert hours["closes"].to_list() == [stamp.to_pydatetime() for stamp in library.closes]


@pytest.mark.parametrize(
    ("rate", "bursts"),
    [
        (0.01, False),
        (0.05, False),
        pytest.param(0.28, False, marks=pytest.mark.slow),
        pytest.param(0.9, False, marks=pytest.mark.slow),
        (0.07, True),
        (0.28, True),
    ],
)
@pytest.mark.parametrize("days", [10, pytest.param(40, marks=pytest.mark.acceptance)])
def test_a_minute_without_a_trade_is_no_hole(tmp_path: Path, rate: float, bursts: bool, days: int) -> None:
    """A coin that trades in some minutes, by chance or in bursts of ten: all days are usable."""
    random = np.random.default_rng(3)
    traded = random.random(days * 1440) < (rate / 10 if bursts else rate)
    if bursts:
        traded = np.convolve(traded, np.ones(10), mode="full")[: len(traded)] > 0
    whole = stamps("2023-01-01T00:00", days * 1440, 1)
    write_bars(tmp_path, [whole[at] for at in np.flatnonzero(traded)])
    bars = load(tmp_path, interval="1m", calendar="24/7", asset_class="crypto")
    assert bars.height == days
    assert (bars["coverage"] >= 0.5).all()
    assert bars.filter(coverage=1.0).height > 0.6 * days


@pytest.mark.parametrize(("rate", "begins", "ends"), [(1.0, 0, 400), (0.3, 1000, 1440), (0.28, 500, 900)])
def test_a_day_that_breaks_off_is_no_illiquid_one(tmp_path: Path, rate: float, begins: int, ends: int) -> None:
    random = np.random.default_rng(3)
    traded = (random.random(1440) < rate) & (np.arange(1440) >= begins) & (np.arange(1440) < ends)
    whole = stamps("2023-01-01T00:00", 1440, 1)
    write_bars(tmp_path, [whole[at] for at in np.flatnonzero(traded)])
    (coverage,) = load(tmp_path, interval="1m", calendar="24/7", asset_class="crypto")["coverage"]
    assert coverage == pytest.approx(traded.sum() / 1440)
    assert coverage < 0.5


def test_a_hole_of_a_quarter_of_the_day_is_a_quarter(tmp_path: Path) -> None:
    """Three minutes in ten but for six hours: 1 - 6 / 24, give or take the trades at its edges."""
    random = np.random.default_rng(3)
    minutes = np.arange(1440)
    traded = (random.random(1440) < 0.3) & ((minutes < 600) | (minutes >= 960))
    whole = stamps("2023-01-01T00:00", 1440, 1)
    write_bars(tmp_path, [whole[at] for at in np.flatnonzero(traded)])
    (coverage,) = load(tmp_path, interval="1m", calendar="24/7", asset_class="crypto")["coverage"]
    assert coverage == pytest.approx(0.75, abs=0.02)
