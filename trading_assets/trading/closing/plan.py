"""What is left at the close of a session of an account that is closing: who first, and at which limit.

The engine sells: `liquidation_plan` says in which order, by what the engine has at that close.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.simulate import Simulation
from trading_assets.backtests.inputs.axis_labels import AxisLabels, named
from trading_assets.backtests.results import liquidation_plan
from trading_assets.trading.closing.tables import CLOSING_PLANS


def left_from(prepared: PreparedBacktest, session: dt.date) -> PreparedBacktest:
    """Return a backtest that enters nothing and leaves all from the first close of `session` or after it on."""
    run_parameters = prepared.run_parameters.copy()
    run_parameters["closing"] = bisect_left(prepared.axes.sessions, session) + 1
    return replace(prepared, run_parameters=run_parameters)


def plans_at(
    prepared: PreparedBacktest, names: AxisLabels, closes: Sequence[tuple[dt.date, Simulation]]
) -> pl.DataFrame:
    """Return what is to be left at each close.

    Parameters
    ----------
    prepared, names
        What is run, and the names behind the numbers of its records.
    closes
        Sessions, and the run as it was at each close.

    Returns
    -------
    polars.DataFrame
        Columns of `trading.closing_plans` but those of the account, most urgent first at each close.
    """
    parts = [_plan(prepared, names, session, found) for session, found in closes if found.positions_at_end.size]
    own = CLOSING_PLANS.empty().drop("strategy", "account", "label")
    return pl.concat([own, *(part.select(own.columns) for part in parts)])


def _plan(prepared: PreparedBacktest, names: AxisLabels, session: dt.date, found: Simulation) -> pl.DataFrame:
    slices = liquidation_plan.plan_of(found, prepared.market, prepared.run_parameters, prepared.settings, names)
    plan = slices.group_by("symbol", "pair_id", maintain_order=True).agg(
        pl.col("rank", "side", "reason", "unhealthy", "drawdown", "sessions_needed", "unrealised_r").first(),
        pl.col("expected_cost").sum(),
    )
    held = found.positions_at_end
    positions = pl.DataFrame(
        {
            "symbol": named(names.axes.symbols, held["symbol"]),
            "pair_id": named(names.pairs, held["pair_index"]),
            "quantity": np.abs(held["quantity"]),
            "mark": np.ascontiguousarray(held["mark"]),
        }
    )
    far = prepared.settings.closing_limit
    beside = pl.when(pl.col("side") == "sell").then(1.0 - far).otherwise(1.0 + far)
    return plan.join(
        positions, on=["symbol", "pair_id"], how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(session=pl.lit(session), urgency="rank", limit=pl.col("mark") * beside)
