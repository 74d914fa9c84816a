"""The strategy under worse conditions: dearer fills, later fills, holes, crashes, bad months, bad years."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest, backtest
from trading_assets.backtests.results.metrics import summarise
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.results.settled_curve import settled, without_unexplained_gains
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config.robustness import Robustness, StressScenario
from trading_assets.config.stress_scenarios import (
    BASE,
    BEAR_MONTHS,
    HISTORICAL_WINDOWS,
    RANGE_MONTHS,
    UNEXPLAINED_DELISTINGS,
    VERDICT_MULTIPLIERS,
    WITHOUT_UNEXPLAINED_GAINS,
    built_in,
    slippage_scenario,
)
from trading_assets.robustness.stress.benchmark_months import BEAR, RANGE, in_months
from trading_assets.robustness.stress.scenario_market import ScenarioInputs, apply_scenario, span_of
from trading_assets.robustness.stress.unexplained_endings import positions_met
from trading_assets.robustness.tables import STRESS, STRESS_EQUITY

#: Of the scenario of unexplained delistings: positions that one of them closed.
POSITIONS_MET = "positions_met"


@dataclass(frozen=True)
class Stress:
    """Rows of `robustness.stress` and `robustness.stress_equity`, and the run under no stress."""

    metrics: pl.DataFrame
    equity: pl.DataFrame
    base: Result


def chosen(settings: Robustness, *, synthetic: bool) -> dict[str, StressScenario]:
    """Return scenarios to run: those of the house, then the user's own, as far as they are wanted.

    What the verdict needs is among them in any case. A synthetic market lacks history: the named windows are not.
    """
    every = {**built_in(settings.slippage_multipliers), **settings.stress}
    if synthetic:
        every = {name: each for name, each in every.items() if name not in HISTORICAL_WINDOWS}
    wanted: Collection[str] = every if settings.stress_scenarios == "all" else settings.stress_scenarios
    needed = {UNEXPLAINED_DELISTINGS, *(slippage_scenario(multiplier) for multiplier in VERDICT_MULTIPLIERS)}
    return {name: scenario for name, scenario in every.items() if name in wanted or name in needed}


def stress(
    prepared: PreparedBacktest,
    start: dt.date,
    end: dt.date,
    *,
    split: str,
    months: pl.DataFrame,
    scenarios: Mapping[str, StressScenario],
    scenario_inputs: ScenarioInputs,
    best_trades: int,
) -> Stress:
    """Run every scenario on one span, flat start.

    `without_unexplained_gains` is no run, and is absent where no position crossed an extreme move without a corporate
    action: it is the base run without what it gained there. `bear_months` and `range_months` are no runs either: they
    are the base run's daily returns in those months, compounded as if nothing lay between them, and the trades that
    were closed in them. A scenario with a window runs over the window alone; it is absent where the span lacks the
    window (train + validation reaches back to the first bar).

    Parameters
    ----------
    split
        Name of the span in the tables.
    months
        See `classify_months`; of a benchmark that ends with the span.
    best_trades
        How many trades `expectancy_r_without_best` leaves out.
    """
    earliest = min(prepared.axes.sessions[0], start) if split == DEVELOPMENT else start
    base = backtest(prepared, start, end, split=split)
    curve = settled(base.equity)
    met: dict[str, dict[str, float | None]] = {}
    parts = {BASE: (curve, base.trades)}
    if (curve["unexplained_moves"] > 0).any():
        parts[WITHOUT_UNEXPLAINED_GAINS] = without_unexplained_gains(curve, base.trades)
    for name, scenario in scenarios.items():
        span = span_of(scenario.window, earliest, start, end)
        if span is not None:
            varied = apply_scenario(scenario, prepared, scenario_inputs, span.start, span.end)
            run = backtest(varied, span.start, span.end, split=split)
            parts[name] = settled(run.equity), run.trades
            if scenario.unexplained_delistings:
                met[name] = {POSITIONS_MET: float(positions_met(varied, run))}
            del varied, run  # a market of its own, before the next is made
    parts |= {kind: _part(parts[BASE], months, value) for kind, value in ((BEAR_MONTHS, BEAR), (RANGE_MONTHS, RANGE))}
    benchmark = prepared.benchmark.select("session", benchmark_return="daily_return")
    measured = {
        scenario: summarise(
            equity, trades, periods_per_year=prepared.periods_per_year, benchmark=benchmark, best_trades=best_trades
        )
        | met.get(scenario, {})
        for scenario, (equity, trades) in parts.items()
    }
    curves = {scenario: equity for scenario, (equity, _) in parts.items()}
    return Stress(
        metrics=_rows(prepared.name, split, measured),
        equity=_curves(prepared.name, split, curves, prepared.settings.starting_equity),
        base=base,
    )


def value_of(rows: pl.DataFrame, scenario: str, metric: str) -> float | None:
    """Return one number of `robustness.stress` rows of one strategy and split; None where it is null.

    Parameters
    ----------
    rows
        Rows of one strategy and split.
    scenario, metric
        Their names in the table.

    Raises
    ------
    LookupError
        The scenario was not run.
    """
    found = rows.filter(scenario=scenario, metric=metric)["value"]
    if found.is_empty():
        raise LookupError(f"no {metric} of scenario {scenario} in {STRESS.name}")
    value: float | None = found.item()
    return value


def _part(run: tuple[pl.DataFrame, pl.DataFrame], months: pl.DataFrame, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    curve, trades = run
    return in_months(curve, "session", months, kind), in_months(trades, "exit_session", months, kind)


def _rows(strategy: str, split: str, measured: Mapping[str, Mapping[str, float | None]]) -> pl.DataFrame:
    lines = [
        (strategy, split, scenario, metric, value)
        for scenario, metrics in measured.items()
        for metric, value in metrics.items()
    ]
    return pl.DataFrame(lines, schema=STRESS.empty().schema, orient="row")


def _curves(strategy: str, split: str, curves: Mapping[str, pl.DataFrame], starting_equity: float) -> pl.DataFrame:
    growth = (1.0 + pl.col("daily_return").cast(pl.Float64).fill_null(0.0)).cum_prod()
    rows = [
        curve.select("session", scenario=pl.lit(scenario), equity=starting_equity * growth)
        for scenario, curve in curves.items()
    ]
    return STRESS_EQUITY.conform(pl.concat(rows).with_columns(strategy=pl.lit(strategy), split=pl.lit(split)))
