"""A backtest that goes on session by session, while its market grows: the rows of a backtest in one go."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, backtest
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.running_backtest import NotContinuableError, RunningBacktest, SavedBacktest
from trading_assets.config import Configuration
from trading_assets_tests.backtests.frames import (
    bars_of,
    frames,
    frames_of,
    loaded,
    prepare_strategy,
    weekdays,
)
from trading_assets_tests.backtests.test_target_strategies import STRATEGIES
from trading_assets_tests.backtests.test_target_strategies import prepare_strategy as prepare_targets
from trading_assets_tests.strategies.panels import SESSIONS as MANY

DAYS = weekdays(300)
START, CUT, END = DAYS[80], DAYS[220], DAYS[299]
BARS = frames(300).bars


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return loaded(tmp_path_factory.mktemp("small"))


def prepared_until(settings: Configuration, last: dt.date, bars: pl.DataFrame = BARS) -> PreparedBacktest:
    """The market as it is known at a close: its arrays end there."""
    return prepare_strategy(settings, "breakout", frames_of(bars.filter(pl.col("session") <= last)))


def saved_at(prepared: PreparedBacktest, session: dt.date) -> SavedBacktest:
    running = RunningBacktest(prepared, START, split="train")
    running.advance(session)
    return running.save()


def assert_same_rows(found: Result, expected: Result) -> None:
    for table, rows in expected.by_table().items():
        assert rows.equals(found.by_table()[table]), table.name


def test_an_account_of_yesterday_goes_on_with_the_bars_of_today(settings: Configuration) -> None:
    saved = saved_at(prepared_until(settings, CUT), CUT)
    whole = prepared_until(settings, END)
    for last in (DAYS[221], DAYS[240], END):
        running = RunningBacktest(whole, START, split="train", saved=saved)
        running.advance(last)
        saved = running.save()
    expected = backtest(whole, START, END, split="train")
    assert_same_rows(running.result(), expected)
    assert expected.trades.filter(pl.col("entry_session") < CUT, pl.col("exit_session") > CUT).height > 0


def test_a_symbol_that_is_listed_later_moves_the_numbers_of_others(settings: Configuration) -> None:
    """Symbols and rows are numbered anew: one before all others by name, and sessions before the first."""
    saved = saved_at(prepared_until(settings, CUT), CUT)
    younger = bars_of("AAB", 40 + pl.arange(0, 40, eager=True).to_numpy() * 0.5, DAYS[260:300])
    whole = prepared_until(settings, END, pl.concat([BARS, younger]))
    running = RunningBacktest(whole, START, split="train", saved=saved)
    running.advance(END)
    assert_same_rows(running.result(), backtest(whole, START, END, split="train"))


def test_older_bars_of_a_symbol_that_is_not_traded_move_the_rows_of_sessions(settings: Configuration) -> None:
    """Sessions are numbered from the first bar of any symbol: ten more before it move all numbers."""
    late = BARS.filter(pl.col("session") >= DAYS[10])
    saved = saved_at(prepared_until(settings, CUT, late), CUT)
    whole = prepared_until(settings, END, BARS)
    running = RunningBacktest(whole, START, split="train", saved=saved)
    running.advance(END)
    assert running.result().equity["session"].to_list() == DAYS[80:300]
    again = running.save()
    assert [again.sessions[row] for row in again.run.fills["session"]] == running.result().fills["session"].to_list()
    first = running.result().decisions.filter(pl.col("session") <= CUT)
    assert first.equals(backtest(prepared_until(settings, CUT, late), START, CUT, split="train").decisions)


@pytest.mark.parametrize("name", STRATEGIES)
def test_target_weights_and_pairs_go_on(name: str) -> None:
    prepared, days = prepare_targets(name), weekdays(MANY)
    saved = None
    for last in (days[300], days[331], days[-1]):
        running = RunningBacktest(prepared, days[255], split="train", saved=saved)
        running.advance(last)
        saved = running.save()
    assert_same_rows(running.result(), backtest(prepared, days[255], days[-1], split="train"))


def test_a_symbol_that_is_gone_or_another_calendar_is_refused(settings: Configuration) -> None:
    saved = saved_at(prepared_until(settings, CUT), CUT)
    fewer = prepared_until(settings, END, BARS.filter(pl.col("symbol") != "BBB"))
    with pytest.raises(NotContinuableError, match="BBB is not among the symbols"):
        RunningBacktest(fewer, START, split="train", saved=saved)
    closed = prepared_until(settings, END, BARS.filter(pl.col("session") != DAYS[100]))
    with pytest.raises(NotContinuableError, match=f"the calendar has changed: {DAYS[100]}"):
        RunningBacktest(closed, START, split="train", saved=saved)


def test_a_slot_that_no_row_names_any_more_is_refused_only_if_it_is_held() -> None:
    prepared, days = prepare_targets("pairs"), weekdays(MANY)
    running = RunningBacktest(prepared, days[255], split="train")
    running.advance(days[330])
    saved = running.save()
    slot = next(place for place, busy in enumerate(saved.run.busy) if busy)
    other = replace(saved, slots=[("S00", "gone") if p == slot else each for p, each in enumerate(saved.slots)])
    with pytest.raises(NotContinuableError, match="S00 of gone is held or ordered"):
        RunningBacktest(prepared, days[255], split="train", saved=other)
    idle = next(place for place, busy in enumerate(saved.run.busy) if not busy)
    spare = replace(saved, slots=[("S00", "gone") if p == idle else each for p, each in enumerate(saved.slots)])
    again = RunningBacktest(prepared, days[255], split="train", saved=spare)
    again.advance(days[340])
    assert again.result().equity.height == 86
