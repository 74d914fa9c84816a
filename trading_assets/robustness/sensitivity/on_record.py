"""A sweep whose trials are on record before anybody can choose by them."""

from __future__ import annotations

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.inputs.data_hash import hash_with_rates
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.backtests.trial_registry import settings_on_record, trial_rows
from trading_assets.config.sections import Interval
from trading_assets.parallel.configured import workers_of
from trading_assets.protocol import Protocol, record_trials
from trading_assets.protocol.trials import with_benchmarks
from trading_assets.robustness.sensitivity.grid import ParameterGrid
from trading_assets.robustness.sensitivity.sweep import Sensitivity, sensitivity
from trading_assets.robustness.tables import TRIAL_BENCHMARKS, TRIALS
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets.strategies.evaluation.on_record import put_exposure_on_record


def evaluate_on_record(
    step: Step, frames: Frames, prepared: PreparedBacktest, span: Interval, grid: ParameterGrid, *, source: str
) -> Sensitivity:
    """Evaluate a grid, the chosen parameters and their neighbours, and put what was evaluated on record.

    Parameters
    ----------
    frames
        What `prepared` was made of.
    span
        The development span.
    grid
        Values by parameter; checked before (`grid.py`). Empty for the chosen parameters alone.
    source
        Who asked for it: an asset, or a person.
    """
    name, configuration, strategy = strategy_of(step), step.configuration, prepared.strategy
    put_exposure_on_record(step, sensitivity.__name__, span, strategy.symbols, frames.bars_in_parts)
    traded = [*strategy.symbols, *([strategy.benchmark] if strategy.benchmark else [])]
    found = sensitivity(
        prepared,
        grid,
        span.start,
        span.end,
        split=DEVELOPMENT,
        settings_hash=settings_on_record(step.work, configuration, prepared.strategy),
        data_hash=hash_with_rates(
            frames.bars_in_parts, traded, span.end, frames.risk_free, frames.borrow_rates, frames.publications
        ),
        sharp_peak=configuration.robustness.sharp_peak,
        workers=workers_of(configuration),
    )
    trials = trial_rows(found.evaluations, source=source, run_id=step.run_id, evaluated_at=step.now)
    measured = with_benchmarks(trials, found.benchmarks)
    record_trials(Protocol.of(configuration), measured, subject=name, source=source, now=step.now)
    step.work.append_new(TRIALS, trials)
    step.work.append_new(TRIAL_BENCHMARKS, found.benchmarks)
    return found
