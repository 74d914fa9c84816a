"""Orders that wait at the close of a session, by the state of the engine: what the next open is asked for."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.engine.liquidation import slice_quantity
from trading_assets.backtests.engine.portfolio_state import floor_to_lot
from trading_assets.backtests.engine.reason_codes import CLOSING, DRAWDOWN_HALT
from trading_assets.backtests.engine.transaction_costs import fee_rate
from trading_assets.backtests.inputs.axis_labels import named
from trading_assets.backtests.results.liquidation_plan import mean_bps
from trading_assets.backtests.results.run_tables import Result


@dataclass(frozen=True)
class Close:
    """Positions and orders at the close of a session."""

    session: dt.date
    held: RecordArray
    orders: RecordArray
    is_halted: bool


def days_of(closes: list[Close], counts: list[int]) -> pl.Series:
    """Return the session of each row, so many rows a close."""
    days = [close.session for close, count in zip(closes, counts, strict=True) for _ in range(count)]
    return pl.Series(days, dtype=pl.Date)


def pending_orders(prepared: PreparedBacktest, result: Result, closes: list[Close]) -> pl.DataFrame:
    """Return orders that waited at each close: entries and weights of the queue, and exits of what is held.

    Parameters
    ----------
    prepared, result
        What was run, and what it left.
    closes
        Positions and orders at the closes.

    Returns
    -------
    polars.DataFrame
        Columns of `trading.pending_orders` but those of the account, and others.
    """
    parts = [_waiting(close, prepared) for close in closes]
    numbers = np.concatenate([part["decision"] for part in parts])
    quantities = np.concatenate([part["quantity"] for part in parts])
    columns = np.concatenate([part["symbol"] for part in parts])
    names, journal = result.names, result.journal
    waiting = pl.DataFrame(
        {
            "session": days_of(closes, [part["decision"].size for part in parts]),
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
    # The side that the decision knew: at the open a weight may turn out to be a sale.
    orders = journal.orders.select(
        "order_id", "decision_id", "symbol", "pair_id", "quantity", "decision_session", side="asked_side"
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


def _waiting(close: Close, prepared: PreparedBacktest) -> dict[str, Any]:
    """Number of the decision, column and size of each order; NaN where the decision alone knows the size.

    The liquidation of a drawdown halt, or of a closing, is as large as its next slice.
    """
    is_leaving = close.held["exit_reason"] >= 0
    leaving, slices = close.held[is_leaving], _slices(close, prepared)
    whole, is_sliced = np.abs(leaving["quantity"]), _is_in_slices(leaving["exit_reason"])
    entries = np.where(close.orders["quantity"] > 0, close.orders["quantity"], np.nan)
    for place in np.flatnonzero(_is_halting(close.orders)):
        entries[place] = slices[_leg(close.held) == _leg(close.orders)[place]].sum()
    return {
        "decision": np.concatenate([leaving["exit_decision"], close.orders["decision"]]),
        "symbol": np.concatenate([leaving["symbol"], close.orders["symbol"]]),
        "quantity": np.concatenate([np.where(is_sliced, slices[is_leaving], whole), entries]),
    }


def _slices(close: Close, prepared: PreparedBacktest) -> NDArray[np.float64]:
    """Units of each position that a liquidation leaves at the next open; 0 of what is in none.

    Positions without an order of their own have a slice each; legs of target weights share what a symbol may trade.
    """
    market, capacity = prepared.market, float(prepared.run_parameters[0]["capacity"])
    found, taken = np.zeros(close.held.size), dict[tuple[int, bool], float]()
    orders = close.orders[_is_halting(close.orders)]
    for place, position in enumerate(close.held):
        i, quantity, mark = int(position["symbol"]), abs(float(position["quantity"])), float(position["mark"])
        lot = float(market.lot[i])
        if _is_in_slices(position["exit_reason"]):
            found[place] = slice_quantity(quantity, mark, market.adv[position["exit_decided"], i], capacity, lot)
        for order in orders[_leg(orders) == _leg(close.held)[place]]:
            room = slice_quantity(math.inf, mark, market.adv[order["decision_session"], i], capacity, lot)
            side = i, bool(position["quantity"] > 0)
            left = room if room == math.inf else max(0.0, floor_to_lot(room - taken.get(side, 0.0), lot))
            found[place] = min(quantity, left)
            taken[side] = taken.get(side, 0.0) + found[place]
    return found


def _is_halting(orders: RecordArray) -> NDArray[np.bool_]:
    """Which orders take a target weight to nothing in slices."""
    is_leaving = (orders["quantity"] == 0.0) & (orders["weight"] == 0.0)
    return np.asarray(is_leaving & _is_in_slices(orders["trigger"]))


def _is_in_slices(reasons: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which reasons leave a slice a session: that the drawdown breaker has fired, or a closing."""
    return np.isin(reasons, (DRAWDOWN_HALT, CLOSING))


def _leg(records: RecordArray) -> NDArray[np.complex128]:
    """Symbol and pair of positions or orders, to be compared."""
    return np.asarray(records["symbol"] + 1j * records["pair_index"])


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
