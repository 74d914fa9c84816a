"""From the target weights of a strategy to the arrays and run parameters of the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import EXIT_REASONS, RUN_PARAMETERS, Market, Targets
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.inputs.axis_labels import AxisLabels
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.backtests.inputs.order_signals import SCALING
from trading_assets.backtests.inputs.plan import BacktestPlan
from trading_assets.config.strategies import TargetWeightParameters
from trading_assets.strategies.interface.module import TargetWeightModule
from trading_assets.strategies.interface.target_weights import OF_REGIME, stated_weights

#: Parameters that the engine alone reads: sets that differ in nothing else share their target weights.
_OF_THE_ENGINE = {"capacity", "volatility_scaling"}


def target_plans(
    module: TargetWeightModule,
    parameter_sets: Sequence[TargetWeightParameters],
    panel: pl.DataFrame,
    axes: MarketAxes,
    market: Market,
) -> list[BacktestPlan]:
    """Return plans of a target-weight strategy, in the order of its parameter sets.

    Parameters
    ----------
    module
        The strategy's.

    Raises
    ------
    TargetWeightError
        What the strategy gave back cannot be used.
    """
    made: dict[str, tuple[Targets, AxisLabels]] = {}
    plans = []
    for parameters in parameter_sets:
        key = parameters.model_dump_json(exclude=_OF_THE_ENGINE)
        if key not in made:
            made[key] = targets_of(stated_weights(module, parameters, panel), panel, axes, market)
        targets, names = made[key]
        plans.append(BacktestPlan(targets, run_parameters_of(parameters, len(axes.sessions) - 1), names))
    return plans


def targets_of(rows: pl.DataFrame, panel: pl.DataFrame, axes: MarketAxes, market: Market) -> tuple[Targets, AxisLabels]:
    """Return arrays of target weights, and what their numbers stand for.

    Pairs are numbered in the order of their first rows, so that a later pair changes no number of an earlier one.

    Parameters
    ----------
    rows
        See `trading_assets.strategies.interface.target_weights.checked`.
    """
    members = panel.select("session", "symbol", eligible="in_universe")
    sessions = pl.DataFrame({"session": axes.sessions}, schema={"session": pl.Date}).with_row_index("t")
    columns = pl.DataFrame({"symbol": axes.symbols}, schema={"symbol": pl.String}).with_row_index("i")
    found = rows.join(members, on=["session", "symbol"]).join(sessions, on="session").join(columns, on="symbol")
    found = found.filter(pl.Series(market.present[found["t"].to_numpy(), found["i"].to_numpy()]))

    first_rows = found.drop_nulls("pair_id").group_by("pair_id").agg(pl.col("t").min()).sort("t", "pair_id")
    groups = first_rows.select("pair_id").with_row_index("pair_index")
    names = (*EXIT_REASONS, *sorted(set(found["reason"]) - set(EXIT_REASONS)))
    numbered = found.join(groups, on="pair_id", how="left").with_columns(
        pl.col("t", "i", "pair_index").cast(pl.Int64),
        reason=pl.col("reason").replace_strict({name: n for n, name in enumerate(names)}, return_dtype=pl.Int64),
    )
    numbered = numbered.with_columns(pl.col("pair_index").fill_null(-1)).sort("t", "pair_index", "i")
    slots = numbered.select("pair_index", "i").unique().sort("pair_index", "i").with_row_index("position_index")
    numbered = numbered.join(slots, on=["pair_index", "i"], how="left", maintain_order="left")
    targets = Targets(
        first=np.searchsorted(numbered["t"].to_numpy(), np.arange(len(axes.sessions) + 1)).astype(np.int64),
        position_index=numbered["position_index"].cast(pl.Int64).to_numpy(writable=True),
        weight=numbered["target_weight"].to_numpy(writable=True),
        eligible=numbered["eligible"].to_numpy(writable=True),
        reason=numbered["reason"].to_numpy(writable=True),
        symbol=slots["i"].to_numpy(writable=True),
        pair_index=slots["pair_index"].to_numpy(writable=True),
    )
    if OF_REGIME in names:
        targets = targets._replace(of_regime=targets.reason == names.index(OF_REGIME))
    return targets, AxisLabels(axes, triggers=names, exits=names, pairs=tuple(groups["pair_id"]))


def run_parameters_of(parameters: TargetWeightParameters, last: int) -> RecordArray:
    """Return the parameters of a run over the sessions 0 to `last`, as an array of one: no triggers, stops, exits."""
    run_parameters = np.zeros(1, RUN_PARAMETERS)
    run_parameters["threshold"] = np.nan
    run_parameters["exit_signal"] = run_parameters["raise_signal"] = -1
    run_parameters["capacity"] = parameters.capacity
    run_parameters["scaling"] = SCALING[parameters.volatility_scaling]
    run_parameters["fee_multiplier"] = run_parameters["slippage_multiplier"] = run_parameters["borrow_multiplier"] = 1.0
    run_parameters["last_session"] = last
    return run_parameters
