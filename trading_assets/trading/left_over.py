"""What a broker still holds of what an account has left: sold with the next sheet.

An exit that was late, cut, rejected or held back leaves units at the broker that the engine holds no more: no exit of
the engine comes for them again. The next sheet has an order for them, like any exit sent once under an id of its own.
What a person bought at the broker's desk is not ours to sell, and what a person sold there is not sold again.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from trading_assets.trading.broker_books import Leg
from trading_assets.trading.brokers.port import Broker, BrokerOrder, UnknownOrderError
from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import LEFT_OVER, client_order_id, exit_line
from trading_assets.trading.submission import INTENDED
from trading_assets.trading.tables import ORDER_SHEETS, SUBMISSIONS
from trading_assets.warehouse import Rows, Warehouse

#: Units below which a part of a coin is dust, as a share of what its last order was for: fees leave some.
_DUST = 0.005
_NOTHING = 1e-9


def legs_left(ours: Mapping[Leg, float], there: Mapping[Leg, float], engine: Mapping[Leg, float]) -> dict[Leg, float]:
    """Return the signed units of each leg that a broker holds and the engine does not hold any more.

    Parameters
    ----------
    ours
        Units by the broker's fills of our own orders.
    there
        Units that an order can leave: by all fills, and of a real broker no more than it says.
    engine
        Units that the engine holds of what was sent.

    Examples
    --------
    BBB is held by the engine, and of AAA somebody has sold 4 of 10 at the desk.

    >>> legs_left({("AAA", None): 10.0, ("BBB", None): 5.0}, {("AAA", None): 6.0}, {("BBB", None): 5.0})
    {('AAA', None): 6.0}
    """
    found = {}
    for leg in sorted(ours, key=lambda each: (each[0], each[1] or "")):
        units, now = ours[leg], there.get(leg, 0.0)
        if abs(engine.get(leg, 0.0)) <= _NOTHING and units * now > 0.0:
            found[leg] = min(units, now, key=abs)
    return found


def left_over_lines(
    configuration: str, pending: pl.DataFrame, left: Mapping[Leg, float], last: dt.date, closes: Mapping[str, float]
) -> pl.DataFrame:
    """Return the rows of `trading.order_sheets` that sell, or buy back, what is left over.

    Parameters
    ----------
    configuration
        Name of the configuration: a part of the ids.
    pending
        Rows of `trading.pending_orders` of the account: the last order of each leg says what is left over of it.
    left
        What `legs_left` returns.
    last, closes
        Session that has closed, and the last close of each symbol.
    """
    lines = []
    exits_last = pending.filter(pl.col("session") < last).sort("session", "order_id").to_dicts()
    of_leg: dict[Leg, dict[str, Any]] = {}
    for row in exits_last:
        leg = (row["symbol"], row["pair_id"])
        if not row["entry"] or leg not in of_leg:
            of_leg[leg] = row
    for leg, units in left.items():
        if leg not in of_leg:
            continue
        row, quantity = of_leg[leg], abs(units)
        is_whole = abs(quantity - round(quantity)) <= _NOTHING * quantity
        if not is_whole and row["quantity"] and quantity < _DUST * row["quantity"]:
            continue
        lines.append(
            exit_line(
                configuration,
                row
                | {
                    "session": last,
                    "order_id": f"{row['order_id']}-rest",
                    "side": "sell" if units > 0 else "buy",
                    "quantity": quantity,
                    "reason": LEFT_OVER,
                    "close": closes.get(leg[0]),
                    "detail": json.dumps({"left_over_of": row["order_id"]}),
                },
            )
        )
    return ORDER_SHEETS.conform(pl.DataFrame(lines, schema=ORDER_SHEETS.empty().schema)).sort(ORDER_SHEETS.key)


def take_back(
    warehouse: Warehouse, broker: Broker, opening: Opening, symbols: Sequence[str], last: dt.date
) -> set[str]:
    """Take back orders of sessions that are over and that a broker may still fill; return symbols that have some left.

    So nothing is sold twice: by an order that comes late, and by the one for what is left over.

    Parameters
    ----------
    warehouse, broker, opening
        Where what was sent is written down, the broker, and the account.
    symbols, last
        Symbols with something left over, and the session that has closed.
    """
    sent = warehouse.read_or_empty(SUBMISSIONS, rows=Rows("strategy", opening.strategy))
    sent = sent.filter(pl.col("for_session") <= last, account=opening.account, event=INTENDED)
    sent = sent.filter(pl.col("symbol").is_in(list(symbols)))
    known, waiting = {each.client_order_id: each for each in broker.orders()}, set[str]()
    for name, symbol in sent.sort("client_order_id").select("client_order_id", "symbol").iter_rows():
        if name in known and not known[name].is_final and not _taken_back(broker, known[name]).is_final:
            waiting.add(symbol)
    return waiting


def sent_left_over(
    configuration: str, opening: Opening, sheets: pl.DataFrame, warehouse: Warehouse, for_session: dt.date
) -> pl.DataFrame:
    """Return the lines of sheets for what was left over that were sent for a session, each once.

    Parameters
    ----------
    configuration, opening
        Name of the configuration, and the account.
    sheets, warehouse
        Rows of `trading.order_sheets` of the account; and where what was sent is written down.
    for_session
        Session.
    """
    lines = sheets.filter(reason=LEFT_OVER, for_session=for_session)
    if lines.is_empty():
        return lines
    rows = Rows("strategy", opening.strategy)
    sent = warehouse.read_or_empty(SUBMISSIONS, rows=rows).filter(account=opening.account, event=INTENDED)
    lines = lines.filter(pl.col("client_order_id").is_in(sent["client_order_id"].implode()))
    own = [
        client_order_id(configuration, opening.account, order, for_session) == name
        for order, name in lines.select("order_id", "client_order_id").iter_rows()
    ]
    return lines.filter(pl.Series(own, dtype=pl.Boolean)).sort("session").unique("client_order_id", keep="last")


def _taken_back(broker: Broker, order: BrokerOrder) -> BrokerOrder:
    try:
        return broker.cancel(order.client_order_id)
    except UnknownOrderError:
        return order
