"""An account at a real broker: what is asked there when a session is settled, and before orders are sent.

A simulated broker is asked nothing: its time is that of the sessions, and it fills at what the engine booked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from itertools import pairwise
from typing import Any

import polars as pl

from trading_assets.config.trading import Trading
from trading_assets.market_data import calendars
from trading_assets.trading.broker_books import Books, Leg, books_on_record, trades_of
from trading_assets.trading.brokers.asked import Compared, Said, Traded, compare, held_at_most
from trading_assets.trading.brokers.deadlines import deadlines_of, next_deadline
from trading_assets.trading.brokers.port import Broker
from trading_assets.trading.brokers.tables import BROKER_BALANCES, BROKER_POSITIONS
from trading_assets.trading.opening import SIMULATED, Opening
from trading_assets.trading.reconciliation import coins_of
from trading_assets.trading.rollout.withheld import Parting, parted
from trading_assets.trading.settlement import Settling
from trading_assets.trading.submission import collect_fills, units_sent
from trading_assets.trading.tables import FILLS
from trading_assets.warehouse import Rows, Warehouse

#: Times that an order is sent to a real broker, whose line tries again by itself.
_ATTEMPTS = 3


def held_there(broker: Broker, opening: Opening, books: Books) -> dict[Leg, float]:
    """Return what an order can leave, by leg: by fills, and of a real broker no more than it says that it holds.

    Parameters
    ----------
    broker, opening
        Broker, and the account.
    books
        Units by fills.
    """
    return dict(books.held) if opening.broker == SIMULATED else held_at_most(books.held, broker.positions())


def lateness(
    trading: Trading,
    opening: Opening,
    sheet: pl.DataFrame,
    pending: pl.DataFrame,
    now: dt.datetime | None,
) -> dict[str, Any]:
    """Return the arguments of `submit_until_answered` by which nothing is sent after its open.

    A real broker's time is the clock's, asked before each order. A simulated one takes exits at any time, and entries
    until they are late by the time of the run.

    Parameters
    ----------
    trading, opening
        Section of the configuration, and the account.
    sheet, pending
        Rows of `trading.order_sheets`, and of `trading.pending_orders` with the calendars of their symbols.
    now
        Time of the run, UTC; None: it is simulated, and nothing is late at a simulated broker.
    """
    is_simulated = opening.broker == SIMULATED
    if is_simulated and now is None:
        return {}
    calendars = dict(pending.select("symbol", "calendar").unique().iter_rows())
    latest = deadlines_of(sheet, calendars, dt.timedelta(minutes=trading.late_minutes))

    if now is not None and is_simulated:
        entries, at = set(sheet.filter("entry")["client_order_id"]), now
        return {"is_late": lambda name: name in entries and at >= latest[name]}

    def is_late(name: str) -> bool:
        return dt.datetime.now(dt.UTC).replace(tzinfo=None) >= latest[name]

    return {"is_late": is_late, "attempts": _ATTEMPTS}


def answer_of(
    warehouse: Warehouse, broker: Broker, account: Settling, equity: pl.DataFrame, now: dt.datetime
) -> Compared:
    """Ask a real broker for cash and positions, after its fills, and return what it says and what no fill explains.

    What it says is for `keep_answer`, after the differences are on record: known is only what was named.

    Parameters
    ----------
    warehouse, broker
        Where fills are written down, and who is asked. Positions whose session has opened since are for a later asking.
    account
        What was settled, up to its last session.
    equity
        Rows of `trading.equity` of the account.
    now
        Time of the records, UTC.
    """
    opening, last = account.opening, account.sessions[-1]
    names = (opening.strategy, opening.account)
    collect_fills(warehouse, broker, *names, now)
    said = Said(broker.account(), broker.positions(), now)
    broker_books, engine_books = books_on_record(
        warehouse, *names, account.sessions, account.splits, account.engine_fills
    )
    cash = equity.filter(session=last)["cash"].item() + broker_books.cash - engine_books.cash
    cash -= _flows_withheld(warehouse, account, equity)
    own = Rows("strategy", opening.strategy)
    told = warehouse.read_or_empty(FILLS, rows=own).filter(account=opening.account)
    later = _books_after(told, last, broker_books)
    before = tuple(
        warehouse.read_or_empty(table, rows=own).filter(account=opening.account)
        for table in (BROKER_BALANCES, BROKER_POSITIONS)
    )
    cash += later.cash - broker_books.cash
    traded = Traded(coins_of(account.pending), _awaited(account.pending, last, now), told)
    return compare(opening, last, said, later, cash, (before[0], before[1]), account.trading.tolerances, traded)


def keep_answer(warehouse: Warehouse, found: Compared) -> None:
    """Write down what a broker said."""
    warehouse.append_new(BROKER_BALANCES, found.balances)
    warehouse.append_new(BROKER_POSITIONS, found.positions)


def _flows_withheld(warehouse: Warehouse, account: Settling, equity: pl.DataFrame) -> float:
    """Dividends, borrowing and interest of sessions into which the engine held what is withheld from the broker.

    They are of the whole account, and are left out whole: of such sessions cash is expected by fills alone.
    """
    opening, pending = account.opening, account.pending
    parting = Parting(account.configuration, opening, pending, units_sent(warehouse, opening))
    stages = account.rollout.on_record()
    _, withheld = parted(parting, account.sessions, stages, account.splits, account.engine_fills)
    cash = dict(equity.select("session", "cash").iter_rows())
    found = 0.0
    for before, session in pairwise(account.sessions):
        if withheld[before].units:
            by_fills = Books().after({}, trades_of(account.engine_fills.filter(session=session))).cash
            found += cash[session] - cash[before] - by_fills
    return found


def _books_after(told: pl.DataFrame, last: dt.date, books: Books) -> Books:
    """Books with the fills on record of sessions that are not published yet: their bars are still to come."""
    told = told.filter(pl.col("session") > last).with_columns(pair_id=pl.lit(None, pl.String))
    return books.after({}, trades_of(told))


def _awaited(pending: pl.DataFrame, last: dt.date, now: dt.datetime) -> Collection[str]:
    """Symbols of an exchange that has opened since the last session that is published: splits of it are to come."""
    traded = pending.filter(pl.col("calendar") != calendars.ALWAYS).select("symbol", "calendar").unique().rows()
    opens = {name: next_deadline(name, last, dt.timedelta()) for name in {each for _, each in traded}}
    return frozenset(symbol for symbol, name in traded if opens[name] <= now)
