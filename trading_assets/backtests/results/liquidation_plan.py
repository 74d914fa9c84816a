"""How what is open at the end of a run would be left: who first, in which slices, at which cost. Never executed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers, Market
from trading_assets.backtests.engine.dtypes import BUY, LONG, SELL, RecordArray
from trading_assets.backtests.engine.jit import cached
from trading_assets.backtests.engine.liquidation import slice_quantity
from trading_assets.backtests.engine.portfolio_state import floor_to_lot
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.simulate import Simulation
from trading_assets.backtests.engine.transaction_costs import fee_rate, impact_bps, mean_slippage_bps
from trading_assets.backtests.inputs.axis_labels import AxisLabels
from trading_assets.backtests.results.order_audit import SIDES
from trading_assets.backtests.tables import LIQUIDATION_PLAN

#: Slices of a position that are listed; who needs more cannot be sold in four years.
LISTED_SLICES = 1000


@dataclass(frozen=True)
class Urgency:
    """What decides who is left first, in this order, then the symbol.

    Attributes
    ----------
    unhealthy
        Data are missing, or the symbol is delisted: first.
    drawdown
        Fall of the position from its best mark since the entry, at most 0: the deepest first.
    sessions_needed
        Slices within capacity: the most first.
    unrealised_r
        Open profit over the initial risk: the lowest first, NaN (no risk known) last.
    """

    unhealthy: bool
    drawdown: float
    sessions_needed: int
    unrealised_r: float
    symbol: str

    @property
    def key(self) -> tuple[bool, float, int, float, str]:
        """Ascending: the most urgent has the smallest."""
        r = math.inf if math.isnan(self.unrealised_r) else self.unrealised_r
        return (not self.unhealthy, self.drawdown, -self.sessions_needed, r, self.symbol)

    @property
    def reason(self) -> str:
        """The first of them that says anything."""
        if self.unhealthy:
            return "data_missing"
        if self.drawdown < 0:
            return "drawdown"
        return "liquidity" if self.sessions_needed > 1 else "unrealised_r"


@dataclass(frozen=True)
class _Holding:
    """A position at the end of a run and what leaving it takes; `capacity` is of a session, and may be infinite."""

    urgency: Urgency
    pair_id: str | None
    symbol: int
    side: int
    quantity: float
    mark: float
    capacity: float
    lot: float


def plan_of(
    simulation: Simulation, market: Market, run_parameters: RecordArray, settings: Settings, names: AxisLabels
) -> pl.DataFrame:
    """Return the plan of an exit from all positions at the last close of a run.

    A slice is what the drawdown breaker would trade in a session (`liquidation.slice_quantity`), at the depth of the
    market of the last session. Positions of a symbol on one side share it, the most urgent first. Costs are the mean
    slippage of all that is traded of the symbol on that side then, and the fee, under the conditions of the last
    session (weekend, stress): those of the sessions to come are not known.

    Parameters
    ----------
    market, run_parameters, settings
        What the run was made of.

    Returns
    -------
    polars.DataFrame
        Columns of `backtests.liquidation_plan` but strategy and split; most urgent first.
    """
    last = simulation.first_session + simulation.equity.size - 1
    unhealthy = simulation.unhealthy_at_end
    found = [_holding(row, last, market, unhealthy, run_parameters[0], names) for row in simulation.positions_at_end]
    found.sort(key=lambda each: (each.urgency.key, each.pair_id or ""))
    if not found:
        return LIQUIDATION_PLAN.empty().drop("strategy", "split")
    under_way: dict[tuple[int, int], tuple[int, float]] = {}
    plans = []
    for rank, holding in enumerate(found, start=1):
        first, room = under_way.get((holding.symbol, holding.side), (1, holding.capacity))
        sold, under_way[holding.symbol, holding.side] = _slices(holding, first, room)
        plans.append(_rows(rank, holding, first, sold, names))
    plan = pl.concat(plans).with_columns(traded=pl.col("notional").sum().over("symbol", "side", "session_offset"))
    bps = np.empty(plan.height)
    columns, traded = plan["column"].to_numpy(), plan["traded"].to_numpy()
    mean_bps(last, columns, traded, market, run_parameters, settings, bps)
    fees = np.array([fee_rate(market.fee_bps[i], run_parameters[0]) for i in columns])
    return plan.with_columns(
        expected_slippage_bps=bps, expected_cost=plan["notional"].to_numpy() * (bps / 1e4 + fees)
    ).drop("traded", "column")


def _holding(
    position: Any, last: int, market: Market, unhealthy: Flags, run_parameters: Any, names: AxisLabels
) -> _Holding:
    i, mark = int(position["symbol"]), float(position["mark"])
    quantity, sign = abs(float(position["quantity"])), 1.0 if position["side"] == LONG else -1.0
    adv, lot = float(market.adv[last, i]), float(market.lot[i])
    capacity = slice_quantity(math.inf, mark, adv, run_parameters["capacity"], lot)
    risk, pair = float(position["risk"]), int(position["pair_index"])
    profit = float(position["flow"] + position["quantity"] * mark)
    urgency = Urgency(
        unhealthy=bool(unhealthy[i]),
        drawdown=_drawdown(mark, float(position["best_mark"]), sign),
        sessions_needed=max(1, math.ceil(quantity / capacity - 1e-9)),
        unrealised_r=profit / risk if risk > 0.0 else math.nan,
        symbol=names.axes.symbols[i],
    )
    pair_id = names.pairs[pair] if pair >= 0 else None
    return _Holding(urgency, pair_id, i, SELL if sign > 0 else BUY, quantity, mark, capacity, lot)


def _drawdown(mark: float, best: float, sign: float) -> float:
    """Fall from the best mark; what a short lost since it was worth nothing is without bound."""
    if best > 0.0:
        return min(0.0, sign * (mark / best - 1.0))
    return -math.inf if mark > best else 0.0


def _slices(holding: _Holding, first: int, room: float) -> tuple[Floats, tuple[int, float]]:
    """Quantities by session from `first` on, in which `room` is left, and the session and room after them."""
    begun = min(holding.quantity, room)
    rest = holding.quantity - begun
    more = math.ceil(rest / holding.capacity - 1e-9)
    sold = np.full(1 + min(more, LISTED_SLICES - 1), holding.capacity)
    sold[0] = begun
    if 0 < more < LISTED_SLICES:
        sold[-1] = rest - holding.capacity * (more - 1)
    if holding.capacity == math.inf:
        return sold, (first, math.inf)
    taken = rest - holding.capacity * (more - 1) if more else holding.capacity - room + begun
    left = floor_to_lot(holding.capacity - taken, holding.lot)
    return sold, (first + more, left) if left > 0.0 else (first + more + 1, holding.capacity)


def _rows(rank: int, holding: _Holding, first: int, sold: Floats, names: AxisLabels) -> pl.DataFrame:
    urgency = holding.urgency
    return pl.DataFrame(
        {
            "symbol": names.axes.symbols[holding.symbol],
            "pair_id": pl.Series([holding.pair_id] * sold.size, dtype=pl.String),
            "slice": np.arange(1, sold.size + 1),
            "session_offset": np.arange(first, first + sold.size),
            "side": SIDES[holding.side],
            "quantity": sold,
            "notional": sold * holding.mark,
            "column": pl.Series([holding.symbol] * sold.size, dtype=pl.Int64),
        }
    ).with_columns(
        rank=pl.lit(rank, pl.Int64),
        reason=pl.lit(urgency.reason),
        unhealthy=pl.lit(urgency.unhealthy),
        drawdown=pl.lit(urgency.drawdown),
        sessions_needed=pl.lit(urgency.sessions_needed, pl.Int64),
        unrealised_r=pl.lit(urgency.unrealised_r).fill_nan(None),
    )


@cached
def mean_bps(
    t: int,
    symbols: Integers,
    notional: Floats,
    market: Market,
    parameter_rows: RecordArray,
    settings: Settings,
    bps: Floats,
) -> None:
    """Fill `bps` with the mean slippage of orders of these sizes decided and filled in session *t*, impact included.

    Parameters
    ----------
    t
        Row of the market.
    symbols, notional
        (orders,) column of each one's symbol, and its size in quote currency.
    market, parameter_rows, settings
        What the run is made of.
    bps
        (orders,) filled.
    """
    for k in range(notional.size):
        bps[k] = mean_slippage_bps(t, symbols[k], t, notional[k], market, parameter_rows[0], settings)
        bps[k] += impact_bps(t, symbols[k], t, notional[k], market, parameter_rows[0], settings)
