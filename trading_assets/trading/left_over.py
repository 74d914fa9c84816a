"""What a broker still holds of what an account has left: sold with the next sheet.

An exit that was late, cut, rejected or held back leaves units at the broker that the engine holds no more: no exit of
the engine comes for them again. The next sheet has an order for them, like any exit sent once under an id of its own.
What a person bought at the broker's desk is not ours to sell, and what a person sold there is not sold again.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl

from trading_assets.trading.broker_books import Leg
from trading_assets.trading.brokers.port import ACCEPTED, FILLED, Broker, BrokerUnavailableError
from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import LEFT_OVER, exit_line
from trading_assets.trading.submission import INTENDED
from trading_assets.trading.tables import FILLS, ORDER_SHEETS, SUBMISSIONS
from trading_assets.trading.taking_back import CANCEL, note_taken_back, take_order_back
from trading_assets.warehouse import Rows, Warehouse

#: Units below which a part of a coin is dust, as a share of what its last order was for: fees leave some.
_DUST = 0.005
_NOTHING = 1e-9
#: What the id of an order is for the rest of an order of the engine ends in.
_REST = "-rest"
#: Why an order is taken back here.
_WHY = "its session is over, and what is left over of its symbol is sold"
#: Days after a close in which the session is that an order of it is for.
_WAITS = dt.timedelta(days=14)
#: Kinds of differences that say that other units are at the broker.
_OF_UNITS = ("missed", "rejected", "partial", "excess", "units")


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
    configuration: str,
    pending: pl.DataFrame,
    left: Mapping[Leg, float],
    last: dt.date,
    closes: Mapping[str, float],
    *,
    marketable: float | None = None,
) -> pl.DataFrame:
    """Return the rows of `trading.order_sheets` that sell, or buy back, what is left over.

    Parameters
    ----------
    configuration
        Name of the configuration: a part of the ids.
    pending
        Rows of `trading.pending_orders` of the account: the last order of each leg says what is left over of it. A leg
        that the engine leaves at this close is left by its own order, which is of all that is there.
    left
        What `legs_left` returns.
    last, closes
        Session that has closed, and the last close of each symbol.
    marketable
        `trading.marketable`: how far limits lie; None: as shipped.
    """
    lines = []
    exits_last = pending.filter(pl.col("session") < last).sort("session", "order_id").to_dicts()
    of_leg: dict[Leg, dict[str, Any]] = {}
    for row in exits_last:
        leg = (row["symbol"], row["pair_id"])
        if not row["entry"] or leg not in of_leg:
            of_leg[leg] = row
    leaving = set(pending.filter(session=last, entry=False).select("symbol", "pair_id").iter_rows())
    for leg, units in left.items():
        if leg not in of_leg or leg in leaving:
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
                    "order_id": f"{row['order_id']}{_REST}",
                    "side": "sell" if units > 0 else "buy",
                    "quantity": quantity,
                    "reason": LEFT_OVER,
                    "close": closes.get(leg[0]),
                    "detail": json.dumps({"left_over_of": row["order_id"]}),
                },
                marketable=marketable,
            )
        )
    return ORDER_SHEETS.conform(pl.DataFrame(lines, schema=ORDER_SHEETS.empty().schema)).sort(ORDER_SHEETS.key)


def take_back(
    warehouse: Warehouse, broker: Broker, opening: Opening, symbols: Sequence[str], last: dt.date, now: dt.datetime
) -> set[str]:
    """Take back orders of sessions that are over and that a broker may still fill; return symbols that have some left.

    So nothing is sold twice: by an order that comes late, and by the one for what is left over.

    Parameters
    ----------
    warehouse, broker, opening
        Where what was sent is written down, the broker, and the account.
    symbols, last
        Symbols with something left over, and the session that has closed.
    now
        Time of the records, UTC.
    """
    said = warehouse.read_or_empty(SUBMISSIONS, rows=Rows("strategy", opening.strategy))
    said = said.filter(pl.col("for_session") <= last, pl.col("symbol").is_in(list(symbols)), account=opening.account)
    accepted = {*said.filter(event=ACCEPTED)["client_order_id"]}
    try:
        known, waiting = {each.client_order_id: each for each in broker.orders()}, set[str]()
    except BrokerUnavailableError:
        return {*symbols}
    filled, asked_back = _filled(warehouse, opening), {*said.filter(event=CANCEL)["client_order_id"]}
    for row in said.filter(event=INTENDED).sort("client_order_id").iter_rows(named=True):
        name = row["client_order_id"]
        if name in known:
            is_open = not known[name].is_final
            if known[name].status == FILLED and name not in filled:
                waiting.add(row["symbol"])  # its fills are still to be told
            if name in asked_back:  # whoever asked may have been killed before it was written down
                note_taken_back(warehouse, row, known[name], _WHY, now)
        else:  # its list may be behind what it has heard: for an evening, as some brokers forget what is done
            is_open = name in accepted and row["for_session"] == last and filled.get(name, 0.0) < row["quantity"]
        if is_open:
            found = take_order_back(warehouse, broker, row, _WHY, now)
            if found is None or not found.is_final:
                waiting.add(row["symbol"])
    return waiting


def sent_left_over(
    configuration: str,
    opening: Opening,
    pending: pl.DataFrame,
    warehouse: Warehouse,
    evenings: Sequence[dt.date],
    *,
    known: Collection[str] = frozenset(),
    closes: Mapping[str, float] | None = None,
    marketable: float | None = None,
) -> pl.DataFrame:
    """Return the lines for what was left over that were sent after some closes, each once, by what is on record.

    A sheet that is made again after its open finds nothing left, and one whose run was killed was never written: what
    was sent is known by its id, which says of which order of the engine it is the rest.

    Parameters
    ----------
    configuration, opening
        Name of the configuration, and the account.
    pending, warehouse
        Rows of `trading.pending_orders` of the account; and where what was sent is written down.
    evenings
        Sessions after whose close it was sent, ascending.
    known
        Ids of orders of the engine: none of them is of what was left over.
    closes, marketable
        As `left_over_lines` takes them.
    """
    rows = Rows("strategy", opening.strategy)
    sent = warehouse.read_or_empty(SUBMISSIONS, rows=rows).filter(account=opening.account, event=INTENDED)
    sent = sent.filter(~pl.col("client_order_id").is_in(list(known))).sort("client_order_id")
    found = [ORDER_SHEETS.empty()]
    for last in evenings:
        of_close = sent.filter(pl.col("for_session") > last, pl.col("for_session") <= last + _WAITS)
        for row in of_close.iter_rows(named=True):
            units = row["quantity"] if row["side"] == "sell" else -row["quantity"]
            leg = (row["symbol"], row["pair_id"])
            of_leg = pending.filter(pl.col("symbol") == row["symbol"])
            line = left_over_lines(configuration, of_leg, {leg: units}, last, closes or {}, marketable=marketable)
            found.append(line.filter(client_order_id=row["client_order_id"], for_session=row["for_session"]))
    return pl.concat(found).unique("client_order_id", keep="last", maintain_order=True)


def not_accepted_legs(left: Mapping[Leg, float], pending: pl.DataFrame, accepted: pl.DataFrame) -> dict[Leg, float]:
    """Return what is left over without the symbols of which somebody has accepted a difference since their last entry.

    Parameters
    ----------
    left, pending
        As `left_over_lines` takes them.
    accepted
        Rows of `trading.differences` of the account that somebody has accepted: who accepts that the broker is apart
        from the account sells by hand, or keeps it.
    """
    said = accepted.filter(pl.col("kind").is_in(_OF_UNITS)).group_by("symbol").agg(pl.col("session").max())
    entered = pending.filter("entry").group_by("symbol").agg(pl.col("session").max())
    since, entries = dict(said.iter_rows()), dict(entered.iter_rows())
    apart = {symbol for symbol, day in since.items() if day > entries.get(symbol, dt.date.min)}
    return {leg: units for leg, units in left.items() if leg[0] not in apart}


def expected_of_left_over(
    rest: pl.DataFrame, opens: Mapping[tuple[str, dt.date], float], engine_fills: pl.DataFrame, *, is_simulated: bool
) -> dict[str, tuple[float, float]]:
    """Return price and fee of a unit that are expected of sales of what was left over, by client order id.

    The open, with the slippage and the fee that the engine had for its own exit. A simulated broker fills at the open,
    without a fee. What has no open is not there.

    Parameters
    ----------
    rest, opens
        Lines for what was left over, and opens by symbol and session.
    engine_fills
        Rows of `trading.engine_fills` of the account.
    is_simulated
        Whether the broker is.
    """
    found = {}
    columns = ("client_order_id", "symbol", "for_session", "order_id", "side")
    for name, symbol, session, order, side in rest.select(columns).iter_rows():
        price = opens.get((symbol, session))
        if price is None:
            continue
        booked = engine_fills.filter(order_id=order.removesuffix(_REST)).tail(1).to_dicts()
        if is_simulated or not booked:
            found[name] = (price, 0.0)
            continue
        [fill] = booked
        toward = (fill["modelled_slippage_bps"] or 0.0) / (1e4 if side == "buy" else -1e4)
        rate = fill["fee"] / (fill["quantity"] * fill["price"]) if fill["quantity"] * fill["price"] else 0.0
        found[name] = (price * (1.0 + toward), price * rate)
    return found


def _filled(warehouse: Warehouse, opening: Opening) -> dict[str, float]:
    """Units of each order by fills on record."""
    told = warehouse.read_or_empty(FILLS, rows=Rows("strategy", opening.strategy)).filter(account=opening.account)
    return dict(told.group_by("client_order_id").agg(pl.col("quantity").sum()).drop_nulls().iter_rows())
