"""An order in the words of Alpaca, or why it cannot be given there: said before anything is sent."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading_assets.trading.brokers.alpaca.names import NEW_YORK, Names, text_of
from trading_assets.trading.brokers.port import OrderRequest
from trading_assets.trading.brokers.steps import in_steps, whole_steps

#: Orders for the open are taken from 19:00 to 09:28 New York, says Alpaca.
_TAKEN_FROM, _TAKEN_UNTIL = dt.time(19, 0), dt.time(9, 28)
#: Types of orders for the opening auction of an exchange.
_MARKET_ON_OPEN, _LIMIT_ON_OPEN = "market_on_open", "limit_on_open"
#: Prices from one dollar on have cents, below it a hundredth of one: rule 612 of Regulation NMS.
_DOLLAR, _CENTS, _BELOW = 1.0, 2, 4
#: Step of a coin where Alpaca says none.
_FINEST = "0.000000001"


@dataclass(frozen=True)
class Clock:
    """Alpaca's time, UTC, and the session of its exchanges that opens next."""

    at: dt.datetime
    next_open: dt.date


def form_of(order: OrderRequest, names: Names, asset: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of an order.

    Parameters
    ----------
    order, names
        Order, and how Alpaca writes symbols.
    asset
        What Alpaca says of the symbol.
    """
    quantity = _quantity_of(order, names, asset)
    form = {
        "symbol": names.theirs(order.symbol),
        "qty": text_of(order.quantity if quantity is None else quantity),
        "side": order.side,
        "client_order_id": order.client_order_id,
    }
    if order.type == _MARKET_ON_OPEN:
        return {**form, "type": "market", "time_in_force": "opg"}
    limit = order.limit or 0.0
    tick = asset.get("price_increment")
    if tick:
        price = _on_tick(limit, float(tick), order.side)
    else:
        price = _on_tick(limit, 10.0 ** -(_CENTS if limit >= _DOLLAR else _BELOW), order.side)
    in_force = "opg" if order.type == _LIMIT_ON_OPEN else "ioc" if names.is_coin(order.symbol) else "day"
    return {**form, "type": "limit", "limit_price": text_of(price), "time_in_force": in_force}


def why_not(order: OrderRequest, names: Names, asset: Mapping[str, Any], currency: str, clock: Clock) -> str | None:
    """Return why an order cannot be given at Alpaca; None: nothing is known against it.

    Parameters
    ----------
    order, names
        Order, and how Alpaca writes symbols.
    asset
        What Alpaca says of the symbol; empty: it does not know it.
    currency
        Of the account.
    clock
        Alpaca's clock.
    """
    name = names.theirs(order.symbol)
    if not (math.isfinite(order.quantity) and order.quantity > 0):
        return f"a quantity of {order.quantity:g} is none"
    if not asset:
        return f"Alpaca does not know {name}; what it calls a symbol otherwise is said in trading.alpaca.symbols"
    if asset.get("status") != "active" or not asset.get("tradable"):
        return f"{name} is not traded at Alpaca now (status {asset.get('status')})"
    quoted_in = name.partition("/")[2] or "USD"
    if quoted_in != currency:
        return f"{name} is paid for in {quoted_in}, and the account is in {currency}"
    if order.type != _MARKET_ON_OPEN:
        why = _why_no_limit(order, names, asset)
        if why is not None or order.type != _LIMIT_ON_OPEN:
            return why
    if names.is_coin(order.symbol):
        return f"{name} has no open: a coin takes a limit"
    if in_steps(order.quantity, 1) is None:
        return f"{order.quantity:g} of {name}: Alpaca fills parts of a share in day orders alone, and not at the open"
    if clock.next_open != order.for_session:
        return f"the next open of Alpaca is that of {clock.next_open}, and the order is for that of {order.for_session}"
    then = clock.at.replace(tzinfo=dt.UTC).astimezone(NEW_YORK)
    if _TAKEN_UNTIL <= then.time() < _TAKEN_FROM:
        return (
            f"orders for the open are taken from 19:00 to 09:28 New York, where it is {then:%H:%M}: send it again then"
        )
    return None


def _why_no_limit(order: OrderRequest, names: Names, asset: Mapping[str, Any]) -> str | None:
    if order.limit is None or not (math.isfinite(order.limit) and order.limit > 0):
        return f"a limit of {order.limit} is none"
    name, quantity = names.theirs(order.symbol), _quantity_of(order, names, asset)
    least = Decimal(str(asset.get("min_order_size") or 0))
    if quantity is not None and (not quantity or quantity < least):
        return f"{order.quantity:g} of {name} is less than Alpaca takes: {least:f}"
    if quantity is None and names.is_coin(order.symbol):
        step = asset.get("min_trade_increment") or _FINEST
        return f"{order.quantity!r} is no multiple of {step}, the step in which Alpaca takes {name}"
    return None


def _quantity_of(order: OrderRequest, names: Names, asset: Mapping[str, Any]) -> Decimal | None:
    """Units in the steps in which Alpaca takes them; None: they are no whole steps.

    Fees in coins leave parts of a step behind: what is sold are the whole steps in what is there.
    """
    if not names.is_coin(order.symbol):
        return in_steps(order.quantity, 1)
    step = asset.get("min_trade_increment") or _FINEST
    return whole_steps(order.quantity, step) if order.side == "sell" else in_steps(order.quantity, step)


def _on_tick(limit: float, tick: float, side: str) -> float:
    """The next price on a tick that is no worse than a limit."""
    steps = limit / tick
    whole = math.floor(steps * (1.0 + 1e-12)) if side == "buy" else math.ceil(steps * (1.0 - 1e-12))
    return max(whole, 1) * tick
