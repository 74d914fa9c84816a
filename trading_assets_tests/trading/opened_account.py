"""An account of the strategy `breakout` on record, and what it published, by hand: equity, a sheet, a year of bets."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.robustness.tables import BANDS
from trading_assets.trading.divergence.betting import Floats
from trading_assets.trading.divergence.promise import Promise
from trading_assets.trading.divergence.session_statistics import statistics_of
from trading_assets.trading.divergence.tables import DIVERGENCE, SLIPPAGE
from trading_assets.trading.divergence.tracking import LiveCurve
from trading_assets.trading.opening import open_accounts
from trading_assets.trading.tables import EQUITY, ORDER_SHEETS
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.backtests.frames import loaded, weekdays
from trading_assets_tests.trading.test_order_sheet import sheet_of, waiting

STRATEGY, ACCOUNT, LABEL = "breakout", "breakout-1", "paper, verdict reject"
DAYS = weekdays(60)
NOW = dt.datetime(2017, 7, 1)


def put_on_record(configuration: Configuration, account: str = ACCOUNT, **where: str) -> None:
    """Open an account, as a person would whose strategy has a verdict."""
    said = {"session": DAYS[0].isoformat(), "capital": 1e5, "verdict": "reject", "plan_hash": "0", "by": "ops"}
    said |= {"mode": "paper", "broker": "simulated", "universe": {}}
    opening = {"action": "open", "account": account, **said, **where}
    Protocol.of(configuration).append("account", STRATEGY, opening, now=NOW)


def published(folder: Path, **where: str) -> tuple[Configuration, Warehouse]:
    """An account that has lost at the broker a little more than on paper each session, with two orders to come."""
    configuration = loaded(folder)
    put_on_record(configuration, **where)
    warehouse, opening = Warehouse(configuration.warehouse_path), open_accounts(configuration)[STRATEGY]
    random = np.random.default_rng(3)
    paper: Floats = np.asarray(1e5 * np.cumprod(1 + random.normal(0.0005, 0.01, len(DAYS))), np.float64)
    cost = np.abs(random.normal(0.0002, 0.0001, len(DAYS)))
    live: Floats = np.asarray(paper * np.cumprod(1 - cost), np.float64)
    equity = pl.DataFrame(
        {"session": DAYS, "equity": paper, "cash": paper / 2, "costs": 0.0, "gross_exposure": 0.5, "positions": 3}
    ).with_columns(
        strategy=pl.lit(STRATEGY),
        account=pl.lit(ACCOUNT),
        label=pl.lit(LABEL),
        replayed=pl.lit(value=False),
        drawdown=pl.col("equity") / pl.max_horizontal(pl.lit(1e5), pl.col("equity").cum_max()) - 1,
        daily_return=pl.lit(0.0),
        halted=pl.lit(value=False),
        replay_equity=pl.col("equity"),
    )
    same: dict[str, Any] = {"strategy": STRATEGY, "account": ACCOUNT, "session": DAYS[-1], "last_bar": DAYS[-1]}
    sheet = sheet_of(waiting(**same), waiting("BBB", **same, quantity=None))
    promise, none = Promise(0.025, 0.01, 252), SLIPPAGE.empty()
    told = statistics_of(opening, LiveCurve(DAYS, paper, live, 1e5), none, promise, EQUITY.conform(equity))
    bands = pl.DataFrame({"session": DAYS[:40], "low": 9e4, "middle": 1e5, "high": 1.1e5}).with_columns(
        strategy=pl.lit(STRATEGY), split=pl.lit("holdout")
    )
    tables = {EQUITY: equity, ORDER_SHEETS: sheet, DIVERGENCE: told, BANDS: bands}
    warehouse.replace(Rows("strategy", STRATEGY), {table: table.conform(rows) for table, rows in tables.items()})
    return configuration, warehouse
