"""An order as IB takes it, and what it would not take, in words, before anything is sent."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

from ib_async import ContractDetails, Order

from trading_assets.config.interactive_brokers import InteractiveBrokersSettings
from trading_assets.trading.brokers.interactive_brokers.contracts import next_open, to_tick
from trading_assets.trading.brokers.interactive_brokers.line import KEYS
from trading_assets.trading.brokers.port import OrderRequest
from trading_assets.trading.brokers.steps import in_steps

_MARKET_ON_OPEN, _LIMIT_ON_OPEN = "market_on_open", "limit_on_open"
#: Types of orders for the opening auction of an exchange.
AT_OPEN = (_MARKET_ON_OPEN, _LIMIT_ON_OPEN)
#: IB writes the largest float for what it does not say.
_UNSAID = 1e300
#: Step where IB says none: finer than any in which a coin is traded.
_FINEST = "0.000000000001"


def unfit(
    order: OrderRequest, details: ContractDetails, now: dt.datetime, settings: InteractiveBrokersSettings
) -> str | None:
    """Return why IB would not do what an order means; None: it would.

    Parameters
    ----------
    order, details
        Order, and what IB says of its security.
    now
        Time of IB, UTC.
    settings
        Section of the configuration.
    """
    is_coin = order.symbol in settings.coins
    if not 0.0 < order.quantity < math.inf:
        return f"a quantity of {order.quantity:g}"
    if order.type != _MARKET_ON_OPEN and (order.limit is None or not 0.0 < order.limit < math.inf):
        return "a limit order without a limit"
    if order.type in AT_OPEN:
        return _unfit_at_open(order, details, now, is_coin=is_coin)
    if not is_coin:
        return f"{order.symbol} is no coin in {KEYS}.coins: limit orders are sent for coins alone"
    quantity = _quantity_of(order, details)
    if details.minSize and details.minSize < _UNSAID and (quantity or order.quantity) < Decimal(str(details.minSize)):
        return f"{order.quantity:g} is less than IB takes of {order.symbol}: {details.minSize:g}"
    if quantity is None:
        return (
            f"{order.quantity!r} is no multiple of {details.sizeIncrement:g}, the step in which IB takes {order.symbol}"
        )
    return None


def made_of(order: OrderRequest, details: ContractDetails, account: str) -> Order:
    """Return an order as IB takes it.

    Parameters
    ----------
    order, details, account
        What is meant, what IB says of the security, and the account that it is for. An order for the open is for the
        opening auction; a limit elsewhere takes what is there at once and leaves nothing behind.
    """
    made = Order(
        action=order.side.upper(),
        totalQuantity=_quantity_of(order, details) or Decimal(str(order.quantity)),  # type: ignore[arg-type]
        orderType="MKT" if order.type == _MARKET_ON_OPEN else "LMT",
        tif="OPG" if order.type in AT_OPEN else "IOC",
        account=account,
        orderRef=order.client_order_id,
    )
    if order.type != _MARKET_ON_OPEN and order.limit is not None:
        made.lmtPrice = to_tick(order.limit, details.minTick, order.side)
    return made


def _quantity_of(order: OrderRequest, details: ContractDetails) -> Decimal | None:
    """Units in the steps in which IB takes them; None: they are no whole steps."""
    step = details.sizeIncrement
    return in_steps(order.quantity, 1 if order.type in AT_OPEN else step if 0.0 < step < _UNSAID else _FINEST)


def _unfit_at_open(order: OrderRequest, details: ContractDetails, now: dt.datetime, *, is_coin: bool) -> str | None:
    if is_coin:
        return f"{order.symbol} is a coin, whose market has no open"
    if in_steps(order.quantity, 1) is None:
        return f"{order.quantity:g} shares: fractions of a share are not taken by the API (10243)"
    coming = next_open(details, now)
    if coming is None:
        return f"IB does not tell when {order.symbol} opens next"
    if coming.session != order.for_session:
        return f"the market is closed for {order.for_session}: {order.symbol} opens next on {coming.session}"
    return None
