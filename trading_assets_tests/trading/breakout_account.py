"""An account of the strategy `breakout` on bars of 300 weekdays."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.config import Configuration
from trading_assets.market_data import calendars
from trading_assets.trading.account import (
    Continued,
    continue_account,
)
from trading_assets.trading.opening import Opening
from trading_assets.trading.settlement import Settling
from trading_assets.trading.tables import ENGINE_FILLS, EQUITY, ORDER_SHEETS, PENDING_ORDERS
from trading_assets_tests.backtests.frames import frames, frames_of, loaded, prepare_strategy, weekdays

DAYS = weekdays(300)
START, END = DAYS[80], DAYS[299]
BARS = frames(300).bars
OPENING = Opening("breakout", "breakout-1", START, 50_000.0, "reject", "0" * 64, "ops", dt.datetime(2001, 8, 1))


def prepared_until(settings: Configuration, last: dt.date, bars: pl.DataFrame = BARS) -> PreparedBacktest:
    return prepare_strategy(settings, "breakout", frames_of(bars.filter(pl.col("session") <= last)))


def first_part(settings: Configuration, last: dt.date) -> Continued:
    return continue_account(OPENING, prepared_until(settings, last), None, EQUITY.empty())


def whole_account(folder: Path) -> tuple[Settling, pl.DataFrame]:
    """The account over all of its sessions, as it is settled, and its rows of `trading.equity`."""
    settings = loaded(folder)
    days = calendars.sessions("XNYS", weekdays(1)[0], END)  # of all weekdays those that are sessions
    bars = BARS.filter(pl.col("session").is_in(days.implode()))
    rows = continue_account(OPENING, prepared_until(settings, END, bars), None, EQUITY.empty()).rows
    account = Settling(
        configuration="small",
        risk=settings.risk,
        opening=OPENING,
        sessions=rows[EQUITY].sort("session")["session"].to_list(),
        pending=rows[PENDING_ORDERS],
        sheets=ORDER_SHEETS.empty(),
        engine_fills=rows[ENGINE_FILLS],
        splits=BARS.select("symbol", "session", "split_ratio").clear(),
        verdict_stands=True,
        differs=False,
    )
    return account, rows[EQUITY]
