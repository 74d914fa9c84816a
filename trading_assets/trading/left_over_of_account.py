"""What is left over at the broker of an account, as its steps ask for it: from warehouse, record and broker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.market_data.tables import BARS
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.trading.broker_books import Leg, books_on_record, own_books_on_record, pairs_on_record
from trading_assets.trading.brokers.account_at_broker import held_there
from trading_assets.trading.brokers.port import Broker, BrokerUnavailableError
from trading_assets.trading.differences_on_record import differences_of
from trading_assets.trading.left_over import left_over_lines, legs_left, not_accepted_legs, sent_left_over, take_back
from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import LEFT_OVER
from trading_assets.trading.pair_legs import broken_legs
from trading_assets.trading.submission import collect_fills, units_sent
from trading_assets.trading.tables import FILLS, ORDER_SHEETS
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
    aside, configuration = step.work.aside(), step.configuration
    differences = differences_of(configuration, strategy_of(step)).filter(account=opening.account)
    left = units_left(aside, broker, opening, trades, engine, step.now)
    left = not_accepted_legs(left, pending, differences.drop_nulls("accepted_by"))
    symbols = sorted({*pending["symbol"]})
    closes = _bars(step, "close", symbols, "session <= ?", last).sort("session") if left else pl.DataFrame()
    said = dict(closes.select("symbol", "close").iter_rows()) if left else {}
    return lines_of_close(
        aside, configuration.name, opening, pending, left, last, said, configuration.trading.marketable
    )


def lines_of_close(
    warehouse: Warehouse,
    configuration: str,
    opening: Opening,
    pending: pl.DataFrame,
    left: Mapping[Leg, float],
    last: dt.date,
    closes: Mapping[str, float],
    marketable: float | None = None,
) -> pl.DataFrame:
    """Return the lines for what is left over at a close: those that were sent as they were, and new ones.

    Parameters
    ----------
    warehouse, configuration, opening
        Where what was sent is written down, the name of the configuration, and the account.
    pending, left, last, closes, marketable
        As `left_over_lines` takes them.
    """
    new = left_over_lines(configuration, pending, left, last, closes, marketable=marketable)
    sent = sent_left_over(configuration, opening, pending, warehouse, [last], closes=closes, marketable=marketable)
    rejected = ~pl.col("client_order_id").is_in(list(units_sent(warehouse, opening)))
    again = rejected & pl.col("client_order_id").is_in(new["client_order_id"].implode())
    sent = sent.filter(~again)
    return pl.concat([sent, new.join(sent, on="client_order_id", how="anti")]).sort(ORDER_SHEETS.key)


def units_left(
    warehouse: Warehouse,
    broker: Broker,
    opening: Opening,
    trades: Trades,
    engine: Mapping[Leg, float],
    now: dt.datetime,
) -> dict[Leg, float]:
    """Return the signed units that are left over at the broker at the last close, by symbol and pair.

    None of a symbol of which the broker may still fill an earlier order: that is taken back first, and waited for. None
    at all where the broker does not answer: the orders of the engine go on without. A leg of a pair of which the broker
    holds another leg not at all is left over, too, though the engine holds the pair.

    Parameters
    ----------
    warehouse, broker, opening
        Where fills are written down, the broker, and the account.
    trades, engine
        What the account has done, and the units that the engine holds of what was sent.
    now
        Time of the records, UTC.
    """
    try:
        left, others = _legs(warehouse, broker, opening, trades, engine)
        if not left:
            return {}
        symbols = sorted({symbol for symbol, _ in (*left, *others)})
        waiting = take_back(warehouse, broker, opening, symbols, trades.sessions[-1], now)
        collect_fills(warehouse, broker, opening.strategy, opening.account, now)  # of what could not be taken back
        left, others = _legs(warehouse, broker, opening, trades, engine)
    except BrokerUnavailableError:
        return {}
    waited_for = {pair for symbol, pair in others if symbol in waiting}
    return {leg: units for leg, units in left.items() if leg[0] not in waiting and leg[1] not in waited_for}


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
) -> tuple[dict[Leg, float], set[Leg]]:
    """What is left over, and the legs that the broker lacks of the pairs of which a leg is."""
    names = (opening.strategy, opening.account)
    ours = own_books_on_record(warehouse, *names, trades.sessions, trades.splits, trades.engine_fills)
    held = _less_left_later(ours.held, warehouse, opening, trades.sessions[-1])
    broken, others = broken_legs(held, engine)
    engine = {leg: units for leg, units in engine.items() if leg not in broken}
    if not legs_left(held, held, engine):
        return {}, set()
    books, _ = books_on_record(warehouse, *names, trades.sessions, trades.splits, trades.engine_fills)
    return legs_left(held, held_there(broker, opening, books), engine), others


def _less_left_later(
    held: Mapping[Leg, float], warehouse: Warehouse, opening: Opening, last: dt.date
) -> dict[Leg, float]:
    """Units less those that our own orders have left since the last close: a session may be running."""
    names, found = (opening.strategy, opening.account), dict(held)
    told = warehouse.read_or_empty(FILLS, rows=Rows("strategy", opening.strategy)).filter(account=opening.account)
    later = told.filter(pl.col("session") > last)
    if later.is_empty():
        return found
    later = later.join(pairs_on_record(warehouse, *names), on="client_order_id", how="inner")
    for symbol, pair, side, quantity in later.select("symbol", "pair_id", "side", "quantity").iter_rows():
        units = found.get((symbol, pair), 0.0)
        if side == "sell" and units > 0.0:
            found[symbol, pair] = max(0.0, units - quantity)
        elif side == "buy" and units < 0.0:
            found[symbol, pair] = min(0.0, units + quantity)
    return found


def _bars(step: Step, column: str, symbols: Sequence[str], where: str, day: dt.date) -> pl.DataFrame:
    """symbol, session and a price of bars that have one."""
    columns, where = ["symbol", "session", column], f"{where} AND list_contains(?, symbol)"
    return step.work.read(BARS, columns=columns, where=where, parameters=[day, list(symbols)]).drop_nulls(column)
