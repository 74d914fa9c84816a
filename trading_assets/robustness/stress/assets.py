"""How the asset of the stress scenarios computes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config.sections import Interval
from trading_assets.models.splits import development
from trading_assets.parallel.configured import workers_of
from trading_assets.robustness.performance_breakdown import breakdown_rows
from trading_assets.robustness.rows_by_span import beside_other_splits, write
from trading_assets.robustness.stress.benchmark_months import benchmark_levels, classify_months
from trading_assets.robustness.tables import BREAKDOWN, STRESS, STRESS_EQUITY
from trading_assets.strategies.evaluation.failure import require_ok
from trading_assets.strategies.evaluation.inputs import Frames, read_frames
from trading_assets.warehouse import Table

if TYPE_CHECKING:
    from trading_assets.backtests.backtest import PreparedBacktest


def stress(step: Step) -> Mapping[str, Any]:
    """The strategy under dearer and later fills, with holes and crashes, in bad times, and without what it owes its
    result to; on the development span.
    """
    from trading_assets.robustness.prepared_market import read_development_market

    require_ok(step)
    frames, prepared, spans = read_development_market(step)
    # A scenario with other bars has a panel of its own, and one with other costs or delays decides nothing anew.
    prepared = replace(prepared, panels=())
    rows = stress_rows(step, prepared, frames, development(spans), DEVELOPMENT, until=development(spans).end)
    write(step, stress.__name__, beside_other_splits(step, rows, (DEVELOPMENT,)))
    return {"Sharpe": sharpes(rows[STRESS])}


def stress_rows(
    step: Step,
    prepared: PreparedBacktest,
    frames: Frames,
    span: Interval,
    split: str,
    *,
    until: dt.date | None = None,
) -> dict[Table, pl.DataFrame]:
    """Return the rows of `robustness.stress`, `robustness.stress_equity` and `robustness.breakdown` of one span.

    Parameters
    ----------
    prepared, frames
        Backtest, and the tables that it was prepared from.
    span, split
        First and last session of the run, and the name of the span in the tables.
    until
        Last session of the tables that are read; None: all.
    """
    from trading_assets.robustness.stress.run import chosen
    from trading_assets.robustness.stress.run import stress as run
    from trading_assets.robustness.stress.scenario_market import ScenarioInputs

    settings = step.configuration.robustness

    frames_of = {
        name: frames if name == prepared.name else read_frames(step.work, step.configuration, name, until)
        for name in step.configuration.behind(prepared.name)
    }
    levels = benchmark_levels(frames.bars, prepared.benchmark_name, span.end)
    traded = frames.instruments.filter(pl.col("symbol").is_in(prepared.axes.symbols))
    found = run(
        prepared,
        span.start,
        span.end,
        split=split,
        months=classify_months(levels),
        scenarios=chosen(settings, synthetic=bool(traded["synthetic"].any())),
        scenario_inputs=ScenarioInputs(step.configuration, frames_of.__getitem__),
        best_trades=settings.verdict.reject_best_trades,
        workers=workers_of(step.configuration),
    )
    returns = pl.DataFrame(prepared.market.returns, schema=list(prepared.axes.symbols)).with_columns(
        session=pl.Series(prepared.axes.sessions, dtype=pl.Date)
    )
    broken_down = breakdown_rows(
        found.base,
        returns,
        levels.select("session", "close"),
        split=split,
        periods_per_year=prepared.periods_per_year,
    )
    return {STRESS: found.metrics, STRESS_EQUITY: found.equity, BREAKDOWN: broken_down}


def sharpes(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the Sharpe ratio of each scenario."""
    return rows.filter(metric="sharpe").select("scenario", "value")
