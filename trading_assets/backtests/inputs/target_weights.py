"""From the target weights of a strategy to the arrays and trials of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import EXIT_REASONS, TRIAL, Market, Targets
from trading_assets.backtests.engine.dtypes import Table
from trading_assets.backtests.inputs.axis_labels import Names
from trading_assets.backtests.inputs.market_arrays import Grid
from trading_assets.backtests.inputs.order_signals import SCALING
from trading_assets.backtests.inputs.plan import Plan
from trading_assets.config.strategies import TargetWeightParameters
from trading_assets.strategies.interface.target_weights import checked

#: Parameters that the engine alone reads: sets that differ in nothing else share their target weights.
_OF_THE_ENGINE = {"capacity", "volatility_scaling"}


def target_plans(
    strategy: Any, parameter_sets: Sequence[TargetWeightParameters], panel: pl.DataFrame, grid: Grid, market: Market
) -> list[Plan]:
    """Plans of a target-weight strategy, in the order of its parameter sets.

    Parameters
    ----------
    strategy
        Its module.

    Raises
    ------
    TargetWeightError
        What the strategy gave back cannot be used.
    """
    made: dict[str, tuple[Targets, Names]] = {}
    plans = []
    for parameters in parameter_sets:
        key = parameters.model_dump_json(exclude=_OF_THE_ENGINE)
        if key not in made:
            made[key] = targets_of(checked(strategy.target_weights(parameters, panel), panel), panel, grid, market)
        targets, names = made[key]
        plans.append(Plan(targets, trial_of(parameters, len(grid.sessions) - 1), names))
    return plans


def targets_of(rows: pl.DataFrame, panel: pl.DataFrame, grid: Grid, market: Market) -> tuple[Targets, Names]:
    """Arrays of target weights, and what their numbers stand for.

    Pairs are numbered in the order of their first rows, so that a later pair changes no number of an earlier one.

    Parameters
    ----------
    rows
        See `trading_assets.strategies.interface.target_weights.checked`.
    """
    members = panel.select("session", "symbol", eligible="in_universe")
    sessions = pl.DataFrame({"session": grid.sessions}, schema={"session": pl.Date}).with_row_index("t")
    columns = pl.DataFrame({"symbol": grid.symbols}, schema={"symbol": pl.String}).with_row_index("i")
    found = rows.join(members, on=["session", "symbol"]).join(sessions, on="session").join(columns, on="symbol")
    found = found.filter(pl.Series(market.present[found["t"].to_numpy(), found["i"].to_numpy()]))

    first_rows = found.drop_nulls("pair_id").group_by("pair_id").agg(pl.col("t").min()).sort("t", "pair_id")
    groups = first_rows.select("pair_id").with_row_index("group")
    names = (*EXIT_REASONS, *sorted(set(found["reason"]) - set(EXIT_REASONS)))
    numbered = found.join(groups, on="pair_id", how="left").with_columns(
        pl.col("t", "i", "group").cast(pl.Int64),
        reason=pl.col("reason").replace_strict({name: n for n, name in enumerate(names)}, return_dtype=pl.Int64),
    )
    numbered = numbered.with_columns(pl.col("group").fill_null(-1)).sort("t", "group", "i")
    slots = numbered.select("group", "i").unique().sort("group", "i").with_row_index("slot")
    numbered = numbered.join(slots, on=["group", "i"], how="left", maintain_order="left")
    targets = Targets(
        first=np.searchsorted(numbered["t"].to_numpy(), np.arange(len(grid.sessions) + 1)).astype(np.int64),
        slot=numbered["slot"].cast(pl.Int64).to_numpy(writable=True),
        weight=numbered["target_weight"].to_numpy(writable=True),
        eligible=numbered["eligible"].to_numpy(writable=True),
        reason=numbered["reason"].to_numpy(writable=True),
        symbol=slots["i"].to_numpy(writable=True),
        group=slots["group"].to_numpy(writable=True),
    )
    return targets, Names(grid, triggers=names, exits=names, pairs=tuple(groups["pair_id"]))


def trial_of(parameters: TargetWeightParameters, last: int) -> Table:
    """One trial over the sessions 0 to `last`, as an array of one. There are no triggers, stops or exits."""
    trial = np.zeros(1, TRIAL)
    trial["threshold"] = np.nan
    trial["exit_signal"] = trial["raise_signal"] = -1
    trial["capacity"] = parameters.capacity
    trial["scaling"] = SCALING[parameters.volatility_scaling]
    trial["fee_multiplier"] = trial["slippage_multiplier"] = trial["borrow_multiplier"] = 1.0
    trial["last_session"] = last
    return trial
