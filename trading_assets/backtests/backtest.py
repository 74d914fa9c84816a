"""A strategy on its market: made once from tables, then run over any span and with any parameters."""

from __future__ import annotations

import datetime as dt
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl

from trading_assets.backtests.engine import simulate
from trading_assets.backtests.engine.arrays import Floats, Integers, Market, Signals, Targets
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.engine.settings import Settings, settings_of
from trading_assets.backtests.inputs.axis_labels import AxisLabels
from trading_assets.backtests.inputs.benchmark_returns import kind_of, returns_of
from trading_assets.backtests.inputs.market_arrays import build_market
from trading_assets.backtests.inputs.market_axes import MarketAxes, build_axes
from trading_assets.backtests.inputs.market_grids import MarketTables
from trading_assets.backtests.inputs.order_signals import order_plans
from trading_assets.backtests.inputs.plan import BacktestPlan
from trading_assets.backtests.inputs.risk_free import accrued
from trading_assets.backtests.inputs.target_weights import target_plans
from trading_assets.backtests.results.baselines import UniverseArrays, compare
from trading_assets.backtests.results.metrics import OF_BENCHMARK, OF_RISK_FREE, summarise
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.backtests.tables import BASELINES, METRICS
from trading_assets.config import Configuration
from trading_assets.config.strategies import OrderParameters, StrategyParameters, TargetWeightParameters
from trading_assets.market_data.calendars import periods_per_year
from trading_assets.strategies.evaluation.inputs import Frames, panels_of, whole_panel
from trading_assets.strategies.interface.resolved import ResolvedStrategy

#: Fields of a trial that say under which circumstances it runs; the rest are of the parameters.
SCENARIO = ("fee_multiplier", "slippage_multiplier", "borrow_multiplier", "delay")


@dataclass(frozen=True)
class PreparedBacktest:
    """All that a run of a strategy depends on.

    Attributes
    ----------
    strategy
        With the parameters of this backtest.
    panels
        What its rules look at, one row a usable bar, of some symbols at a time: gone through again and again.
    axes
        Sessions and symbols: the axes of the market's arrays.
    signals, run_parameters, names
        What follows from `parameters`, see `BacktestPlan`.
    benchmark
        session, close, daily_return (total return, close to close: splits followed, the dividends on record included)
        on the axes' sessions; null where the benchmark has no bar.
    benchmark_kind
        ``total return``, or ``price return`` where no dividend of the benchmark is on record.
    risk_free
        What cash earned since the session before, (sessions of the market,), a fraction.
    risk_free_name
        How it is known: a constant, or a file.
    periods_per_year
        Sessions a year (`calendars.periods_per_year`): 365 if any symbol of the equity curve trades every day.
    """

    strategy: ResolvedStrategy
    names: AxisLabels
    rank_weights: tuple[float, float, float]
    panels: Iterable[pl.DataFrame]
    axes: MarketAxes
    market: Market
    signals: Signals | Targets
    run_parameters: RecordArray
    settings: Settings
    benchmark: pl.DataFrame
    benchmark_kind: str
    risk_free: Floats
    risk_free_name: str
    periods_per_year: int

    @property
    def name(self) -> str:
        """Name of the strategy in the configuration."""
        return self.strategy.name

    @property
    def parameters(self) -> StrategyParameters:
        """Parameters of the strategy."""
        return self.strategy.parameters

    @property
    def panel(self) -> pl.DataFrame:
        """All rows of the panels."""
        return whole_panel(self.panels)

    @property
    def benchmark_name(self) -> str | None:
        """Symbol of the benchmark."""
        return self.strategy.benchmark


@dataclass(frozen=True)
class Sweep(simulate.Sweep):
    """Many runs over the same sessions: equity, settled equity, net exposure (runs, sessions); counters (runs,)."""

    sessions: list[dt.date]


def prepare(configuration: Configuration, frames: Frames, until: dt.date | None = None) -> PreparedBacktest:
    """Build the market of a strategy, its panel (see `panel_of`) and its signals, up to `until`.

    Parameters
    ----------
    configuration, frames
        Configuration, and the tables that the strategy reads.
    until
        Last session of the panel; None: all.
    """
    strategy = frames.strategy
    panels = panels_of(configuration, frames, until)
    axes = build_axes(strategy.symbols, frames.instruments, frames.sessions, frames.last_session)
    market = build_market(
        axes,
        (
            MarketTables(part.strategy.symbols, part.bars, part.quarantine, part.indicators)
            for part in frames.in_parts(benchmarks=())
        ),
        frames.bars,
        frames.sessions,
        frames.instruments,
        benchmarks=configuration.benchmarks,
        costs=configuration.costs,
        extreme_move=configuration.quality.extreme_move,
        borrow_rates=frames.borrow_rates,
    )
    rank_weights = configuration.risk.rank_weights
    [plan] = _plans(strategy, [strategy.parameters], panels, axes, market, rank_weights)
    return PreparedBacktest(
        strategy=strategy,
        names=plan.names,
        rank_weights=rank_weights,
        panels=panels,
        axes=axes,
        market=market,
        signals=plan.signals,
        run_parameters=plan.run_parameters,
        settings=_settings(
            settings_of(configuration.risk, configuration.costs, configuration.seed, configuration.accounts),
            strategy.parameters,
        ),
        benchmark=returns_of(frames.bars, strategy.benchmark, axes),
        benchmark_kind=kind_of(frames.bars, strategy.benchmark),
        risk_free=accrued(axes.sessions, frames.risk_free),
        risk_free_name=configuration.risk_free.name,
        periods_per_year=periods_per_year(*axes.calendars),
    )


