"""Brokers of the tests, which ask a small TWS on this machine, and what they order."""

from __future__ import annotations

import datetime as dt
from typing import Any

from trading_assets.config.interactive_brokers import InteractiveBrokersSettings
from trading_assets.trading.brokers.interactive_brokers.broker import InteractiveBrokersBroker
from trading_assets.trading.brokers.port import OrderRequest
from trading_assets_tests.trading.brokers.interactive_brokers.tws import Tws

TUESDAY = dt.date(2026, 12, 1)


def asking(tws: Tws, *, live_account: str = "", skew: float = 0.0, **keys: Any) -> InteractiveBrokersBroker:
    """Return a broker that asks a TWS; its clock is so many seconds ahead."""
    wanted = {"port": tws.port, "timeout_seconds": 3.0, "coins": {"BTC/USD": "BTC"}} | keys
    settings = InteractiveBrokersSettings.model_validate(wanted)
    return InteractiveBrokersBroker(settings, live_account, now=lambda: tws.now + dt.timedelta(seconds=skew))


def at_open(name: str = "one", symbol: str = "AAPL", side: str = "buy", quantity: float = 10.0) -> OrderRequest:
    """Return an order for the open of Tuesday."""
    return OrderRequest(name, TUESDAY, symbol, side, quantity, "market_on_open")


def limit(name: str = "coin", side: str = "buy", quantity: float = 0.5, price: float | None = 90_000.0) -> OrderRequest:
    """Return an order for a coin."""
    return OrderRequest(name, TUESDAY, "BTC/USD", side, quantity, "marketable_limit", price)
