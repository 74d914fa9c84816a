"""A running account, session by session: the engine of the backtest goes on from the state of the evening before.

What a session publishes is made at its close and stays. The account is also replayed from its opening on the bars as
they are now: where that gives another equity for a published session, a bar was revised, and the difference is named.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.engine.liquidation import slice_quantity
from trading_assets.backtests.engine.portfolio_state import floor_to_lot
from trading_assets.backtests.engine.reason_codes import DRAWDOWN_HALT
from trading_assets.backtests.engine.transaction_costs import fee_rate
from trading_assets.backtests.inputs.axis_labels import named
from trading_assets.backtests.results.liquidation_plan import mean_bps
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.running_backtest import RunningBacktest, SavedBacktest
from trading_assets.config.canonical import digest
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import DIFFERENCES, ENGINE_FILLS, EQUITY, HOLDINGS, PENDING_ORDERS
from trading_assets.warehouse import Table

_OF_ORDER = ("order_id", "decision_id", "symbol", "pair_id", "side", "quantity", "decision_session")
#: Columns of a decision that its order says: the numbers behind it.
_OF_DECISION = (
    "reason",
    "stop_price",
    "stop_distance",
    "capacity_limit",
    "gross_room",
    "value_at_risk",
    "score",
    "target_weight",
    "limited_by",
    "detail",
)


@dataclass(frozen=True)
class Continued:
    """What an account has to say after some more sessions.

    Attributes
    ----------
    rows
        Rows of the sessions that were added, by table.
    differences
        Rows of `trading.differences`: what a replay on today's bars has otherwise.
    saved
        What the next session goes on from; None before the first.
    """

    rows: dict[Table, pl.DataFrame]
    differences: pl.DataFrame
    saved: SavedBacktest | None


@dataclass(frozen=True)
class _Close:
    """Positions and orders at the close of a session."""

    session: dt.date
    held: RecordArray
    orders: RecordArray
    is_halted: bool


class AccountAheadError(Exception):
    """An account has published a session that the bars do not reach any more."""


def continue_account(
    opening: Opening, prepared: PreparedBacktest, saved: SavedBacktest | None, published: pl.DataFrame
) -> Continued:
    """Run an account to the last session of its market.

    Parameters
    ----------
    opening
        Account.
    prepared
        Backtest of its strategy, on the bars as they are now.
    saved
        State at the last close that is published; None: nothing is.
    published
        Rows of `trading.equity` of the account.

    Raises
    ------
    AccountAheadError
        The bars end before the last session that is published.
    NotContinuableError
        What is held is not in the market any more, or the calendar has changed.
    """
    prepared = with_capital(prepared, opening.capital)
    sessions = [day for day in prepared.axes.sessions if day >= opening.session]
    last = None if saved is None else saved.sessions[-1]
    if last is not None and (not sessions or sessions[-1] < last):
        raise AccountAheadError(
            f"{opening.account} has published {last}, and the bars end on {prepared.axes.sessions[-1]}\n"
            "  expected: bars up to there\n  what to do: go back to the as_of and the sources of the last run"
        )
    if not sessions:
        return Continued({}, DIFFERENCES.empty(), None)
    split = opening.account.removeprefix(f"{opening.strategy}-")
    running = RunningBacktest(prepared, sessions[0], split=split, saved=saved)
    new = [day for day in sessions if last is None or day > last]
    closes = []
    for day in new:
        running.advance(day)
        found = running.simulation()
        closes.append(_Close(day, found.positions_at_end, found.orders_at_end, running.is_halted))
    differences = DIFFERENCES.empty()
    if saved is not None:
        replayed = RunningBacktest(prepared, sessions[0], split=split)
        replayed.advance(sessions[-1])
        differences = revised(opening, published, replayed.result().equity, sessions[-1])
    rows = _rows(opening, prepared, running.result(), closes) if new else {}
    return Continued(rows, differences, running.save() if new else saved)


def with_capital(prepared: PreparedBacktest, capital: float) -> PreparedBacktest:
    """Return the backtest of an account that begins with another equity."""
    return replace(prepared, settings=prepared.settings._replace(starting_equity=capital))


def revised(opening: Opening, published: pl.DataFrame, replayed: pl.DataFrame, found_on: dt.date) -> pl.DataFrame:
    """Return a difference if a replay has another equity for a session that is published; no row if it has not.

    Parameters
    ----------
    opening, published
        Account, and its rows of `trading.equity`.
    replayed
        session, equity of the account as it would have been on today's bars.
    found_on
        Last session that is published.
    """
    both = published.select("session", "equity").join(
        replayed.select("session", replayed="equity"), on="session", how="left", maintain_order="left"
    )
    other = both.filter(pl.col("equity").ne_missing(pl.col("replayed")))
    if other.is_empty():
        return DIFFERENCES.empty()
    session, expected, found = other.row(0)
    row = {
        "strategy": opening.strategy,
        "account": opening.account,
        "difference_id": digest(["revision", opening.account, session, expected, found])[:16],
        "kind": "revision",
        "session": session,
        "expected": expected,
        "found": found,
        "detail": f"on today's bars the account differs from {session} on, in {other.height} of {both.height} sessions",
        "found_on": found_on,
    }
    return DIFFERENCES.conform(pl.DataFrame([row]))


def _rows(
    opening: Opening, prepared: PreparedBacktest, result: Result, closes: list[_Close]
) -> dict[Table, pl.DataFrame]:
    """Rows of the sessions of `closes`, which are the last ones of the run."""
    first = closes[0].session
    equity = result.equity.filter(pl.col("session") >= first)
    fills = result.fills.filter(pl.col("session") >= first)
    marks = [_equity(opening, equity, fills, closes), _holdings(opening, result, equity, closes)]
    found = {
        **dict(zip((EQUITY, HOLDINGS), marks, strict=True)),
        ENGINE_FILLS: fills,
        PENDING_ORDERS: _pending(prepared, result, closes),
    }
    own = {"strategy": pl.lit(opening.strategy), "account": pl.lit(opening.account), "label": pl.lit(opening.label)}
    return {table: _finished(rows.with_columns(**own), table) for table, rows in found.items()}


def _finished(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    declared = rows.select(name for name in table.columns if name in rows.columns)
    return table.conform(declared).fill_nan(None).sort(table.key)


def _equity(opening: Opening, equity: pl.DataFrame, fills: pl.DataFrame, closes: list[_Close]) -> pl.DataFrame:
    slipped = (pl.col("price") - pl.col("raw_price")).abs() * pl.col("quantity")
    costs = fills.group_by("session", maintain_order=True).agg(costs=(slipped + pl.col("fee")).sum())
    halted = pl.Series([close.is_halted for close in closes])
    return equity.join(costs, on="session", how="left", maintain_order="left").with_columns(
        pl.col("costs").fill_null(0.0), halted=halted, replayed=pl.col("session") < opening.recorded_at.date()
    )


def _holdings(opening: Opening, result: Result, equity: pl.DataFrame, closes: list[_Close]) -> pl.DataFrame:
    held = np.concatenate([close.held for close in closes])
    names = result.names
    rows = pl.DataFrame(
        {
            "session": _days(closes, [close.held.size for close in closes]),
            "symbol": named(names.axes.symbols, held["symbol"]),
            "pair_id": named(names.pairs, held["pair_index"]),
            "entry_session": named(names.axes.sessions, held["entry_session"], pl.Date),
            "stop_price": np.where(held["stop"] > 0, held["stop"], np.nan),
            "trade_id": named(result.journal.trade_ids.to_list(), held["round_trip"]),
            **{name: np.ascontiguousarray(held[name]) for name in ("quantity", "mark", "entry_price")},
        }
    )
    rows = rows.join(equity.select("session", "equity"), on="session", how="left", maintain_order="left")
    value = pl.col("quantity") * pl.col("mark")
    return rows.with_columns(weight=pl.when(pl.col("equity") > 0).then(value / pl.col("equity")))


def _pending(prepared: PreparedBacktest, result: Result, closes: list[_Close]) -> pl.DataFrame:
    """Orders that waited at each close: entries and weights of the queue, and exits of what is held."""
    parts = [_waiting(close, prepared) for close in closes]
    numbers = np.concatenate([part["decision"] for part in parts])
    quantities = np.concatenate([part["quantity"] for part in parts])
    columns = np.concatenate([part["symbol"] for part in parts])
    names, journal = result.names, result.journal
    waiting = pl.DataFrame(
        {
            "session": _days(closes, [part["decision"].size for part in parts]),
            "order_id": named(journal.order_ids.to_list(), numbers),
            "now": pl.Series(quantities).fill_nan(None),
            "column": columns,
            "calendar": named(names.axes.calendars, columns),
            "asset_class": named(names.axes.asset_classes, columns),
        }
    )
    decided = result.decisions.select(
        "decision_id",
        "decision",
        "reason",
        "stop_price",
        "stop_distance",
        "capacity_limit",
        "gross_room",
        "value_at_risk",
        "score",
        "target_weight",
        "limited_by",
        "detail",
    )
    orders = result.orders.select(
        "order_id", "decision_id", "symbol", "pair_id", "side", "quantity", "decision_session"
    )
    rows = waiting.join(orders, on="order_id", how="left", maintain_order="left").join(
        decided, on="decision_id", how="left", maintain_order="left"
    )
    rows = rows.with_columns(
        quantity=pl.coalesce("now", "quantity"), entry=pl.col("decision") == "enter", equity=_equity_at(rows, result)
    )
    rows = rows.hstack(_bars_of(prepared, rows))
    away = pl.when(pl.col("side") == "buy").then(-1).otherwise(1) * pl.col("stop_distance")
    rows = rows.with_columns(stop_price=pl.coalesce("stop_price", pl.col("close") + away))
    return rows.hstack(_expected_costs(prepared, rows))


def _waiting(close: _Close, prepared: PreparedBacktest) -> dict[str, Any]:
    """Number of the decision, column and size of each order; NaN where the decision alone knows the size.

    The liquidation of a drawdown halt is as large as its next slice.
    """
    is_leaving = close.held["exit_reason"] >= 0
    leaving, slices = close.held[is_leaving], _slices(close, prepared)
    whole, is_sliced = np.abs(leaving["quantity"]), leaving["exit_reason"] == DRAWDOWN_HALT
    entries = np.where(close.orders["quantity"] > 0, close.orders["quantity"], np.nan)
    for place in np.flatnonzero(_is_halting(close.orders)):
        entries[place] = slices[_leg(close.held) == _leg(close.orders)[place]].sum()
    return {
        "decision": np.concatenate([leaving["exit_decision"], close.orders["decision"]]),
        "symbol": np.concatenate([leaving["symbol"], close.orders["symbol"]]),
        "quantity": np.concatenate([np.where(is_sliced, slices[is_leaving], whole), entries]),
    }


def _slices(close: _Close, prepared: PreparedBacktest) -> NDArray[np.float64]:
    """Units of each position that a liquidation leaves at the next open; 0 of what is in none.

    Positions without an order of their own have a slice each; legs of target weights share what a symbol may trade.
    """
    market, capacity = prepared.market, float(prepared.run_parameters[0]["capacity"])
    found, taken = np.zeros(close.held.size), dict[tuple[int, bool], float]()
    orders = close.orders[_is_halting(close.orders)]
    for place, position in enumerate(close.held):
        i, quantity, mark = int(position["symbol"]), abs(float(position["quantity"])), float(position["mark"])
        lot = float(market.lot[i])
        if position["exit_reason"] == DRAWDOWN_HALT:
            found[place] = slice_quantity(quantity, mark, market.adv[position["exit_decided"], i], capacity, lot)
        for order in orders[_leg(orders) == _leg(close.held)[place]]:
            room = slice_quantity(math.inf, mark, market.adv[order["decision_session"], i], capacity, lot)
            side = i, bool(position["quantity"] > 0)
            left = room if room == math.inf else max(0.0, floor_to_lot(room - taken.get(side, 0.0), lot))
            found[place] = min(quantity, left)
            taken[side] = taken.get(side, 0.0) + found[place]
    return found


def _is_halting(orders: RecordArray) -> NDArray[np.bool_]:
    """Which orders take a target weight to nothing because the drawdown breaker has fired."""
    is_leaving = (orders["quantity"] == 0.0) & (orders["weight"] == 0.0)
    return np.asarray(is_leaving & (orders["trigger"] == DRAWDOWN_HALT))


def _leg(records: RecordArray) -> NDArray[np.complex128]:
    """Symbol and pair of positions or orders, to be compared."""
    return np.asarray(records["symbol"] + 1j * records["pair_index"])


def _days(closes: list[_Close], counts: list[int]) -> pl.Series:
    days = [close.session for close, count in zip(closes, counts, strict=True) for _ in range(count)]
    return pl.Series(days, dtype=pl.Date)


def _equity_at(rows: pl.DataFrame, result: Result) -> pl.Series:
    known = result.equity.select("session", "equity")
    return rows.select("session").join(known, on="session", how="left", maintain_order="left")["equity"]


def _bars_of(prepared: PreparedBacktest, rows: pl.DataFrame) -> pl.DataFrame:
    """Last close by each session, the one before it as the last one would have it, and the session of its bar."""
    sessions, market = prepared.axes.sessions, prepared.market
    closes = market.close
    found = []
    for day, column in rows.select("session", "column").iter_rows():
        known = np.flatnonzero(~np.isnan(closes[: sessions.index(day) + 1, column]))[-2:]
        last = known[-1] if known.size else None
        previous = float(closes[known[0], column]) if known.size > 1 else None
        for t in range(known[0] + 1, known[-1] + 1) if previous is not None else ():
            previous = (previous - market.cash_dividend[t, column]) / market.split_ratio[t, column]
        found.append(
            (
                None if last is None else float(closes[last, column]),
                previous,
                None if last is None else sessions[last],
            )
        )
    schema = {"close": pl.Float64, "previous_close": pl.Float64, "last_bar": pl.Date}
    return pl.DataFrame(found, schema=schema, orient="row")


def _expected_costs(prepared: PreparedBacktest, rows: pl.DataFrame) -> pl.DataFrame:
    """Mean slippage and fee of each order under the conditions of the session that it waits at."""
    columns = rows["column"].to_numpy().astype(np.int64)
    notional = rows.select(pl.col("quantity") * pl.col("close")).to_series().fill_null(0.0).to_numpy().copy()
    bps, sessions = np.zeros(rows.height), rows["session"]
    for day in sessions.unique():
        of_day = np.flatnonzero((sessions == day).to_numpy())
        costs = np.empty(of_day.size)
        mean_bps(
            prepared.axes.sessions.index(day),
            np.ascontiguousarray(columns[of_day]),
            np.ascontiguousarray(notional[of_day]),
            prepared.market,
            prepared.run_parameters,
            prepared.settings,
            costs,
        )
        bps[of_day] = costs
    fees = np.array([fee_rate(prepared.market.fee_bps[i], prepared.run_parameters[0]) for i in columns])
    cost = np.where(notional > 0, notional * (bps / 1e4 + fees), np.nan)
    return pl.DataFrame({"expected_slippage_bps": bps, "expected_cost": cost}).fill_nan(None)
