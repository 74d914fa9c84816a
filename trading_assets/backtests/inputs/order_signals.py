"""From the rules of a strategy to the arrays and run parameters of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import (
    MAX_TRIGGERS,
    RUN_PARAMETERS,
    SCALING_CONTINUOUS,
    SCALING_OFF,
    SCALING_REGIME,
    Candidates,
    Floats,
    Integers,
    Market,
    Signals,
)
from trading_assets.backtests.engine.dtypes import LONG, SHORT, RecordArray
from trading_assets.backtests.inputs.axis_labels import AxisLabels
from trading_assets.backtests.inputs.market_axes import MarketAxes
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
    panels: Iterable[pl.DataFrame],
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
    panels
        Rows of the strategy's panel, by symbol and session, of some symbols at a time.
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
    of_groups = [[rules[number] for number in members] for members in groups.values()]
    for members, signals in zip(groups.values(), signals_of(of_groups, panels, axes, market), strict=True):
        for number in members:
            run_parameters = run_parameters_of(
                rules[number], parameter_sets[number], rank_weights, len(axes.sessions) - 1
            )
            plans[number] = BacktestPlan(signals, run_parameters, AxisLabels.of_rules(axes, rules[number]))
    return [plans[number] for number in range(len(rules))]


def signals_of(
    groups: Sequence[Sequence[Rules]], panels: Iterable[pl.DataFrame], axes: MarketAxes, market: Market
) -> list[Signals]:
    """Evaluate groups of rules, of which those of one group differ at most in their thresholds.

    Candidates are the rows on which a trigger reaches the smallest of its thresholds.

    Parameters
    ----------
    groups
        At least one rule in each; all of a group have the same expressions.
    panels
        Rows of the strategy's panel, by symbol and session, of some symbols at a time.
    axes, market
        Sessions and symbols of the arrays, and the market on them.

    Raises
    ------
    ValueError
        More triggers than the run parameters have room for.
    """
    made = [_SignalsInParts(rules, axes) for rules in groups]
    for panel in panels:
        for each in made:
            each.add(panel)
    return [each.signals(market) for each in made]


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


class _SignalsInParts:
    """Signals of rules that share their expressions, from the rows of some symbols at a time."""

    def __init__(self, rules: Sequence[Rules], axes: MarketAxes) -> None:
        triggers = range(len(rules[0].triggers))
        if len(triggers) > MAX_TRIGGERS:
            raise ValueError(f"{len(triggers)} triggers; a strategy has at most {MAX_TRIGGERS}")
        self._rules, self._axes = rules[0], axes
        lowest = [min(each.triggers[number].threshold for each in rules) for number in triggers]
        fires = (pl.col(f"strength_{number}") >= threshold for number, threshold in enumerate(lowest))
        self._fires = pl.any_horizontal(pl.lit(False), *fires).fill_null(False)
        self._strength, self._rank = ([f"{name}_{number}" for number in triggers] for name in ("strength", "rank"))
        self._exits = np.zeros((len(rules[0].exits), len(axes.sessions), len(axes.symbols)), dtype=np.bool_)
        self._found: list[tuple[Integers, Integers, pl.DataFrame]] = []

    def add(self, panel: pl.DataFrame) -> None:
        """Evaluate the rules on the rows of symbols, none of which was added before."""
        found = evaluate(self._rules, panel)
        on_grid, t, i = self._axes.places(found)
        kept = np.flatnonzero(on_grid & found.select(self._fires).to_series().to_numpy())
        rows = found.select("eligible", *self._strength, *self._rank, "relative_strength")[kept]
        self._found.append((t[kept], i[kept], rows))
        for number, name in enumerate(self._rules.exits):
            true = on_grid & found[f"exit_{name}"].to_numpy()
            self._exits[number, t[true], i[true]] = True

    def signals(self, market: Market) -> Signals:
        """Return the signals of all that was added, at bars that signals may use."""
        t, i = (np.concatenate([each[axis] for each in self._found]) for axis in (0, 1))
        kept = np.flatnonzero(market.present[t, i])
        kept = kept[np.lexsort((i[kept], t[kept]))]
        rows = pl.concat([each for _, _, each in self._found])[kept]
        candidates = Candidates(
            first=np.searchsorted(t[kept], np.arange(market.close.shape[0] + 1)).astype(np.int64),
            symbol=i[kept],
            eligible=rows["eligible"].to_numpy(writable=True),
            strength=_stacked(rows, self._strength),
            rank=_stacked(rows, self._rank),
            relative_strength=self._rules.sign * _stacked(rows, ["relative_strength"])[0],
        )
        return Signals(candidates, self._exits)


def _stacked(rows: pl.DataFrame, columns: Sequence[str]) -> Floats:
    stacked = np.empty((len(columns), rows.height))
    for number, column in enumerate(columns):
        stacked[number] = rows[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return stacked
