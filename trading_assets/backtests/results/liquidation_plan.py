"""How what is open at the end of a run would be left: who first, in which slices, at which cost. Never executed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import Flags, Floats, Market
from trading_assets.backtests.engine.dtypes import BUY, LONG, SELL, RecordArray
from trading_assets.backtests.engine.jit import cached
from trading_assets.backtests.engine.liquidation import slice_quantity
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
        Of the position from its best mark since the entry, at most 0: the deepest first.
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


def plan_of(
    simulation: Simulation, market: Market, run_parameters: RecordArray, settings: Settings, names: AxisLabels
) -> pl.DataFrame:
    """The plan at the last close of a run.

    A slice is what the drawdown breaker would sell in a session (`liquidation.slice_quantity`), at the depth of the
    market of the last session. Costs are the mean slippage of its size and the fee, under the conditions of the
    last session (weekend, stress): those of the sessions to come are not known.

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
    found = [
        _position(row, last, market, unhealthy, run_parameters, settings, names) for row in simulation.positions_at_end
    ]
    found.sort(key=lambda each: (each[0].key, each[1]["pair_id"][0] or ""))
    plans = [
        rows.with_columns(
            rank=pl.lit(rank, pl.Int64),
            reason=pl.lit(urgency.reason),
            unhealthy=pl.lit(urgency.unhealthy),
            drawdown=pl.lit(urgency.drawdown),
            sessions_needed=pl.lit(urgency.sessions_needed, pl.Int64),
            unrealised_r=pl.lit(urgency.unrealised_r).fill_nan(None),
        )
        for rank, (urgency, rows) in enumerate(found, start=1)
    ]
    return pl.concat(plans) if plans else LIQUIDATION_PLAN.empty().drop("strategy", "split")


def _position(
    position: Any,
    last: int,
    market: Market,
    unhealthy: Flags,
    parameter_rows: RecordArray,
    settings: Settings,
    names: AxisLabels,
) -> tuple[Urgency, pl.DataFrame]:
    run_parameters, i, mark = parameter_rows[0], int(position["symbol"]), float(position["mark"])
    quantity, sign = abs(float(position["quantity"])), 1.0 if position["side"] == LONG else -1.0
    adv, lot = float(market.adv[last, i]), float(market.lot[i])
    slice_ = slice_quantity(quantity, mark, adv, run_parameters["capacity"], lot)
    needed = max(1, math.ceil(quantity / slice_ - 1e-9)) if slice_ > 0.0 else 1
    sold = np.full(min(needed, LISTED_SLICES), slice_)
    if needed <= LISTED_SLICES:
        sold[-1] = quantity - slice_ * (needed - 1)
    notional = sold * mark
    bps = np.empty_like(notional)
    _mean_bps(last, i, notional, market, parameter_rows, settings, bps)
    risk = float(position["risk"])
    profit = float(position["flow"] + position["quantity"] * mark)
    urgency = Urgency(
        unhealthy=bool(unhealthy[i]),
        drawdown=min(0.0, sign * (mark / float(position["best_mark"]) - 1.0)),
        sessions_needed=needed,
        unrealised_r=profit / risk if risk > 0.0 else math.nan,
        symbol=names.axes.symbols[i],
    )
    pair = int(position["pair_index"])
    rows = pl.DataFrame(
        {
            "symbol": names.axes.symbols[i],
            "pair_id": pl.Series([names.pairs[pair] if pair >= 0 else None] * sold.size, dtype=pl.String),
            "slice": np.arange(1, sold.size + 1),
            "session_offset": np.arange(1, sold.size + 1),
            "side": SIDES[SELL if sign > 0 else BUY],
            "quantity": sold,
            "notional": notional,
            "expected_slippage_bps": bps,
            "expected_cost": notional * (bps / 1e4 + fee_rate(market.fee_bps[i], run_parameters)),
        }
    )
    return urgency, rows


@cached
def _mean_bps(
    t: int, i: int, notional: Floats, market: Market, parameter_rows: RecordArray, settings: Settings, bps: Floats
) -> None:
    """Mean slippage of orders of these sizes decided and filled in session *t*, impact included."""
    for k in range(notional.size):
        bps[k] = mean_slippage_bps(t, i, t, notional[k], market, parameter_rows[0], settings)
        bps[k] += impact_bps(t, i, t, notional[k], market, parameter_rows[0], settings)