def backtest(prepared: PreparedBacktest, start: dt.date, end: dt.date, *, split: str) -> Result:
    """Run the strategy once with every record: flat start, first decision at the close of the first session.

    What is open at the last session up to `end` is marked, not closed.

    Parameters
    ----------
    prepared, start, end
        Backtest, and the first and last day of the run.
    split
        Name of the span in the tables.

    Raises
    ------
    ValueError
        The market has no session between the two dates.
    """
    run_parameters = _over(prepared, prepared.run_parameters, start, end)
    simulation = simulate.simulate(prepared.market, prepared.signals, run_parameters, prepared.settings)
    return Result(
        simulation,
        prepared.market,
        run_parameters,
        prepared.settings,
        prepared.names,
        risk_free=prepared.risk_free,
        strategy=prepared.name,
        split=split,
    )


def metrics_of(prepared: PreparedBacktest, result: Result) -> pl.DataFrame:
    """Return the rows of `backtests.metrics` of one run."""
    values = summarise(
        settled(result.equity),
        result.trades,
        periods_per_year=prepared.periods_per_year,
        benchmark=benchmark_column(prepared),
    )
    rows = pl.DataFrame(
        {"metric": list(values), "value": list(values.values())}, schema={"metric": pl.String, "value": pl.Float64}
    )
    own = rows.with_columns(
        strategy=pl.lit(prepared.name),
        split=pl.lit(result.equity["split"][0]),
        reference=pl.when(pl.col("metric") == "periods_per_year")
        .then(pl.lit(" and ".join(sorted(set(prepared.axes.calendars)))))
        .when(pl.col("metric").is_in(OF_RISK_FREE))
        .then(pl.lit(prepared.risk_free_name))
        .when(pl.col("metric").is_in(OF_BENCHMARK))
        .then(
            pl.lit(
                f"{prepared.benchmark_name}, {prepared.benchmark_kind}" if prepared.benchmark_name else None, pl.String
            )
        ),
    )
    return METRICS.conform(own).sort(METRICS.key)


def baselines_of(prepared: PreparedBacktest, result: Result) -> pl.DataFrame:
    """Return the rows of `backtests.baselines` beside one run."""
    benchmark = benchmark_column(prepared) if prepared.benchmark_name else None
    start = prepared.settings.starting_equity
    universe = UniverseArrays.of(result.equity["session"], universe_of(prepared))
    rows = compare(prepared.name, result.equity, universe, starting_equity=start, benchmark=benchmark)
    return BASELINES.conform(rows.with_columns(split=pl.lit(result.equity["split"][0]))).sort(BASELINES.key)


def with_parameters(prepared: PreparedBacktest, parameters: StrategyParameters) -> PreparedBacktest:
    """Put another parameter set on the same market."""
    [plan] = _plans_on(prepared, [parameters])
    return replace(
        prepared,
        strategy=prepared.strategy.with_parameters(parameters),
        names=plan.names,
        signals=plan.signals,
        run_parameters=plan.run_parameters,
        settings=_settings(prepared.settings, parameters),
    )


def sweep_parameters(
    prepared: PreparedBacktest,
    parameter_sets: Sequence[StrategyParameters],
    start: dt.date,
    end: dt.date,
    *,
    threads: int | None = None,
) -> Sweep:
    """Run every parameter set over one span; row *p* has the bits of `backtest` with `parameter_sets[p]`.

    Parameters
    ----------
    prepared, start, end
        Backtest, and the first and last day of every run.
    parameter_sets
        At least one.
    threads
        Default: one a processor. The result does not depend on it.
    """
    runs = [
        (prepared.market, plan.signals, _over(prepared, plan.run_parameters, start, end))
        for plan in _plans_on(prepared, parameter_sets)
    ]
    alike: dict[Settings, list[int]] = {}  # parameter sets under the same portfolio limits
    for p, parameters in enumerate(parameter_sets):
        alike.setdefault(_settings(prepared.settings, parameters), []).append(p)
    sweeps = [simulate.sweep_runs([runs[p] for p in members], limits, threads) for limits, members in alike.items()]
    order = np.argsort([p for members in alike.values() for p in members], kind="stable")
    columns = {
        item.name: np.concatenate([getattr(each, item.name) for each in sweeps]) for item in fields(simulate.Sweep)
    }
    together = simulate.Sweep(**{name: column[order] for name, column in columns.items()})
    return _swept(together, prepared, start, end)


