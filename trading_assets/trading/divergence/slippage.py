"""What fills of a broker paid beside what the model expected, by order and by session."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from trading_assets.trading.divergence.betting import Floats
from trading_assets.trading.divergence.tables import SLIPPAGE
from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import client_order_id

#: Id of an order, session of its fills, symbol, side.
_Order = tuple[str, dt.date, str, str]


def slippage_of_fills(
    configuration: str, opening: Opening, broker_fills: pl.DataFrame, engine_fills: pl.DataFrame
) -> pl.DataFrame:
    """Return what the fills of each order cost in the session that the engine filled it in, too.

    What comes in another session, or where the engine booked nothing, has no open that it is held to: reconciliation
    names it.

    Parameters
    ----------
    configuration, opening
        Name of the configuration, and the account.
    broker_fills, engine_fills
        Rows of `trading.fills` and of `trading.engine_fills` of the account.

    Returns
    -------
    polars.DataFrame
        Rows of `trading.slippage`.
    """
    of_engine = _by_order(
        (
            (client_order_id(configuration, opening.account, order, session), session, symbol, side),
            (quantity, raw, modelled, deviation),
        )
        for order, session, symbol, side, quantity, raw, modelled, deviation in engine_fills.drop_nulls(
            ["order_id", "modelled_slippage_bps", "slippage_deviation_bps"]
        )
        .sort("fill_id")
        .select(
            "order_id",
            "session",
            "symbol",
            "side",
            "quantity",
            "raw_price",
            "modelled_slippage_bps",
            "slippage_deviation_bps",
        )
        .iter_rows()
    )
    of_broker = _by_order(
        ((order, session, symbol, side), (quantity, price))
        for order, session, symbol, side, quantity, price in broker_fills.drop_nulls(["client_order_id"])
        .sort("broker_fill_id")
        .select("client_order_id", "session", "symbol", "side", "quantity", "price")
        .iter_rows()
    )
    rows = []
    for key in sorted(of_engine.keys() & of_broker.keys()):
        (_, raw, modelled, deviation), (quantity, price) = of_engine[key], of_broker[key]
        if not (raw > 0.0 and deviation > 0.0):
            continue
        order, session, symbol, side = key
        paid = paid_bps(raw, price, side)
        rows.append(
            {
                "strategy": opening.strategy,
                "account": opening.account,
                "label": opening.label,
                "session": session,
                "client_order_id": order,
                "symbol": symbol,
                "side": side,
                "quantity": quantity,
                "raw_price": raw,
                "price": price,
                "paid_bps": paid,
                "modelled_bps": modelled,
                "deviation_bps": deviation,
                "excess": (paid - modelled) / deviation,
            }
        )
    return SLIPPAGE.conform(pl.DataFrame(rows, schema=SLIPPAGE.empty().schema)).sort(SLIPPAGE.key)


def paid_bps(raw_price: float, price: float, side: str) -> float:
    """Return what a price costs against the raw one, in basis points: above 0 where it is worse for the trader.

    Parameters
    ----------
    raw_price, price, side
        The open, the price of the fill, and `buy` or `sell`.

    Examples
    --------
    >>> round(paid_bps(100.0, 100.1, "buy"), 6), round(paid_bps(100.0, 100.1, "sell"), 6)
    (10.0, -10.0)
    """
    worse = price - raw_price if side == "buy" else raw_price - price
    return 1e4 * worse / raw_price


def excess_by_session(slippage: pl.DataFrame, sessions: Sequence[dt.date]) -> list[Floats]:
    """Return the excess of the fills of each session, by the ids of their orders; none without a fill.

    Parameters
    ----------
    slippage
        Rows of `trading.slippage` of one account.
    sessions
        Sessions, ascending.

    Returns
    -------
    list of numpy.ndarray
        (fills,) of each session.
    """
    by_day = defaultdict[dt.date, list[float]](list)
    for day, value in slippage.sort("session", "client_order_id").select("session", "excess").iter_rows():
        by_day[day].append(value)
    return [np.array(by_day.get(day, []), np.float64) for day in sessions]


def _by_order(parts: Iterable[tuple[_Order, tuple[float, ...]]]) -> dict[_Order, tuple[float, ...]]:
    """The quantity of all fills of an order, and the means of what else is said of them by their quantities."""
    found = defaultdict[_Order, list[tuple[float, ...]]](list)
    for key, said in parts:
        if said[0] > 0.0:
            found[key].append(said)
    together = {}
    for key, fills in found.items():
        total = math.fsum(quantity for quantity, *_ in fills)
        columns = zip(*(values for _, *values in fills), strict=True)
        means = [
            math.fsum(q * value for (q, *_), value in zip(fills, column, strict=True)) / total for column in columns
        ]
        together[key] = (total, *means)
    return together
