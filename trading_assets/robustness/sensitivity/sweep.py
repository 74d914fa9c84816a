"""How much the result depends on the exact parameters: a grid around them, on train + validation."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.backtest import PreparedBacktest, Sweep, parameter_grid
from trading_assets.backtests.parallel_sweep import Span, sweep_sets
from trading_assets.backtests.results import return_metrics
from trading_assets.backtests.sweep_returns import benchmark_beside, excess_returns_of
from trading_assets.backtests.trial_registry import Evaluation, trial_id
from trading_assets.config.strategies import StrategyParameters
from trading_assets.parallel.workers import IN_PROCESS, Workers
from trading_assets.robustness.sensitivity.grid import ParameterGrid
from trading_assets.robustness.sensitivity.plateau import Choice, choices, peak, plateau
from trading_assets.robustness.tables import CHOICES, HEATMAPS, SENSITIVITY, SENSITIVITY_SUMMARY, TRIAL_BENCHMARKS
from trading_assets.strategies.evaluation.identity import identity_of

Floats = NDArray[np.float64]

#: Metrics of every point; definitions in trading_assets/backtests/results/metrics.py.
METRICS = (
    "sharpe",
    "total_return",
    "annual_return",
    "volatility",
    "max_drawdown",
    "calmar",
    "trades",
    "expectancy_r",
    "profit_factor",
    "exposed_sessions",
)
#: A point this close to the best, as a fraction of it, is as good as the best.
NEAR_BEST = 0.2


@dataclass(frozen=True)
class Point:
    """A parameter set of the sweep and its place."""

    parameters: StrategyParameters
    on_grid: bool
    chosen: bool
    neighbour: bool


@dataclass(frozen=True)
class Sensitivity:
    """What the sweep found, as rows of the stage's tables, and its evaluations for the register of trials.

    Attributes
    ----------
    benchmarks
        Rows of `robustness.trial_benchmarks`.
    """

    points: pl.DataFrame
    summary: pl.DataFrame
    choices: pl.DataFrame
    heatmaps: pl.DataFrame
    evaluations: tuple[Evaluation, ...]
    benchmarks: pl.DataFrame


def sensitivity(
    prepared: PreparedBacktest,
    grid: ParameterGrid,
    start: dt.date,
    end: dt.date,
    *,
    split: str,
    settings_hash: str,
    data_hash: str,
    sharp_peak: float,
    workers: Workers = IN_PROCESS,
) -> Sensitivity:
    """Evaluate the grid, the chosen parameters and their neighbours in one sweep.

    Parameters
    ----------
    grid
        Values by parameter; checked before (`grid.py`).
    start, end
        One continuous run from the first session of train to the last of validation.
    settings_hash, data_hash
        Hashes that the trials are recorded under, see `Evaluation`.
    sharp_peak
        A best Sharpe further than this above the median of the grid is a sharp peak.
    workers
        Who runs the points.
    """
    points = points_of(prepared.parameters, grid)
    sweep = sweep_sets(Span(prepared, start, end), [point.parameters for point in points], workers)
    returns = excess_returns_of(prepared, sweep)
    values = _metrics(sweep, returns, prepared.periods_per_year)
    evaluations = tuple(
        Evaluation(
            strategy=prepared.name,
            strategy_type=identity_of(prepared.strategy.module),
            parameters=point.parameters,
            symbols=prepared.axes.symbols,
            settings_hash=settings_hash,
            split=split,
            start=sweep.sessions[0],
            end=sweep.sessions[-1],
            data_hash=data_hash,
            sharpe=sharpe,
            returns=daily,
        )
        for point, sharpe, daily in zip(points, values["sharpe"], returns, strict=True)
    )
    trials = [trial_id(evaluation) for evaluation in evaluations]
    return Sensitivity(
        points=_point_rows(prepared.name, points, trials, grid, values),
        summary=_summary_rows(prepared.name, summarise_sharpes(points, values["sharpe"], sharp_peak)),
        choices=_choice_rows(prepared.name, points, trials, grid, values["sharpe"]),
        heatmaps=heatmaps(prepared.name, points, grid, values),
        evaluations=evaluations,
        benchmarks=_benchmark_rows(trials, benchmark_beside(prepared, sweep)),
    )


def points_of(parameters: StrategyParameters, grid: ParameterGrid) -> list[Point]:
    """Return the points of the grid in its order, then the chosen point and neighbours of it that are off the grid."""
    chosen = _key(parameters)
    beside = {_key(neighbour): neighbour for neighbour in neighbours(parameters, grid)}
    on_grid = {_key(point): point for point in parameter_grid(parameters, grid)}
    every = {**on_grid, chosen: parameters, **beside}
    return [Point(point, key in on_grid, key == chosen, key in beside) for key, point in every.items()]


def neighbours(parameters: StrategyParameters, grid: ParameterGrid) -> list[StrategyParameters]:
    """Return parameter sets that differ in one parameter by one step of the grid.

    Numbers step to the next grid value below and above, also from a value between two of them. Names have no
    order: every other one is a step away.
    """
    found = []
    for name, values in grid.items():
        current = getattr(parameters, name)
        if any(isinstance(value, str | bool) for value in values):
            steps = [value for value in values if value != current]
        else:
            below = [value for value in values if value < current]
            above = [value for value in values if value > current]
            steps = [*([max(below)] if below else []), *([min(above)] if above else [])]
        found += [_changed(parameters, name, value) for value in steps]
    return found


def summarise_sharpes(
    points: Sequence[Point], sharpes: Sequence[float | None], sharp_peak: float
) -> dict[str, float | None]:
    """Summarise the Sharpe ratios of a sweep; points where it is undefined are counted, and left out of the rest.

    best, median, worst
        Of the grid.
    chosen
        Of the parameters that the strategy runs with.
    sharp_peak
        1 if best - median exceeds the limit.
    plateau_score
        Mean of the chosen point's neighbours over its own; undefined unless its own is positive.
    worst_neighbour
        Lowest of the neighbours.
    near_best
        Fraction of the grid (undefined points included) within 20 % of the best; undefined unless that is positive.
    chosen_percentile
        Fraction of the grid that the chosen point is not worse than.

    Parameters
    ----------
    points, sharpes
        Points of the sweep and the Sharpe ratio of each, in the same order; None where it is undefined.
    sharp_peak
        Limit of best - median.
    """
    grid = np.array([s for p, s in zip(points, sharpes, strict=True) if p.on_grid and s is not None])
    beside = [s for p, s in zip(points, sharpes, strict=True) if p.neighbour and s is not None]
    chosen = next(s for p, s in zip(points, sharpes, strict=True) if p.chosen)
    size = sum(point.on_grid for point in points)
    best = float(grid.max()) if grid.size else None
    median = float(np.median(grid)) if grid.size else None
    positive = best is not None and best > 0
    return {
        "grid_points": float(size),
        "undefined_points": float(size - grid.size),
        "best": best,
        "median": median,
        "worst": float(grid.min()) if grid.size else None,
        "chosen": chosen,
        "chosen_percentile": float(np.mean(grid <= chosen)) if chosen is not None and grid.size else None,
        "peak": None if best is None or median is None else best - median,
        "sharp_peak": None if best is None or median is None else float(best - median > sharp_peak),
        "near_best": float(np.sum(grid >= (1 - NEAR_BEST) * best) / size) if positive and best is not None else None,
        "neighbours": float(len(beside)),
        "worst_neighbour": min(beside) if beside else None,
        "plateau_score": float(np.mean(beside)) / chosen if beside and chosen is not None and chosen > 0 else None,
    }


def _choice_rows(
    strategy: str,
    points: Sequence[Point],
    trials: Sequence[str],
    grid: ParameterGrid,
    sharpes: Sequence[float | None],
) -> pl.DataFrame:
    """Rows of `robustness.choices`: the peak of the grid, its plateau, and the point in use with its own neighbours."""
    on_grid = [index for index, point in enumerate(points) if point.on_grid]
    cube = np.array([sharpes[index] for index in on_grid], dtype=np.float64)
    ordered = [not any(isinstance(value, str | bool) for value in values) for values in grid.values()]
    found = choices(cube.reshape([len(axis) for axis in grid.values()]), ordered)
    in_use = next(index for index, point in enumerate(points) if point.chosen)
    own = sharpes[in_use] or 0.0
    beside = [sharpe or 0.0 for point, sharpe in zip(points, sharpes, strict=True) if point.neighbour]
    used = Choice(in_use, own, float(np.mean([own, *beside])), min(beside, default=own))
    rows = {
        "peak": peak(found)._replace(point=on_grid[peak(found).point]),
        "plateau": plateau(found)._replace(point=on_grid[plateau(found).point]),
        "in_use": used,
    }
    lines = [
        {
            "strategy": strategy,
            "choice": name,
            "trial": trials[choice.point],
            "params": json.dumps({name: getattr(points[choice.point].parameters, name) for name in grid}),
            "sharpe": choice.sharpe,
            "neighbourhood_mean": choice.neighbourhood_mean,
            "worst_neighbour": choice.worst_neighbour,
            "better_points": sum(other.sharpe > choice.sharpe for other in found),
        }
        for name, choice in rows.items()
    ]
    return pl.DataFrame(lines, schema=CHOICES.empty().schema)


def heatmaps(
    strategy: str, points: Sequence[Point], grid: ParameterGrid, values: Mapping[str, Sequence[float | None]]
) -> pl.DataFrame:
    """Return the mean of every metric over all other parameters for each pair: rows of `robustness.heatmaps`.

    Parameters
    ----------
    points, grid
        Points of the sweep, and the values of each parameter; points on the grid are in its order.
    values
        Value at each point by metric; None where it is undefined: left out of the mean.
    """
    shape = [len(axis) for axis in grid.values()]
    on_grid = [index for index, point in enumerate(points) if point.on_grid]
    frames = [HEATMAPS.empty()]
    for metric, numbers in values.items():
        cube = np.array([numbers[index] for index in on_grid], dtype=np.float64).reshape(shape)
        for x, y in itertools.combinations(range(len(shape)), 2):
            frames.append(_heatmap(strategy, metric, cube, list(grid.items()), x, y))
    return pl.concat(frames)


def _heatmap(
    strategy: str, metric: str, cube: Floats, axes: Sequence[tuple[str, Sequence[float | str]]], x: int, y: int
) -> pl.DataFrame:
    (x_name, x_values), (y_name, y_values) = axes[x], axes[y]
    cells = np.moveaxis(cube, (x, y), (0, 1)).reshape(len(x_values), len(y_values), -1)
    points = np.isfinite(cells).sum(axis=2)
    sums = np.where(np.isfinite(cells), cells, 0.0).sum(axis=2)
    lines = [
        {
            "strategy": strategy,
            "x": x_name,
            "x_value": json.dumps(x_value),
            "x_position": i,
            "y": y_name,
            "y_value": json.dumps(y_value),
            "y_position": j,
            "metric": metric,
            "value": float(sums[i, j] / points[i, j]) if points[i, j] else None,
            "points": int(points[i, j]),
        }
        for i, x_value in enumerate(x_values)
        for j, y_value in enumerate(y_values)
    ]
    return pl.DataFrame(lines, schema=HEATMAPS.empty().schema)


def _metrics(sweep: Sweep, returns: Floats, periods: int) -> dict[str, list[float | None]]:
    rows = [_of_point(sweep, returns[index], index, periods) for index in range(len(returns))]
    return {name: [row[name] for row in rows] for name in METRICS}


def _of_point(sweep: Sweep, returns: Floats, index: int, periods: int) -> dict[str, float | None]:
    trades, losses = int(sweep.trades[index]), float(sweep.gross_loss[index])
    return {
        "sharpe": return_metrics.sharpe(returns, periods),
        "total_return": return_metrics.total_return(returns),
        "annual_return": return_metrics.annual_return(returns, periods),
        "volatility": return_metrics.volatility(returns, periods),
        "max_drawdown": return_metrics.max_drawdown(returns),
        "calmar": return_metrics.calmar(returns, periods),
        "trades": float(trades),
        "expectancy_r": float(sweep.sum_r[index]) / trades if trades else None,
        "profit_factor": float(sweep.gross_profit[index]) / losses if losses else None,
        "exposed_sessions": float(sweep.exposed[index]),
    }


def _point_rows(
    strategy: str,
    points: Sequence[Point],
    trials: Sequence[str],
    grid: ParameterGrid,
    values: Mapping[str, Sequence[float | None]],
) -> pl.DataFrame:
    lines = [
        {
            "strategy": strategy,
            "trial": trial,
            "params": json.dumps({name: getattr(point.parameters, name) for name in grid}),
            "on_grid": point.on_grid,
            "chosen": point.chosen,
            "neighbour": point.neighbour,
            "metric": metric,
            "value": numbers[index],
        }
        for index, (point, trial) in enumerate(zip(points, trials, strict=True))
        for metric, numbers in values.items()
    ]
    return pl.DataFrame(lines, schema=SENSITIVITY.empty().schema)


def _benchmark_rows(trials: Sequence[str], returns: Floats) -> pl.DataFrame:
    series = [pl.Series(row) for row in returns.astype(np.float32)]
    rows = pl.DataFrame({"trial": trials, "returns": pl.Series(series, dtype=pl.List(pl.Float32))})
    return TRIAL_BENCHMARKS.conform(rows.unique("trial", keep="first", maintain_order=True)).sort("trial")


def _summary_rows(strategy: str, statistics: Mapping[str, float | None]) -> pl.DataFrame:
    lines = [(strategy, statistic, value) for statistic, value in statistics.items()]
    return pl.DataFrame(lines, schema=SENSITIVITY_SUMMARY.empty().schema, orient="row")


def _changed(parameters: StrategyParameters, name: str, value: float | str) -> StrategyParameters:
    return type(parameters).model_validate({**parameters.model_dump(), name: value})


def _key(parameters: StrategyParameters) -> str:
    return parameters.model_dump_json()
