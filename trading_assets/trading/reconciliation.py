"""What a broker made of a session, held to what the engine booked: every difference by its name."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from trading_assets.config.canonical import digest
from trading_assets.config.trading import Trading
from trading_assets.trading.broker_books import AT_NO_OPEN, Books, Trade, trades_of
from trading_assets.trading.brokers.port import REJECTED, BrokerFill, BrokerOrder
from trading_assets.trading.opening import SIMULATED, Opening
from trading_assets.trading.order_sheet import DRIFT, LEFT_OVER
from trading_assets.trading.tables import DIFFERENCES

#: Fraction by which a quantity, a price or a fee may differ.
TOLERANCE = 1e-9
#: Fraction of units, and of capital, that sums of floats may come apart by.
_ROUNDING = 1e-9
_NO_ORDER = {"client_order_id": None, "kind": "missed", "detail": "no order of any sheet was for this session"}


@dataclass(frozen=True)
class Exactness:
    """How far a broker may be from the engine, as fractions; all 0: not at all.

    Attributes
    ----------
    price, fee
        Of the price; a fee is that of a unit.
    units
        Of a quantity, or a position, in parts of a unit, and of coins.
    sums_cash
        Whether the cash of fills is compared: where a broker is asked for its cash, it is not.
    coins
        Symbols of which fees may be paid in units, so that whole ones are not exact.
    """

    price: float = 0.0
    fee: float = 0.0
    units: float = 0.0
    sums_cash: bool = True
    coins: Collection[str] = ()

    def units_of(self, symbol: str, expected: float) -> float:
        """Return the fraction by which units of a symbol may differ: of whole shares none."""
        return self.units if symbol in self.coins or expected != round(expected) else 0.0


#: How far a simulated broker may be.
EXACT = Exactness()


def exactness_of(trading: Trading, opening: Opening, pending: pl.DataFrame) -> Exactness:
    """Return how far the broker of an account may be from the engine: a simulated one not at all.

    Parameters
    ----------
    trading, opening
        Section of the configuration, and the account.
    pending
        Rows of `trading.pending_orders` of the account, which say what its symbols are.
    """
    if opening.broker == SIMULATED:
        return EXACT
    said = trading.tolerances
    return Exactness(price=said.price, fee=said.fee, units=said.units, sums_cash=False, coins=coins_of(pending))


def coins_of(pending: pl.DataFrame) -> Collection[str]:
    """Return the symbols of which a broker may take its fees in units."""
    return frozenset(pending.filter(asset_class="crypto")["symbol"])


@dataclass(frozen=True)
class BothBooks:
    """Books of the engine and of the broker after a session, and how they stood before it.

    Attributes
    ----------
    engine, broker
        Books after it.
    gaps
        Units that the broker had more than the engine before it, by symbol, in units of the session.
    cash_gap
        Cash that it had more.
    is_sized_at_open
        Whether the engine sizes target weights at the open: then what a broker holds drifts from it within `DRIFT`.
    """

    engine: Books
    broker: Books
    gaps: Mapping[str, float]
    cash_gap: float
    is_sized_at_open: bool

    def after(self, ratios: Mapping[str, float], told: Iterable[Trade], booked: pl.DataFrame) -> BothBooks:
        """Return both after a session more.

        Parameters
        ----------
        ratios
            New units per old one at its open, by symbol.
        told
            Trades of the broker in it.
        booked
            Rows of `trading.engine_fills` in it: what has ended is paid out in both.
        """
        ended = trades_of(booked.filter(reason=AT_NO_OPEN))
        gone = {trade.leg[0] for trade in ended}
        gaps = _gaps(self.engine.after(ratios, ()), self.broker.after(ratios, ()))
        return BothBooks(
            engine=self.engine.after(ratios, trades_of(booked)),
            broker=self.broker.after(ratios, told, ended),
            gaps={symbol: gap for symbol, gap in gaps.items() if symbol not in gone},
            cash_gap=self.broker.cash - self.engine.cash,
            is_sized_at_open=self.is_sized_at_open,
        )


@dataclass(frozen=True)
class Filled:
    """All fills of an order in a session: quantity, mean price, fee."""

    quantity: float
    price: float
    fee: float

    @classmethod
    def of(cls, fills: Iterable[tuple[float, float, float]]) -> Filled:
        """Of quantity, price and fee of each."""
        rows = list(fills)
        quantity = sum(each[0] for each in rows)
        price = sum(each[0] * each[1] for each in rows) / quantity if quantity else 0.0
        return cls(quantity, price, sum(each[2] for each in rows))


def reconcile(
    opening: Opening,
    session: dt.date,
    sheet: pl.DataFrame,
    engine_fills: pl.DataFrame,
    orders: Sequence[BrokerOrder],
    fills: Iterable[BrokerFill],
    books: BothBooks,
    exactness: Exactness = EXACT,
    *,
    left_over: Mapping[str, tuple[float, float]] | None = None,
) -> pl.DataFrame:
    """Return what differs between a broker's session and the account's.

    Parameters
    ----------
    opening, session
        Account, and the session that is over.
    sheet
        Rows of `trading.order_sheets` that were for the session.
    engine_fills
        Rows of `trading.engine_fills` of the account in it.
    orders, fills
        All that the broker knows.
    books
        Units and cash of both: a gap that no difference of an order in the session explains is named by itself, once.
    exactness
        How far the broker may be from the engine.
    left_over
        Price and fee of a unit that are expected of what was left over, which the engine has sold before, by client
        order id. What has none, for want of an open, is right at any.

    Returns
    -------
    DataFrame
        Rows of `trading.differences`. Of an order that is sized at the open the broker is held to what was asked for,
        and of an entry to no more than the engine booked.
    """
    explained: defaultdict[str, float] = defaultdict(float)
    known, statuses = set(sheet["client_order_id"]), {each.client_order_id: each for each in orders}
    own = [fill for fill in fills if fill.session == session]
    rows, brought = list[dict[str, Any]](), 0.0
    for order in sheet.sort("client_order_id").iter_rows(named=True):
        booked = engine_fills.filter(order_id=order["order_id"], side=order["side"])
        expected = Filled.of(booked.select("quantity", "price", "fee").rows())
        if order["sized_at_open"] and expected.quantity and order["quantity"]:
            asked = min(order["quantity"], expected.quantity) if order["entry"] else order["quantity"]
            expected = Filled(asked, expected.price, expected.fee * asked / expected.quantity)
        elif order["sized_at_open"] and order["blocked_by"] == "size":
            expected = Filled(0.0, 0.0, 0.0)  # nothing could be asked for
        name = order["client_order_id"]
        found = Filled.of((f.quantity, f.price, f.fee) for f in own if f.client_order_id == name)
        of_engine = expected.quantity
        if order["reason"] == LEFT_OVER:  # the engine has sold it before
            of_unit = found.price, found.fee / found.quantity if found.quantity else 0.0
            price, fee = (left_over or {}).get(name, of_unit)
            expected = Filled(order["quantity"], price, fee * order["quantity"])
            brought -= _signed(order["side"], found.quantity) * price + fee * found.quantity
        answer = statuses.get(name)
        about = {"symbol": order["symbol"], "client_order_id": name}
        near = exactness.units_of(order["symbol"], expected.quantity)
        rows += [about | each for each in _of_order(expected, found, answer, order["blocked_by"], exactness, near)]
        explained[order["symbol"]] += _signed(order["side"], found.quantity - of_engine)
    for row in engine_fills.filter(~pl.col("order_id").is_in(sheet["order_id"].implode())).iter_rows(named=True):
        if row["reason"] != AT_NO_OPEN:
            quantities = {"expected": row["quantity"], "found": 0.0}
            rows.append({**quantities, **_NO_ORDER, "symbol": row["symbol"]})
            explained[row["symbol"]] -= _signed(row["side"], row["quantity"])
    for fill in own:
        if fill.client_order_id not in known:
            explained[fill.symbol] += _signed(fill.side, fill.quantity)
            late = fill.client_order_id in statuses
            said = "of an order for an earlier session" if late else "of no order of ours"
            rows.append(
                {
                    "symbol": fill.symbol,
                    "client_order_id": fill.client_order_id,
                    "kind": "excess" if late else "manual_trade",
                    "expected": 0.0,
                    "found": fill.quantity,
                    "detail": f"{fill.side} {fill.quantity:g} {fill.symbol} at {fill.price:g}, {said}",
                }
            )
    before = replace(books, cash_gap=books.cash_gap + brought)
    rows += _of_books(before, explained, opening.capital, exactness, is_explained=bool(rows))
    same = {"strategy": opening.strategy, "account": opening.account, "session": session, "found_on": session}
    named = [{**row, **same, "difference_id": _id(opening.account, session, row)} for row in rows]
    return DIFFERENCES.conform(pl.DataFrame(named, schema=DIFFERENCES.empty().schema)).sort(DIFFERENCES.key)


def _of_order(
    expected: Filled,
    found: Filled,
    answer: BrokerOrder | None,
    blocked_by: str | None,
    exact: Exactness,
    near: float,
) -> Iterator[dict[str, Any]]:
    """What differs of one order: that it is not there, or how much of it, or at which price and fee."""
    quantities = {"expected": expected.quantity, "found": found.quantity}
    if _is_same(expected.quantity, found.quantity) or (
        found.quantity and _is_same(expected.quantity, found.quantity, near)
    ):
        if not expected.quantity:
            return
    elif not found.quantity:
        if answer is not None and answer.status == REJECTED:
            yield {**quantities, "kind": "rejected", "detail": f"the broker rejected it: {answer.reason}"}
        else:
            why = f"it was blocked: {blocked_by}" if blocked_by else _words_of(answer)
            yield {**quantities, "kind": "missed", "detail": why}
        return
    elif found.quantity < expected.quantity:
        yield {**quantities, "kind": "partial", "detail": f"{found.quantity:g} of {expected.quantity:g} filled"}
    else:
        yield {**quantities, "kind": "excess", "detail": f"{found.quantity:g} filled, {expected.quantity:g} booked"}
        if not expected.quantity:
            return
    if not _is_same(expected.price, found.price, exact.price):
        bps = (found.price / expected.price - 1.0) * 1e4 if expected.price else float("nan")
        detail = f"{bps:+.2f} bp from the price that was booked"
        yield {"expected": expected.price, "found": found.price, "kind": "price", "detail": detail}
    rates = expected.fee / expected.quantity, found.fee / found.quantity
    if not _is_same(*rates) and abs(rates[1] - rates[0]) > exact.fee * expected.price:
        yield {"expected": rates[0], "found": rates[1], "kind": "fee", "detail": "of a unit"}


def _words_of(answer: BrokerOrder | None) -> str:
    """What became of an order that did not fill."""
    if answer is None:
        return "it was not sent"
    if not answer.is_final:
        return "no fill"
    return f"no fill, it is {answer.status}" + (f": {answer.reason}" if answer.reason else "")


def _of_books(
    books: BothBooks, explained: Mapping[str, float], capital: float, exact: Exactness, *, is_explained: bool
) -> Iterator[dict[str, Any]]:
    """Gaps of units and of cash that are new, and that what differs of the session's orders does not explain."""
    engine, broker = books.engine.of_symbols(), books.broker.of_symbols()
    for symbol in sorted({*engine, *broker}):
        expected, found = engine.get(symbol, 0.0), broker.get(symbol, 0.0)
        gap, largest = found - expected, max(abs(expected), abs(found))
        new = gap - books.gaps.get(symbol, 0.0) - explained.get(symbol, 0.0)
        allowed = max(DRIFT * largest, 1.0) if books.is_sized_at_open else 0.0
        allowed = max(allowed, exact.units_of(symbol, expected) * largest)
        if abs(gap) > allowed and abs(new) > _ROUNDING * max(1.0, largest):
            is_explained = True
            detail = f"the broker holds {found:g} by its fills, the account {expected:g}"
            yield {"symbol": symbol, "kind": "units", "expected": expected, "found": found, "detail": detail}
    if not exact.sums_cash:
        return
    gap = books.broker.cash - books.engine.cash
    allowed = DRIFT * capital if books.is_sized_at_open else 0.0
    if not is_explained and abs(gap) > allowed and abs(gap - books.cash_gap) > _ROUNDING * capital:
        said = {"expected": books.engine.cash, "found": books.broker.cash}
        yield {**said, "kind": "cash", "detail": f"the fills of the broker have brought in {gap:+g} more"}


def _gaps(engine: Books, broker: Books) -> dict[str, float]:
    """Units that a broker has more than the engine, by symbol."""
    own, there = engine.of_symbols(), broker.of_symbols()
    return {symbol: there.get(symbol, 0.0) - own.get(symbol, 0.0) for symbol in {*own, *there}}


def _signed(side: str, quantity: float) -> float:
    return quantity if side == "buy" else -quantity


def _is_same(expected: float, found: float, tolerance: float = 0.0) -> bool:
    return abs(expected - found) <= max(TOLERANCE, tolerance) * max(abs(expected), abs(found))


def _id(account: str, session: dt.date, row: dict[str, Any]) -> str:
    said = [row["kind"], row.get("symbol"), row.get("client_order_id"), row["expected"], row["found"]]
    return digest([account, session, *said])[:16]
