"""What an account is by its fills alone: units by symbol and pair, and what the fills have brought in.

The same sums are made of the broker's fills and of the engine's. Splits are followed; the value of a delisting is paid
to a broker's position as to the engine's. Dividends, interest and borrowing are in neither.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from trading_assets.backtests.engine.arrays import EXIT_REASONS
from trading_assets.backtests.engine.reason_codes import DELISTED
from trading_assets.trading.tables import FILLS, SUBMISSIONS
from trading_assets.warehouse import Rows, Warehouse

#: Reason of what the engine books without an open: no order is behind it at a broker.
AT_NO_OPEN = EXIT_REASONS[DELISTED]
#: Symbol and pair (None without one) that units are held under.
Leg = tuple[str, str | None]
_NOTHING = 1e-9


@dataclass(frozen=True)
class Trade:
    """A fill: leg, signed units (bought: positive), price and fee."""

    leg: Leg
    units: float
    price: float
    fee: float


@dataclass(frozen=True)
class Books:
    """Units held by leg, in units of the last session, and cash received less cash paid since the opening."""

    held: Mapping[Leg, float] = field(default_factory=dict)
    cash: float = 0.0

    def after(self, ratios: Mapping[str, float], trades: Iterable[Trade], endings: Iterable[Trade] = ()) -> Books:
        """Return the books after a session more.

        Parameters
        ----------
        ratios
            New units per old one at its open, by symbol.
        trades
            Fills.
        endings
            Of what has ended: whatever is held of the leg is paid out at the price.
        """
        held, cash = defaultdict(float, self.held), self.cash
        for leg, units in self.held.items():
            held[leg] = split_units(units, ratios.get(leg[0], 1.0))
        for trade in trades:
            held[trade.leg] += trade.units
            cash -= trade.units * trade.price + trade.fee
        for ending in endings:
            units = held.pop(ending.leg, 0.0)
            cash += units * ending.price
            cash -= ending.fee * abs(units / ending.units) if ending.units else 0.0
        return Books({leg: units for leg, units in held.items() if abs(units) > _NOTHING}, cash)

    def of_symbols(self) -> dict[str, float]:
        """Return the units by symbol, all its legs together."""
        found: defaultdict[str, float] = defaultdict(float)
        for (symbol, _), units in self.held.items():
            found[symbol] += units
        return found


def ratios_at(splits: pl.DataFrame, session: dt.date) -> dict[str, float]:
    """Return new units per old one by symbol.

    Parameters
    ----------
    splits
        symbol, session, split_ratio.
    session
        Ex-session.
    """
    return dict(splits.filter(session=session).select("symbol", "split_ratio").iter_rows())


def trades_of(fills: pl.DataFrame) -> list[Trade]:
    """Return the trades of rows with symbol, pair_id, side, quantity, price and fee."""
    rows = fills.select("symbol", "pair_id", "side", "quantity", "price", "fee").iter_rows()
    return [
        Trade((symbol, pair), quantity if side == "buy" else -quantity, price, fee)
        for symbol, pair, side, quantity, price, fee in rows
    ]


def pairs_on_record(warehouse: Warehouse, strategy: str, account: str) -> pl.DataFrame:
    """Return client_order_id and pair_id of what was sent.

    Parameters
    ----------
    warehouse, strategy, account
        Warehouse, and the names of the strategy and of its account.
    """
    sent = warehouse.read_or_empty(SUBMISSIONS, rows=Rows("strategy", strategy)).filter(account=account)
    return sent.select("client_order_id", "pair_id").unique("client_order_id", keep="first", maintain_order=True)


def books_on_record(
    warehouse: Warehouse,
    strategy: str,
    account: str,
    sessions: Sequence[dt.date],
    splits: pl.DataFrame,
    engine_fills: pl.DataFrame,
) -> tuple[Books, Books]:
    """Return the books of the broker, by its fills on record, and those of the engine.

    Parameters
    ----------
    warehouse, strategy, account
        Warehouse, and the names of the strategy and of its account.
    sessions
        Sessions of the account up to the one that is asked for, ascending.
    splits
        symbol, session, split_ratio.
    engine_fills
        Rows of `trading.engine_fills` of the account.
    """
    told = warehouse.read_or_empty(FILLS, rows=Rows("strategy", strategy)).filter(account=account)
    told = told.join(pairs_on_record(warehouse, strategy, account), on="client_order_id", how="left")
    of_broker, of_engine = _by_session(told), _by_session(engine_fills)
    of_ended, of_splits = _by_session(engine_fills.filter(reason=AT_NO_OPEN)), _by_session(splits)
    broker, engine = Books(), Books()
    for session in sessions:
        ratios = ratios_at(of_splits.get(session, splits.clear()), session)
        broker = broker.after(ratios, _trades(of_broker, session), _trades(of_ended, session))
        engine = engine.after(ratios, _trades(of_engine, session))
    return broker, engine


def own_books_on_record(
    warehouse: Warehouse,
    strategy: str,
    account: str,
    sessions: Sequence[dt.date],
    splits: pl.DataFrame,
    engine_fills: pl.DataFrame,
) -> Books:
    """Return the books of the broker by its fills of our own orders, without what was traded at its desk.

    Parameters
    ----------
    warehouse, strategy, account, sessions, splits, engine_fills
        As `books_on_record` takes them.
    """
    told = warehouse.read_or_empty(FILLS, rows=Rows("strategy", strategy)).filter(account=account)
    told = told.join(pairs_on_record(warehouse, strategy, account), on="client_order_id", how="inner")
    of_broker, of_splits = _by_session(told), _by_session(splits)
    of_ended, books = _by_session(engine_fills.filter(reason=AT_NO_OPEN)), Books()
    for session in sessions:
        ratios = ratios_at(of_splits.get(session, splits.clear()), session)
        books = books.after(ratios, _trades(of_broker, session), _trades(of_ended, session))
    return books


def _by_session(rows: pl.DataFrame) -> dict[dt.date, pl.DataFrame]:
    """Rows of each session: an account of years is looked at session by session, and most have none."""
    return {day: of_day for (day,), of_day in rows.partition_by("session", as_dict=True).items()}


def _trades(fills: Mapping[dt.date, pl.DataFrame], session: dt.date) -> list[Trade]:
    return trades_of(fills[session]) if session in fills else []


def split_units(units: float, ratio: float) -> float:
    """Return units after a split; of whole ones whole ones are left, the fraction is paid out.

    Examples
    --------
    >>> split_units(33.0, 1.5), split_units(-33.0, 1.5), split_units(0.25, 2.0)
    (49.0, -49.0, 0.5)
    """
    found = units * ratio
    if ratio == 1.0 or units != round(units):
        return found
    whole = int(abs(found) * (1.0 + _NOTHING))
    return float(whole if found >= 0 else -whole)
