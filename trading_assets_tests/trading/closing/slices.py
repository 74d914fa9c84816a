"""An account whose positions take several sessions to leave: ever less is traded of its symbols."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.market_data import calendars
from trading_assets.trading.account import Continued, continue_account
from trading_assets.trading.closing.record import Closing
from trading_assets.trading.tables import EQUITY
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.trading.breakout_account import BARS, DAYS, END, OPENING, prepared_until

NOW = dt.datetime(2002, 3, 1)


def thin_market(folder: Path) -> PreparedBacktest:
    """The market of `breakout` on sessions of New York; its volume halves every forty sessions."""
    settings = loaded(folder, risk={"risk_per_trade": 0.02})
    of_exchange = calendars.sessions("XNYS", DAYS[0], END)
    volume = 2e5 * 0.5 ** ((pl.col("session").rank("dense").cast(pl.Float64) - 80).clip(0) / 40)
    bars = BARS.filter(pl.col("session").is_in(of_exchange.implode()))
    return prepared_until(settings, END, bars.with_columns(volume=volume, dollar_volume=pl.col("close") * volume))


def sessions_of(market: PreparedBacktest) -> list[dt.date]:
    return [day for day in market.axes.sessions if day >= OPENING.session]


def closing_of_market(market: PreparedBacktest) -> Closing:
    """It acts at the last close of those at which the most is held, with sessions enough to leave."""
    rows = continue_account(OPENING, market, None, EQUITY.empty()).rows
    held = rows[EQUITY].filter(pl.col("session") < sessions_of(market)[-60]).sort("positions", "session")
    assert held["positions"].to_list()[-1] > 1
    return Closing("breakout-1", 9, held["session"].to_list()[-1], "ops", "over", NOW)


def left_by(market: PreparedBacktest, closing: Closing) -> Continued:
    return continue_account(OPENING, market, None, EQUITY.empty(), closing)