def sweep_prepared(
    backtests: Iterable[PreparedBacktest], start: dt.date, end: dt.date, *, threads: int | None = None
) -> Sweep:
    """Run each prepared backtest over one span; all are of one strategy and market, and differ as perturbations do.

    Parameters
    ----------
    backtests, start, end
        Read a few at a time, and the first and last day of every run.
    threads
        Default: one a processor. The result does not depend on it.

    Raises
    ------
    ValueError
        There is none.
    """
    remaining = iter(backtests)
    first = next(remaining, None)
    if first is None:
        raise ValueError("no backtest to run")
    runs = (
        (each.market, each.signals, _over(each, each.run_parameters, start, end))
        for each in itertools.chain([first], remaining)
    )
    return _swept(simulate.sweep_runs(runs, first.settings, threads), first, start, end)


def parameter_grid(
    parameters: StrategyParameters, axes: Mapping[str, Sequence[float | str]]
) -> list[StrategyParameters]:
    """Return every combination of the grid's values, in its order, the last name fastest; other parameters as given.

    Raises
    ------
    pydantic.ValidationError
        A value is not one that the parameter takes.
    """
    base = parameters.model_dump()
    return [
        type(parameters).model_validate(base | dict(zip(axes, values, strict=True)))
        for values in itertools.product(*axes.values())
    ]


def span_rows(prepared: PreparedBacktest, start: dt.date, end: dt.date) -> Integers:
    """Return the rows of the grid between two dates, both inclusive.

    Parameters
    ----------
    prepared, start, end
        Backtest, and the first and last day, both inclusive.

    Raises
    ------
    ValueError
        There is none.
    """
    days = prepared.axes.sessions
    first, after = bisect_left(days, start), bisect_right(days, end)
    if first >= after:
        raise ValueError(f"{prepared.name}: no session from {start} to {end}; the market has {days[0]} to {days[-1]}")
    return np.arange(first, after, dtype=np.int64)


def benchmark_column(prepared: PreparedBacktest) -> pl.DataFrame:
    """Return the benchmark's returns on the sessions of the market: session, benchmark_return."""
    return prepared.benchmark.select("session", benchmark_return="daily_return")


def universe_of(prepared: PreparedBacktest) -> Iterator[pl.DataFrame]:
    """Yield the returns of what the strategy may trade, by symbol: symbol, session, total_return, member."""
    change = pl.col("adj_close") / pl.col("adj_close").shift(1).over("symbol") - 1
    for panel in prepared.panels:
        yield panel.select("symbol", "session", total_return=change, member="in_universe")


def _over(prepared: PreparedBacktest, run_parameters: RecordArray, start: dt.date, end: dt.date) -> RecordArray:
    rows = span_rows(prepared, start, end)
    spanned = run_parameters.copy()
    spanned["first_session"], spanned["last_session"] = rows[0], rows[-1]
    return spanned


def _settings(settings: Settings, parameters: StrategyParameters) -> Settings:
    """Those of the configuration; a parameter `max_gross` takes the place of the risk section's."""
    return settings._replace(max_gross=getattr(parameters, "max_gross", settings.max_gross))


def _plans(
    strategy: ResolvedStrategy,
    parameter_sets: Sequence[StrategyParameters],
    panels: Iterable[pl.DataFrame],
    axes: MarketAxes,
    market: Market,
    rank_weights: tuple[float, float, float],
) -> list[BacktestPlan]:
    orders = [each for each in parameter_sets if isinstance(each, OrderParameters)]
    weights = [each for each in parameter_sets if isinstance(each, TargetWeightParameters)]
    if weights:
        return target_plans(strategy.target_weight_module, weights, whole_panel(panels), axes, market)
    return order_plans(strategy.order_module, orders, panels, axes, market, rank_weights)


def _plans_on(prepared: PreparedBacktest, parameter_sets: Sequence[StrategyParameters]) -> list[BacktestPlan]:
    """Plans of other parameter sets, under the scenario of the backtest's own run parameters."""
    plans = _plans(
        prepared.strategy, parameter_sets, prepared.panels, prepared.axes, prepared.market, prepared.rank_weights
    )
    for plan in plans:
        for scenario in SCENARIO:
            plan.run_parameters[scenario] = prepared.run_parameters[scenario]
    return plans


def _swept(found: simulate.Sweep, prepared: PreparedBacktest, start: dt.date, end: dt.date) -> Sweep:
    sessions = [prepared.axes.sessions[row] for row in span_rows(prepared, start, end)]
    return Sweep(**{item.name: getattr(found, item.name) for item in fields(found)}, sessions=sessions)
