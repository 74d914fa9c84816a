"""How the asset of resampling computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config.sections import Interval
from trading_assets.config.verdict import ALPHA
from trading_assets.models.splits import development
from trading_assets.parallel.configured import workers_of
from trading_assets.robustness.rows_by_span import beside_other_splits, write
from trading_assets.robustness.tables import BANDS, RESAMPLING
from trading_assets.strategies.evaluation.failure import require_ok
from trading_assets.warehouse import Table

if TYPE_CHECKING:
    from trading_assets.backtests.backtest import PreparedBacktest


def resampling(step: Step) -> Mapping[str, Any]:
    """The run on the development span against what chance makes of its returns, its trades and its decisions."""
    from trading_assets.robustness.prepared_market import read_development_market

    require_ok(step)
    _, prepared, spans = read_development_market(step)
    found = resampled(step, prepared, development(spans), DEVELOPMENT)
    write(step, resampling.__name__, beside_other_splits(step, found, (DEVELOPMENT,)))
    return {"statistics": found[RESAMPLING].drop("strategy", "split")}


def resampled(
    step: Step, prepared: PreparedBacktest, span: Interval, split: str, alpha: float = ALPHA
) -> dict[Table, pl.DataFrame]:
    """Return what chance makes of the run on one span: `robustness.resampling` and its bands.

    Parameters
    ----------
    prepared, span, split
        Backtest, first and last session of the run, and the name of the span in the tables.
    alpha
        Error rate of the strategy's tests.
    """
    from trading_assets.robustness.resampling.resample import resample

    settings = step.configuration.robustness
    found = resample(
        prepared,
        span.start,
        span.end,
        split=split,
        block_sessions=settings.block_sessions,
        resamples=settings.resamples,
        permutations=settings.permutations,
        seed=step.configuration.seed,
        alpha=alpha,
        workers=workers_of(step.configuration),
    )
    return {RESAMPLING: found.statistics, BANDS: found.bands}
