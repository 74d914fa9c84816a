"""From the rules of a strategy to the arrays and run parameters of the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import (
    MAX_TRIGGERS,
    RUN_PARAMETERS,
    SCALING_CONTINUOUS,
    SCALING_OFF,
    SCALING_REGIME,
    Candidates,
    Flags,
    Floats,
    Market,
    Signals,
)
from trading_assets.backtests.engine.dtypes import LONG, SHORT, RecordArray
from trading_assets.backtests.inputs.axis_labels import AxisLabels
from trading_assets.backtests.inputs.market_arrays import MarketAxes, Places
from trading_assets.backtests.inputs.plan import BacktestPlan
from trading_assets.config import ConfigurationError
from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.module import OrderModule
from trading_assets.strategies.interface.panel import evaluate
from trading_assets.strategies.interface.rules import Rules

#: Codes of `volatility_scaling`.
SCALING = {"off": SCALING_OFF, "continuous": SCALING_CONTINUOUS, "regime": SCALING_REGIME}


def order_plans(
    module: OrderModule,
    parameter_sets: Sequence[OrderParameters],
    panel: pl.DataFrame,
    axes: MarketAxes,
    market: Market,
    rank_weights: tuple[float, float, float],
) -> list[BacktestPlan]:
    """Return plans of an order-based strategy, in the order of its parameter sets.

    Sets that differ in thresholds, exit, stops, capacity, scaling or holding time only share their signals.

    Parameters
    ----------
    module
        The strategy's.
    rank_weights
        Weights of the risk section.

    Raises
    ------
    ConfigurationError
        The sets name different models: the panel has the scores of one.
    """
    rules = [module.rules(parameters) for parameters in parameter_sets]
    models = sorted({str(each.model) for each in rules})
    if len(models) > 1:
        raise ConfigurationError(
            f"parameter sets of one sweep name different models: {', '.join(models)}\n"
            "  expected: one, whose scores all of them see; an entry of `strategies` for each model"
        )
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for number, each in enumerate(rules):
        groups.setdefault(signature(each), []).append(number)
    plans: dict[int, BacktestPlan] = {}
    for members in groups.values():
        signals = signals_of([rules[number] for number in members], panel, axes, market)
        for number in members:
            run_parameters = run_parameters_of(
                rules[number], parameter_sets[number], rank_weights, len(axes.sessions) - 1
            )
            plans[number] = BacktestPlan(signals, run_parameters, AxisLabels.of_rules(axes, rules[number]))
    return [plans[number] for number in range(len(rules))]


def signals_of(rules: Sequence[Rules], panel: pl.DataFrame, axes: MarketAxes, market: Market) -> Signals:
    """Evaluate rules that differ at most in their thresholds.

    Candidates are the rows on which a trigger reaches the smallest of its thresholds.

    Parameters
    ----------
    rules
        At least one; all have the same expressions.
    panel
        Rows of the strategy's panel, by symbol and session.
    axes, market
        Sessions and symbols of the arrays, and the market on them.

    Raises
    ------
    ValueError
        More triggers than the run parameters have room for.
    """
    triggers = rules[0].triggers
    if len(triggers) > MAX_TRIGGERS:
        raise ValueError(f"{len(triggers)} triggers; a strategy has at most {MAX_TRIGGERS}")
    found = evaluate(rules[0], panel)
    on_grid, t, i = axes.places(found)
    return Signals(_candidates(rules, found, (on_grid, t, i), market), _exits(rules[0], found, (on_grid, t, i), market))


def run_parameters_of(
    rules: Rules, parameters: OrderParameters, rank_weights: tuple[float, float, float], last: int
) -> RecordArray:
    """Return the parameters of a run over the sessions 0 to `last`, as an array of one.

    Parameters
    ----------
    rank_weights
        Weights of the risk section; the strategy's own go first.
    """
    names = list(rules.exits)
    run_parameters = np.zeros(1, RUN_PARAMETERS)
    run_parameters["threshold"] = np.nan
    for number, trigger in enumerate(rules.triggers):
        run_parameters["threshold"][0, number] = trigger.threshold
    run_parameters["side"] = LONG if rules.side == "long" else SHORT
    run_parameters["stop_atr"] = parameters.stop_atr
    run_parameters["exit_signal"] = names.index(rules.exit.signal) if rules.exit else -1
    run_parameters["raise_signal"] = -1
    if rules.exit and rules.exit.raise_stop_on is not None:
        run_parameters["raise_signal"] = names.index(rules.exit.raise_stop_on)
        run_parameters["raised_stop_atr"] = rules.exit.raised_stop_atr
    run_parameters["max_hold"] = parameters.max_hold or 0
    run_parameters["capacity"] = parameters.capacity
    run_parameters["scaling"] = SCALING[parameters.volatility_scaling]
    run_parameters["rank_weights"] = rules.rank_weights or rank_weights
    run_parameters["fee_multiplier"] = run_parameters["slippage_multiplier"] = run_parameters["borrow_multiplier"] = 1.0
    run_parameters["last_session"] = last
    return run_parameters


def signature(rules: Rules) -> tuple[bytes, ...]:
    """Return what rules must share to be run on the same signals: all but thresholds and the choice of exit."""
    expressions = [rules.eligible, rules.relative_strength, *rules.exits.values()]
    expressions += [part for trigger in rules.triggers for part in (trigger.strength, trigger.rank)]
    names = ",".join([*rules.exits, "|", *(trigger.name for trigger in rules.triggers)])
    return (names.encode(), rules.side.encode(), *(expression.meta.serialize() for expression in expressions))


def _candidates(rules: Sequence[Rules], found: pl.DataFrame, places: Places, market: Market) -> Candidates:
    count = len(rules[0].triggers)
    lowest = [min(each.triggers[number].threshold for each in rules) for number in range(count)]
    fires = pl.any_horizontal(
        pl.lit(False), *(pl.col(f"strength_{number}") >= threshold for number, threshold in enumerate(lowest))
    )
    on_grid, t, i = places
    kept = np.flatnonzero(on_grid & found.select(fires.fill_null(False)).to_series().to_numpy())
    kept = kept[market.present[t[kept], i[kept]]]
    kept = kept[np.lexsort((i[kept], t[kept]))]
    rows = found[kept]
    return Candidates(
        first=np.searchsorted(t[kept], np.arange(market.close.shape[0] + 1)).astype(np.int64),
        symbol=i[kept],
        eligible=rows["eligible"].to_numpy(writable=True),
        strength=_stacked(rows, [f"strength_{number}" for number in range(count)]),
        rank=_stacked(rows, [f"rank_{number}" for number in range(count)]),
        relative_strength=rules[0].sign * _stacked(rows, ["relative_strength"])[0],
    )


def _stacked(rows: pl.DataFrame, columns: Sequence[str]) -> Floats:
    stacked = np.empty((len(columns), rows.height))
    for number, column in enumerate(columns):
        stacked[number] = rows[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return stacked


def _exits(rules: Rules, found: pl.DataFrame, places: Places, market: Market) -> Flags:
    exits = np.zeros((len(rules.exits), *market.close.shape), dtype=np.bool_)
    on_grid, t, i = places
    for number, name in enumerate(rules.exits):
        true = on_grid & found[f"exit_{name}"].to_numpy()
        exits[number, t[true], i[true]] = True
    return exits
