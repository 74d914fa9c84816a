"""The market of a step's strategy, read and prepared."""

from __future__ import annotations

from dataclasses import replace

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.backtest import PreparedBacktest, prepare
from trading_assets.config.sections import Interval
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.strategies.evaluation.inputs import Frames, read_frames


def read_market(step: Step) -> tuple[Frames, PreparedBacktest, dict[str, Interval]]:
    """Read what the strategy looks at; return it, the backtest prepared from it, and the spans of the splits.

    Indicators and features are in the panel of the backtest, and not kept a second time.
    """
    with step.work.held_open():
        frames = read_frames(step.work, step.configuration, strategy_of(step))
        spans = spans_of(step.work.read(SPLITS))
    prepared = prepare(step.configuration, frames)
    return _without_levels(frames), prepared, spans


def read_development_market(step: Step) -> tuple[Frames, PreparedBacktest, dict[str, Interval]]:
    """Read the market as `read_market` does, for train and validation: no bar of the holdout is read."""
    with step.work.held_open():
        spans = spans_of(step.work.read(SPLITS))
        until = development(spans).end
        frames = read_frames(step.work, step.configuration, strategy_of(step), until)
    prepared = prepare(step.configuration, frames, until)
    return _without_levels(frames), prepared, spans


def _without_levels(frames: Frames) -> Frames:
    return replace(frames, indicators=frames.indicators.clear(), daily=frames.daily.clear())
