"""From the records of a run to rows of the stage's tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests import tables
from trading_assets.backtests.engine.arrays import Market
from trading_assets.backtests.engine.dtypes import BUY, SELL, RecordArray
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.simulate import Simulation
from trading_assets.backtests.inputs.axis_labels import AxisLabels, named
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.backtests.results.liquidation_plan import plan_of
from trading_assets.backtests.results.order_audit import SIDES, Journal, journal_of
from trading_assets.warehouse.checking import in_order
from trading_assets.warehouse.table import Table

Floats = NDArray[np.float64]

POSITION_SIDES = ("long", "short")


@dataclass(frozen=True)
class Result:
    """One run as rows, by the tables' keys: sessions, symbols and reasons have names, and what is open has a plan.

    Each table is made when it is first asked for: a scenario of many needs the equity and the trades alone.

    Attributes
    ----------
    simulation
        Records of the run.
    market, run_parameters, settings, names
        What it ran on, and the names behind its numbers.
    risk_free
        What cash earned since the session before, (sessions of the market,), a fraction.
    strategy, split
        Names of both in the tables.
    """

    simulation: Simulation
    market: Market
    run_parameters: RecordArray
    settings: Settings
    names: AxisLabels
    risk_free: Floats
    strategy: str
    split: str

    @cached_property
    def trades(self) -> pl.DataFrame:
        """Rows of `backtests.trades`."""
        return self._finished(_trades(self.simulation.trades, self.names, self.journal), tables.TRADES)

    @cached_property
    def equity(self) -> pl.DataFrame:
        """Rows of `backtests.equity`."""
        curve = _equity(self.simulation, self.names.axes, self.settings.starting_equity, self.risk_free)
        return self._finished(curve, tables.EQUITY)

    @cached_property
    def decisions(self) -> pl.DataFrame:
        """Rows of `backtests.decisions`."""
        return self._finished(self.journal.decisions, tables.DECISIONS)

    @cached_property
    def orders(self) -> pl.DataFrame:
        """Rows of `backtests.orders`."""
        return self._finished(self.journal.orders, tables.ORDERS)

    @cached_property
    def fills(self) -> pl.DataFrame:
        """Rows of `backtests.fills`."""
        return self._finished(self.journal.fills, tables.FILLS)

    @cached_property
    def open_positions(self) -> pl.DataFrame:
        """Rows of `backtests.open_positions`."""
        return self._finished(_open(self.simulation, self.names, self.journal), tables.OPEN_POSITIONS)

    @cached_property
    def liquidation_plan(self) -> pl.DataFrame:
        """Rows of `backtests.liquidation_plan`: how what is open would be left."""
        plan = plan_of(self.simulation, self.market, self.run_parameters, self.settings, self.names)
        return self._finished(plan, tables.LIQUIDATION_PLAN)

    @cached_property
    def journal(self) -> Journal:
        """Decisions, orders and fills by name, and the ids of orders and trades by their numbers."""
        return journal_of(self.simulation, self.names, f"{self.strategy}-{self.split}")

    def _finished(self, frame: pl.DataFrame, table: Table) -> pl.DataFrame:
        full = frame.with_columns(strategy=pl.lit(self.strategy), split=pl.lit(self.split))
        return (
            table.conform(full.select(name for name in full.columns if name in table.columns))
            .fill_nan(None)
            .sort(table.key)
        )

    def by_table(self) -> dict[Table, pl.DataFrame]:
        """Return the rows with the table that they belong to."""
        return {
            tables.TRADES: self.trades,
            tables.EQUITY: self.equity,
            tables.DECISIONS: self.decisions,
            tables.ORDERS: self.orders,
            tables.FILLS: self.fills,
            tables.OPEN_POSITIONS: self.open_positions,
            tables.LIQUIDATION_PLAN: self.liquidation_plan,
        }


def together(results: Iterable[Result]) -> dict[Table, pl.DataFrame]:
    """Return the rows of several runs by table, in the order of its key: put behind each other, not copied."""
    parts = [result.by_table() for result in sorted(results, key=lambda result: result.split)]
    return {table: in_order(pl.concat([part[table] for part in parts]), table.key) for table in parts[0]}


def _trades(trades: RecordArray, names: AxisLabels, journal: Journal) -> pl.DataFrame:
    same = (
        "entry_price quantity stop_price exit_price pnl return r_multiple hold_sessions entry_fee exit_fee "
        "borrow_cost entry_slippage_bps exit_slippage_bps slippage_cost unexplained_moves"
    )
    orders = journal.order_ids.to_list()
    return pl.DataFrame(
        {
            "trade_id": named(journal.trade_ids.to_list(), trades["round_trip"]),
            "pair_id": named(names.pairs, trades["pair_index"]),
            "symbol": named(names.axes.symbols, trades["symbol"]),
            "asset_class": named(names.axes.asset_classes, trades["symbol"]),
            "side": named(POSITION_SIDES, trades["side"]),
            "entry_session": named(names.axes.sessions, trades["entry_session"], pl.Date),
            "exit_session": named(names.axes.sessions, trades["exit_session"], pl.Date),
            "exit_reason": named(names.exits, trades["exit_reason"]),
            "trigger": named(names.triggers, trades["trigger"]),
            "decision_session": named(names.axes.sessions, trades["decision_session"], pl.Date),
            "entry_order_id": named(orders, trades["entry_decision"]),
            "exit_order_id": named(orders, trades["exit_decision"]),
            **{name: np.ascontiguousarray(trades[name]) for name in same.split()},
        }
    )


def _equity(simulation: Simulation, axes: MarketAxes, starting_equity: float, risk_free: Floats) -> pl.DataFrame:
    first = simulation.first_session
    earned = risk_free[first : first + simulation.equity.size].copy()
    earned[:1] = 0.0  # the account is opened at the first close
    invested = simulation.equity - simulation.cash
    long_value = 0.5 * (simulation.gross_exposure * simulation.equity + invested)
    own_cash = simulation.equity - long_value  # the proceeds of short sales earn nothing
    frame = pl.DataFrame(
        {
            "session": axes.sessions[first : first + simulation.equity.size],
            "equity": simulation.equity,
            "settled_equity": simulation.settled_equity,
            "unexplained_moves": simulation.unexplained_moves,
            "cash": simulation.cash,
            "gross_exposure": simulation.gross_exposure,
            "positions": simulation.positions,
            "risk_free": earned,
            "interest": earned * np.concatenate([np.zeros(1), own_cash[:-1]]),
        }
    )
    before = pl.col("equity").shift(1, fill_value=starting_equity)
    peak = pl.max_horizontal(pl.lit(starting_equity), pl.col("equity").cum_max())
    return frame.with_columns(
        drawdown=pl.col("equity") / peak - 1, daily_return=pl.when(before > 0).then(pl.col("equity") / before - 1)
    )


def _open(simulation: Simulation, names: AxisLabels, journal: Journal) -> pl.DataFrame:
    held, orders = simulation.positions_at_end, simulation.orders_at_end
    order_ids = journal.order_ids.to_list()
    is_short = held["quantity"] < 0
    leaves = held["exit_reason"] >= 0
    positions = pl.DataFrame(
        {
            "symbol": named(names.axes.symbols, held["symbol"]),
            "pair_id": named(names.pairs, held["pair_index"]),
            "side": named(POSITION_SIDES, is_short.astype(np.int64)),
            "quantity": np.abs(held["quantity"]),
            "entry_session": named(names.axes.sessions, held["entry_session"], pl.Date),
            "entry_price": np.ascontiguousarray(held["entry_price"]),
            "stop_price": np.ascontiguousarray(held["stop"]),
            "last_price": np.ascontiguousarray(held["mark"]),
            "open_pnl": held["flow"] + held["quantity"] * held["mark"],
            "trade_id": named(journal.trade_ids.to_list(), held["round_trip"]),
            "pending_order": named(SIDES, np.where(leaves, np.where(is_short, BUY, SELL), -1)),
            "pending_reason": named(names.exits, held["exit_reason"]),
            "pending_order_id": named(order_ids, np.where(leaves, held["exit_decision"], -1)),
            "frozen": simulation.frozen_at_end[held["symbol"]],
            "unexplained_moves": np.ascontiguousarray(held["unexplained_moves"]),
        }
    )
    sells = (orders["weight"] < 0) | (names.side == "short")
    away = np.where(sells, -1.0, 1.0) * orders["distance"]
    pending = pl.DataFrame(
        {
            "symbol": named(names.axes.symbols, orders["symbol"]),
            "pair_id": named(names.pairs, orders["pair_index"]),
            "side": named(POSITION_SIDES, sells.astype(np.int64)),
            "stop_price": np.where(orders["distance"] > 0, orders["close"] - away, np.nan),
            "last_price": np.ascontiguousarray(orders["close"]),
            "pending_reason": named(names.triggers, orders["trigger"]),
            "pending_order_id": named(order_ids, orders["decision"]),
        }
    ).join(
        journal.orders.select(pending_order_id="order_id", pending_order="side", quantity="quantity"),
        on="pending_order_id",
        how="left",
        maintain_order="left",
    )
    place = ["symbol", "pair_id"]
    waiting = ["pending_order", "pending_reason", "pending_order_id"]
    changing = positions.join(pending.select(*place, *waiting), on=place, how="left", nulls_equal=True, suffix="_new")
    changing = changing.select(
        *(pl.coalesce(name, f"{name}_new").alias(name) if name in waiting else name for name in positions.columns)
    )
    opening = pending.join(positions, on=place, how="anti", nulls_equal=True)
    return pl.concat([changing, opening], how="diagonal")
