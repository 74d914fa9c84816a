"""A strategy run and swept by hand: on the development span alone, and on record as every other trial is."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.backtest import PreparedBacktest, backtest, baselines_of, metrics_of
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.consistency import inconsistencies
from trading_assets.config.errors import Fault, unplaced
from trading_assets.config.sections import Interval
from trading_assets.config.strategies import StrategyParameters
from trading_assets.models.champions import score_asset
from trading_assets.models.splits import development
from trading_assets.models.tables import OUTCOMES, SPLITS
from trading_assets.robustness.prepared_market import read_development_market
from trading_assets.robustness.sensitivity.grid import ParameterGrid, changed_parameters, checked_grid
from trading_assets.robustness.sensitivity.on_record import evaluate_on_record
from trading_assets.robustness.sensitivity.sweep import Sensitivity
from trading_assets.strategies.evaluation.failure import require_members, require_ok
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets.strategies.evaluation.written_inputs import assert_inputs_as_written
from trading_assets.strategies.interface.resolved import ConfiguredStrategy, configured_strategy
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.errors import MissingTableError, block
from trading_assets.warehouse.slices import Rows

#: Where trials by hand are said to be from: the stage of their source, and their run.
BY_HAND = "python"


@dataclass(frozen=True)
class BacktestRun:
    """One run over the development span, as rows of the tables of `backtests`.

    Attributes
    ----------
    trial
        Under which it is on record in `robustness.trials`.
    metrics
        metric, value: of the whole span.
    equity, trades, decisions, orders, fills, baselines
        Rows of `backtests.equity`, `backtests.trades`, `backtests.decisions`, `backtests.orders`, `backtests.fills` and
        `backtests.baselines`.
    """

    trial: str
    metrics: pl.DataFrame
    equity: pl.DataFrame
    trades: pl.DataFrame
    decisions: pl.DataFrame
    orders: pl.DataFrame
    fills: pl.DataFrame
    baselines: pl.DataFrame


@dataclass(frozen=True)
class StrategyBacktest:
    """A strategy on its bars of train and validation, to be run with any parameters.

    Its panel ends with validation, so does what its code is shown, and every run stops there. Prices and the calendar
    of the market behind them go on, as in the pipeline, whose numbers these are. Every parameter set that is run is a
    trial: it goes on record before its result is returned, and counts in the verdict as if the pipeline had tried it.

    Attributes
    ----------
    span
        First and last day of the development span.
    """

    span: Interval
    _step: Step
    _frames: Frames
    _prepared: PreparedBacktest

    @property
    def strategy(self) -> str:
        """Name of the strategy in the configuration."""
        return self._prepared.name

    @property
    def parameters(self) -> StrategyParameters:
        """Parameters that it runs with."""
        return self._prepared.parameters

    @property
    def panel(self) -> pl.DataFrame:
        """What its rules look at, one row a usable bar: symbol, session, and the columns that expressions name."""
        return self._prepared.panel

    def run(self) -> BacktestRun:
        """Run it once over the whole span, and return every record."""
        found = self._evaluated({})
        result = backtest(self._prepared, self.span.start, self.span.end, split=DEVELOPMENT)
        return BacktestRun(
            trial=found.points["trial"][0],
            metrics=metrics_of(self._prepared, result).select("metric", "value"),
            equity=result.equity,
            trades=result.trades,
            decisions=result.decisions,
            orders=result.orders,
            fills=result.fills,
            baselines=baselines_of(self._prepared, result),
        )

    def sweep(self, grid: Mapping[str, Sequence[float | str]]) -> pl.DataFrame:
        """Run every combination of some values, the chosen parameters, and their neighbours on the grid.

        Parameters
        ----------
        grid
            Values by parameter.

        Returns
        -------
        polars.DataFrame
            A row for each parameter set: trial, a column for each parameter of the grid, on_grid, chosen, then one for
            each metric of `robustness.sensitivity`.

        Raises
        ------
        ConfigurationError
            The strategy has no such parameter, or does not take a value.
        """
        checked = checked_grid(self.strategy, self.parameters, grid, root=("grid",))
        return _wide(self._evaluated(checked).points, list(checked))

    def _evaluated(self, grid: ParameterGrid) -> Sensitivity:
        source = f"{BY_HAND}/{self.strategy}"
        step = _renewed(self._step)
        return evaluate_on_record(step, self._frames, self._prepared, self.span, grid, source=source)


def prepare_strategy(
    warehouse: Warehouse, configuration: Configuration, strategy: str, parameters: Mapping[str, object]
) -> StrategyBacktest:
    """Read what a strategy looks at, up to the end of validation.

    Parameters
    ----------
    parameters
        Parameters that differ from the configuration's.

    Raises
    ------
    ConfigurationError
        The strategy has no such parameter, does not take the value, or the rest of the configuration has no such model
        or members.
    UpstreamFailedError
        The strategy, or one that it is made of, failed when it was last run.
    MissingTableError
        A stage before it was not run yet, nor its model, nor one of its members.
    """
    warehouse.read(SPLITS)  # what says best which stages are missing
    settings = configuration.strategies[strategy]
    own = configured_strategy(configuration, strategy).parameters
    changed = {strategy: settings.model_copy(update={"parameters": changed_parameters(strategy, own, parameters)})}
    configuration = configuration.model_copy(update={"strategies": configuration.strategies | changed})
    chosen = configured_strategy(configuration, strategy)
    _refuse_inconsistent(configuration, chosen)
    log = logging.getLogger(__name__)
    step = Step(configuration, warehouse.unit_of_work(), None, strategy, BY_HAND, _now(), log)
    require_ok(step, ("strategies",))
    require_members(step, chosen.members)
    _require_ran(warehouse, configuration, chosen)
    assert_inputs_as_written(step)
    frames, prepared, spans = read_development_market(step)
    return StrategyBacktest(development(spans), step, frames, prepared)


def _refuse_inconsistent(configuration: Configuration, chosen: ConfiguredStrategy) -> None:
    """Raise as a `ConfigurationError` what a file with these parameters would be refused for."""
    faults = list(inconsistencies(configuration, configuration.strategies))
    if not faults and chosen.model is not None and chosen.model not in configuration.score_names:
        there = ", ".join(configuration.score_names) or "there is none"
        # A module of one's own may call the parameter otherwise: its rules say which model it is.
        faults = [Fault(("strategies", chosen.name), f"no model {chosen.model!r}", f"one of `models`: {there}")]
    if faults:
        raise ConfigurationError("\n".join(map(unplaced, faults)))


def _require_ran(warehouse: Warehouse, configuration: Configuration, chosen: ConfiguredStrategy) -> None:
    """Without scores, or weights of members, the strategy would hold nothing, and that would be a trial on record."""
    model = chosen.model
    behind = [] if model is None else [(score_asset(configuration, model), OUTCOMES, Rows("model", model))]
    for asset in (f"strategies/{member}" for member in chosen.members):
        behind.append((asset, STATUS, Rows("asset", asset)))
    for asset, table, rows in behind:
        if warehouse.read_or_empty(table, rows=rows).is_empty():
            raise MissingTableError(
                block(f"{asset} was not run yet, and {chosen.name} looks at it", what_to_do=f"materialise {asset}")
            )


def _renewed(step: Step) -> Step:
    """Return the step as one that starts now: what is recorded by hand later is recorded later."""
    work = Warehouse(step.work.path, wait_seconds=step.work.wait_seconds).unit_of_work()
    return Step(step.configuration, work, None, step.strategy, step.run_id, _now(), step.log)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def _wide(points: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Rows of `robustness.sensitivity` with a column a metric and one a parameter, in the order of the sweep."""
    key = ["trial", "params", "on_grid", "chosen"]
    wide = points.pivot("metric", index=key, values="value", maintain_order=True)
    values = [json.loads(text) for text in wide["params"]]
    columns = [pl.Series(name, [each[name] for each in values]) for name in names]
    return wide.select("trial", *columns, pl.exclude("trial", "params"))
