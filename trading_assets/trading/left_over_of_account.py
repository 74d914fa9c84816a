"""What is left over at the broker of an account, as its steps ask for it: from warehouse, record and broker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.market_data.tables import BARS
from trading_assets.trading.broker_books import Leg, books_on_record, own_books_on_record
from trading_assets.trading.brokers.account_at_broker import held_there
from trading_assets.trading.brokers.port import Broker
from trading_assets.trading.left_over import left_over_lines, legs_left, take_back
from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import LEFT_OVER
from trading_assets.trading.submission import collect_fills
from trading_assets.trading.tables import ORDER_SHEETS
from trading_assets.warehouse import Rows, Warehouse


@dataclass(frozen=True)
class Trades:
    """Sessions of an account, splits since its opening, and what the engine booked of what was sent."""

    sessions: Sequence[dt.date]
    splits: pl.DataFrame
    engine_fills: pl.DataFrame


def left_over(
    step: Step,
    broker: Broker,
    opening: Opening,
    pending: pl.DataFrame,
    trades: Trades,
    engine: Mapping[Leg, float],
) -> pl.DataFrame:
    """Return the rows of `trading.order_sheets` for what is left over at the last close of an account.

    Parameters
    ----------
    step, broker, opening
        Step of the account's strategy, its broker, and the account.
    pending, trades
        Rows of `trading.pending_orders` of the account, and what it has done.
    engine
        Units that the engine holds of what was sent, by symbol and pair.
    """
    last = trades.sessions[-1]
    left = units_left(step.work.aside(), broker, opening, trades, engine, step.now)
    if not left:
        return ORDER_SHEETS.empty()
    closes = _bars(step, "close", sorted({symbol for symbol, _ in left}), "session <= ?", last).sort("session")
    said = dict(closes.select("symbol", "close").iter_rows())
    return left_over_lines(step.configuration.name, pending, left, last, said)


def units_left(
    warehouse: Warehouse,
    broker: Broker,
    opening: Opening,
    trades: Trades,
    engine: Mapping[Leg, float],
    now: dt.datetime,
) -> dict[Leg, float]:
    """Return the signed units that are left over at the broker at the last close, by symbol and pair.

    None of a symbol of which the broker may still fill an earlier order: that is taken back first, and waited for.

    Parameters
    ----------
    warehouse, broker, opening
        Where fills are written down, the broker, and the account.
    trades, engine
        What the account has done, and the units that the engine holds of what was sent.
    now
        Time of the records, UTC.
    """
    left = _legs(warehouse, broker, opening, trades, engine)
    if not left:
        return {}
    symbols = sorted({symbol for symbol, _ in left})
    waiting = take_back(warehouse, broker, opening, symbols, trades.sessions[-1])
    collect_fills(warehouse, broker, opening.strategy, opening.account, now)  # of what could not be taken back
    left = _legs(warehouse, broker, opening, trades, engine)
    return {leg: units for leg, units in left.items() if leg[0] not in waiting}


def opens_of_left_over(step: Step, opening: Opening) -> dict[tuple[str, dt.date], float]:
    """Return the opens, by symbol and session, of what sheets have ordered of what was left over.

    Parameters
    ----------
    step, opening
        Step of the account's strategy, and the account.
    """
    rows = step.work.aside().read_or_empty(ORDER_SHEETS, rows=Rows("strategy", opening.strategy))
    symbols = sorted({*rows.filter(account=opening.account, reason=LEFT_OVER)["symbol"]})
    if not symbols:
        return {}
    opens = _bars(step, "open", symbols, "session > ?", opening.session)
    return {(symbol, session): price for symbol, session, price in opens.iter_rows()}


def _legs(
    warehouse: Warehouse, broker: Broker, opening: Opening, trades: Trades, engine: Mapping[Leg, float]
) -> dict[Leg, float]:
    names = (opening.strategy, opening.account)
    ours = own_books_on_record(warehouse, *names, trades.sessions, trades.splits, trades.engine_fills)
    if not legs_left(ours.held, ours.held, engine):
        return {}
    books, _ = books_on_record(warehouse, *names, trades.sessions, trades.splits, trades.engine_fills)
    return legs_left(ours.held, held_there(broker, opening, books), engine)


def _bars(step: Step, column: str, symbols: Sequence[str], where: str, day: dt.date) -> pl.DataFrame:
    """symbol, session and a price of bars that have one."""
    columns, where = ["symbol", "session", column], f"{where} AND list_contains(?, symbol)"
    return step.work.read(BARS, columns=columns, where=where, parameters=[day, list(symbols)]).drop_nulls(column)
