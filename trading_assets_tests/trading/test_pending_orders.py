"""Orders that wait at a close, against what the engine fills at the next open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.running_backtest import RunningBacktest
from trading_assets.config import Configuration
from trading_assets.market_data import calendars
from trading_assets.trading.account import (
    continue_account,
)
from trading_assets.trading.pending_orders import Close, _bars_of, pending_orders
from trading_assets.trading.tables import ENGINE_FILLS, EQUITY, PENDING_ORDERS
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.backtests.test_target_strategies import prepare_strategy as prepare_targets
from trading_assets_tests.trading.breakout_account import BARS, DAYS, END, OPENING, first_part, prepared_until


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return loaded(tmp_path_factory.mktemp("small"))


def test_what_waits_at_a_close_fills_at_the_next_open(settings: Configuration) -> None:
    """Every fill is of an order that waited the evening before; entries of whole size, with their expected cost."""
    rows = first_part(settings, END).rows
    waiting, fills = rows[PENDING_ORDERS], rows[ENGINE_FILLS]
    evening = dict(zip(DAYS[1:], DAYS[:-1], strict=True))
    before = fills.with_columns(session=pl.col("session").replace_strict(evening, return_dtype=pl.Date))
    joined = before.join(waiting, on=["session", "order_id"], how="left", suffix="_asked")
    assert joined["decision_id"].null_count() == 0
    assert (joined["side"] == joined["side_asked"]).all()
    assert joined.filter(pl.col("quantity") > pl.col("quantity_asked")).is_empty()
    entry = waiting.filter("entry").row(0, named=True)
    notional = entry["quantity"] * entry["close"]
    assert entry["expected_cost"] == pytest.approx(notional * (entry["expected_slippage_bps"] + 1.0) / 1e4)
    assert entry["stop_price"] < entry["close"]
    assert (entry["calendar"], entry["asset_class"], entry["last_bar"]) == ("XNYS", "equity", entry["session"])


@pytest.mark.slow
def test_a_liquidation_waits_by_its_slices(tmp_path: Path) -> None:
    """Volume halves every fifty sessions, and a loss of 1 % is the limit: what waits is what the engine sells."""
    risk = {"drawdown_limit": 0.01, "daily_loss_limit": 0.5, "risk_per_trade": 0.02}
    volume = 4e4 * 0.5 ** ((pl.col("session").rank("dense").cast(pl.Float64) - 80).clip(0) / 50)
    of_exchange = calendars.sessions("XNYS", DAYS[0], END)
    bars = BARS.filter(pl.col("session").is_in(of_exchange.implode()))
    bars = bars.with_columns(volume=volume, dollar_volume=pl.col("close") * volume)
    prepared = prepared_until(loaded(tmp_path, risk=risk), END, bars)
    rows = continue_account(OPENING, prepared, None, EQUITY.empty()).rows
    waiting = rows[PENDING_ORDERS].filter(reason="drawdown_halt").sort("symbol", "session")
    sold = rows[ENGINE_FILLS].filter(reason="drawdown_halt").sort("symbol", "session")
    assert waiting["quantity"].to_list() == sold["quantity"].to_list()
    assert waiting["order_id"].n_unique() < waiting.height


def test_the_close_before_is_in_units_of_the_last_one(settings: Configuration) -> None:
    """A dividend of 1 and a split of 2 for 1 at the last session: a close of 50 becomes 24.5."""
    entry = first_part(settings, END).rows[PENDING_ORDERS].filter("entry").row(0, named=True)
    at = (pl.col("symbol") == entry["symbol"]) & (pl.col("session") == entry["session"])
    acted = {"split_ratio": 2.0, "cash_dividend": 1.0}
    bars = BARS.with_columns(pl.when(at).then(value).otherwise(name).alias(name) for name, value in acted.items())
    prepared = prepared_until(settings, END, bars)
    asked = pl.DataFrame({"session": [entry["session"]], "column": [prepared.axes.symbols.index(entry["symbol"])]})
    found = _bars_of(prepared, asked).row(0, named=True)
    assert found["previous_close"] == pytest.approx((entry["previous_close"] - 1.0) / 2.0)


def test_what_waited_at_a_close_does_not_follow_from_what_came_later() -> None:
    """Opens lie 30 % from the closes before: what a weight asks to buy may be sold at the open, and nobody knew."""
    prepared = prepare_targets("ensemble")
    gaps = np.exp(0.3 * np.random.default_rng(1).standard_normal(prepared.market.open.shape))
    prepared = replace(prepared, market=prepared.market._replace(open=prepared.market.open * gaps))
    days = prepared.axes.sessions[-60:]
    running, closes, evenings = RunningBacktest(prepared, days[0], split="1"), [], []
    for day in days:
        running.advance(day)
        found = running.simulation()
        closes.append(Close(day, found.positions_at_end, found.orders_at_end, running.is_halted))
        evenings.append(pending_orders(prepared, running.result(), closes[-1:]))
    afterwards = pending_orders(prepared, running.result(), closes)
    fills = running.result().fills.join(afterwards, on="order_id", how="inner", suffix="_asked")
    assert (fills["side"] != fills["side_asked"]).any()
    assert afterwards.equals(pl.concat(evenings))
