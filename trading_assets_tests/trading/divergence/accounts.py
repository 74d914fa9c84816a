"""Fills by hand, of the engine and of a broker, for one account."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import client_order_id
from trading_assets.trading.tables import ENGINE_FILLS, FILLS
from trading_assets_tests.backtests.frames import weekdays

DAYS = weekdays(30)
OPENED = dt.datetime(2001, 8, 1)
OPENING = Opening("known", "known-1", DAYS[0], 1_000.0, "reject", "0" * 64, "ops", OPENED)
CONFIGURATION = "small"


def engine_fill(
    day: int, symbol: str = "AAA", side: str = "buy", quantity: float = 10.0, **said: Any
) -> dict[str, Any]:
    """A fill at an open of 10.00 that paid 10 bp, where the model expected 8 and scatters by 6."""
    sign = 1.0 if side == "buy" else -1.0
    row = {
        "strategy": OPENING.strategy,
        "account": OPENING.account,
        "label": OPENING.label,
        "fill_id": f"{symbol}-{day}-{side}",
        "order_id": f"order {symbol} {day} {side}",
        "session": DAYS[day],
        "symbol": symbol,
        "pair_id": None,
        "side": side,
        "quantity": quantity,
        "raw_price": 10.0,
        "price": 10.0 + sign * 0.01,
        "fee": 0.0,
        "modelled_slippage_bps": 8.0,
        "slippage_deviation_bps": 6.0,
        "reason": "breakout",
    }
    return row | said


def broker_fill(of: dict[str, Any], number: int = 1, **said: Any) -> dict[str, Any]:
    """The fill of a broker that does the same as the engine."""
    order = client_order_id(CONFIGURATION, OPENING.account, of["order_id"], of["session"])
    same = {name: of[name] for name in ("strategy", "account", "session", "symbol", "side", "quantity", "price", "fee")}
    own = {"broker_fill_id": f"{order}-{number}", "client_order_id": order, "recorded_at": OPENED}
    return {**same, **own, **said}


def engine_fills(*rows: dict[str, Any]) -> pl.DataFrame:
    return ENGINE_FILLS.conform(pl.DataFrame(list(rows), schema=ENGINE_FILLS.empty().schema))


def broker_fills(*rows: dict[str, Any]) -> pl.DataFrame:
    return FILLS.conform(pl.DataFrame(list(rows), schema=FILLS.empty().schema))
