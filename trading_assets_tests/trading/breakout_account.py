"""An account of the strategy `breakout` on bars of 300 weekdays."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.config import Configuration
from trading_assets.trading.account import (
    Continued,
    continue_account,
)
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import EQUITY
from trading_assets_tests.backtests.frames import frames, frames_of, prepare_strategy, weekdays

DAYS = weekdays(300)
START, END = DAYS[80], DAYS[299]
BARS = frames(300).bars
OPENING = Opening("breakout", "breakout-1", START, 50_000.0, "reject", "0" * 64, "ops", dt.datetime(2001, 8, 1))


def prepared_until(settings: Configuration, last: dt.date, bars: pl.DataFrame = BARS) -> PreparedBacktest:
    return prepare_strategy(settings, "breakout", frames_of(bars.filter(pl.col("session") <= last)))


def first_part(settings: Configuration, last: dt.date) -> Continued:
    return continue_account(OPENING, prepared_until(settings, last), None, EQUITY.empty())
