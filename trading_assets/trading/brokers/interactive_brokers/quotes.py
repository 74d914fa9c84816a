"""Quotes as TWS tells them, live or delayed, and when they were made."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping

from ib_async import Contract

from trading_assets.trading.brokers.interactive_brokers.line import Line, Told
from trading_assets.trading.brokers.port import BrokerQuote, BrokerUnavailableError

_BID, _ASK, _HALTED, _LAST_TIME = (1, 66), (2, 67), (49, 90), (45, 88)
_LIVE, _DELAYED = 1, 3
#: How far delayed quotes are behind.
DELAY = dt.timedelta(minutes=15)


async def quotes_of(line: Line, contracts: Mapping[str, Contract]) -> dict[str, BrokerQuote]:
    """Return the quotes of those that have one: a bid and an ask, and no halt.

    Parameters
    ----------
    line
        Connection.
    contracts
        What IB is asked for, by our symbol.
    """
    now, client = await line.time(), line.client
    line.send(client.reqMarketDataType, _DELAYED)  # live ones where they are subscribed to
    since = len(line.hearing.told)
    numbers = {symbol: client.getReqId() for symbol in contracts}
    for symbol, number in numbers.items():
        line.send(client.reqMktData, number, contracts[symbol], "", True, False, [])

    def are_over() -> bool | None:
        over = {said[0] for said in line.hearing.all("tickSnapshotEnd", since)}
        return all(number in over or line.errors_of(number) for number in numbers.values()) or None

    try:
        await line.until(are_over, "quotes")
    except BrokerUnavailableError:
        if not client.isConnected():
            raise  # else: a snapshot of what hardly trades has no end
    found = {}
    for symbol, number in numbers.items():
        quote = quote_of(symbol, number, line.hearing.told[since:], now)
        if quote is not None:
            found[symbol] = quote
    return found


def quote_of(symbol: str, number: int, told: list[tuple[str, Told]], now: dt.datetime) -> BrokerQuote | None:
    """Return the quote of a request; None without one.

    Parameters
    ----------
    symbol, number
        Our symbol, and the number of the request.
    told
        All messages since the request.
    now
        Time of IB, UTC: of live quotes. Delayed ones were made `DELAY` before it, frozen ones at the last trade.
    """
    bid = ask = math.nan
    kind, last, is_halted = _LIVE, None, False
    for name, said in told:
        if name not in ("priceSizeTick", "tickGeneric", "tickString", "marketDataType") or said[0] != number:
            continue
        if name == "marketDataType":
            kind = said[1]
        elif said[1] in _BID:
            bid = said[2]
        elif said[1] in _ASK:
            ask = said[2]
        elif said[1] in _HALTED:
            is_halted = said[2] > 0.0
        elif said[1] in _LAST_TIME and name == "tickString":
            last = dt.datetime.fromtimestamp(int(said[2]), dt.UTC)
    made = {_LIVE: now, _DELAYED: now - DELAY}.get(kind, last)
    if is_halted or made is None or not (0.0 < bid < math.inf and 0.0 < ask < math.inf):
        return None
    return BrokerQuote(symbol, bid, ask, made.replace(tzinfo=None))
