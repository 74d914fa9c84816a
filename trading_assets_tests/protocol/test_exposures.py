"""Who has seen a holdout: whatever it was called."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config.sections import Interval
from trading_assets.protocol import Protocol
from trading_assets.protocol.exposures import NO_CONTENTS, Contents, exposure, exposures_of, new_exposures
from trading_assets.protocol.records import Entry
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets_tests.protocol.worlds import HOLDOUT, SESSIONS, chain, make_bars

OWN = ["A", "B", "C", "D"]
OWN_RETURNS = equal_weight_returns([make_bars(OWN, common=0.5, seed=1)], OWN, SESSIONS[0], SESSIONS[-1])


def seen(
    symbols: list[str],
    start: dt.date = SESSIONS[100],
    end: dt.date = SESSIONS[399],
    *,
    configuration: str = "main",
    market: int = 0,
    seed: int = 1,
    holdout: Interval = HOLDOUT,
) -> list[str]:
    """What is said of one evaluation on record."""
    returns = equal_weight_returns([make_bars(symbols, common=0.5, seed=seed, market=market)], symbols, start, end)
    records = chain(exposure("backtests", "other", start, end, symbols, returns), configuration=configuration)
    return [str(each) for each in exposures_of(records, holdout, OWN_RETURNS, OWN, Contents({1: returns}, {}))]


@pytest.mark.parametrize("configuration", ["main", "another"])
def test_shared_symbols_are_an_exposure_under_any_name_of_strategy_and_configuration(configuration: str) -> None:
    assert seen(OWN, configuration=configuration) == [
        f"{configuration}/other (backtests) saw {HOLDOUT.start} to {HOLDOUT.end} on 2026-01-01, "
        "4 shared symbols: A, B, C ..."
    ]


@pytest.mark.parametrize("symbols", [["A", "B"], ["D"], [*OWN, "E"], ["D", "Z"]])
def test_some_of_the_symbols_or_more_of_them(symbols: list[str]) -> None:
    assert len(seen(symbols)) == 1


def test_renamed_symbols_are_found_by_their_returns() -> None:
    (said,) = seen(["P", "Q", "R", "S"])
    assert said.endswith("correlation 1.00")


def test_another_market_is_no_exposure() -> None:
    assert seen(["P", "Q", "R", "S"], market=1, seed=2) == []


def test_the_same_tickers_of_other_instruments_are_no_exposure_where_returns_say_so() -> None:
    """Two vendors call different instruments A to D; where no returns are on record, the names count."""
    assert seen(OWN, market=1, seed=2) == []
    records = chain(exposure("backtests", "other", SESSIONS[0], SESSIONS[399], OWN, OWN_RETURNS.head(0)))
    assert len(exposures_of(records, HOLDOUT, OWN_RETURNS, OWN, NO_CONTENTS)) == 1
    assert len(exposures_of(records, HOLDOUT, OWN_RETURNS, OWN, Contents({1: OWN_RETURNS.head(0)}, {}))) == 1


def test_one_session_is_enough_and_the_session_before_is_not() -> None:
    assert seen(OWN, end=HOLDOUT.start - dt.timedelta(days=1)) == []
    (said,) = seen(OWN, end=HOLDOUT.start)
    assert f"saw {HOLDOUT.start} to {HOLDOUT.start}" in said
    assert seen(OWN, start=HOLDOUT.end + dt.timedelta(days=1), end=HOLDOUT.end + dt.timedelta(days=9)) == []


def test_a_holdout_shifted_by_a_day_is_the_same_holdout() -> None:
    shifted = Interval(start=HOLDOUT.start + dt.timedelta(days=1), end=HOLDOUT.end + dt.timedelta(days=1))
    assert len(seen(OWN, HOLDOUT.start, HOLDOUT.end, holdout=shifted)) == 1


@pytest.mark.parametrize(("sessions", "count"), [(3, 1), (-5, 1), (40, 0)])
def test_bars_whose_dates_are_shifted_are_the_same_market_up_to_a_week(sessions: int, count: int) -> None:
    """The same tickers; those whose dates say something else altogether are other instruments."""
    moved = make_bars(OWN, common=0.5, seed=1).with_columns(pl.col("session") + pl.duration(days=sessions))
    returns = equal_weight_returns([moved], OWN, SESSIONS[0], SESSIONS[-1])
    records = chain(exposure("backtests", "other", SESSIONS[100], SESSIONS[399], OWN, returns))
    assert len(exposures_of(records, HOLDOUT, OWN_RETURNS, OWN, Contents({1: returns}, {}))) == count


def test_days_without_a_session_are_not_seen() -> None:
    """The universe trades from Monday to Friday; the evaluation ends on the Sunday before its first session."""
    week = [day for day in SESSIONS if day.weekday() < 5]
    own = equal_weight_returns([make_bars(OWN, common=0.5, seed=1, sessions=week)], OWN, week[0], week[-1])
    saturday = dt.date(2020, 8, 1)
    holdout = Interval(start=saturday, end=SESSIONS[399])
    for last, count in ((saturday + dt.timedelta(days=1), 0), (saturday + dt.timedelta(days=2), 1)):
        records = chain(exposure("backtests", "other", SESSIONS[0], last, OWN, own))
        assert len(exposures_of(records, holdout, own, OWN, NO_CONTENTS)) == count


def test_a_look_is_an_exposure_and_an_imported_one_is_known_by_its_registration() -> None:
    content = {"splits": {"holdout": [HOLDOUT.start.isoformat(), HOLDOUT.end.isoformat()]}, "universe": {"A": []}}
    records = chain(
        Entry("registration", "old", {"registration_hash": "r", "imported": {}}),
        Entry("look", "old", {"registration_hash": "r", "look": 1, "imported": {}}),
    )
    (found,) = exposures_of(records, HOLDOUT, OWN_RETURNS, OWN, Contents({}, {1: json.dumps(content)}))
    assert (found.stage, found.shared) == ("holdout", ("A",))


def test_the_same_exposure_is_written_once(tmp_path: Path) -> None:
    """Through the file: what is on record has the hash of its returns among what it says."""
    protocol, now = Protocol(tmp_path, "main"), dt.datetime(2026, 1, 1)
    one = exposure("backtests", "one", SESSIONS[0], SESSIONS[9], ["B", "A", "B"], OWN_RETURNS)
    others = [
        exposure("backtests", "two", SESSIONS[0], SESSIONS[9], ["A", "B"], OWN_RETURNS),
        exposure("backtests", "one", SESSIONS[0], SESSIONS[10], ["A", "B"], OWN_RETURNS),
        exposure("backtests", "one", SESSIONS[0], SESSIONS[9], ["A", "B"], OWN_RETURNS.head(50)),
    ]
    assert one.payload["symbols"] == ["A", "B"]

    def written(*entries: Entry) -> int:
        return len(protocol.append_decided(lambda records: new_exposures(records, "main", entries), now=now))

    assert [written(one, one), written(one), written(one, *others), written(*others)] == [1, 0, 3, 0]
