"""The assets of the stage: one a strategy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from trading_assets.asset_factories.step_record import Rule
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.config import Configuration
from trading_assets.config.sections import Interval
from trading_assets.market_data.tables import BARS
from trading_assets.models.champions import score_asset
from trading_assets.models.entries import hash_of_signals
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol
from trading_assets.protocol.made_under import settings_of_strategy
from trading_assets.protocol.written_rows import hash_whole, record_written
from trading_assets.strategies.evaluation.decide import decide
from trading_assets.strategies.evaluation.failure import (
    failure_recorder,
    require_members,
    require_scores,
    require_unlocked,
    status_row,
    strategy_of,
)
from trading_assets.strategies.evaluation.inputs import Frames, panels_of, read_frames
from trading_assets.strategies.evaluation.on_record import put_further_exposure_on_record, put_registrations_on_record
from trading_assets.strategies.evaluation.received_tables import hashes_of_other_files
from trading_assets.strategies.evaluation.side_of_primary import require_side_of_primary
from trading_assets.strategies.evaluation.written_inputs import assert_inputs_as_written, is_behind_a_registration
from trading_assets.strategies.interface.resolved import ConfiguredStrategy, configured_strategies, configured_strategy
from trading_assets.strategies.tables import SIGNALS, STATUS, TARGET_WEIGHTS
from trading_assets.warehouse import Rows

STAGE = "strategies"


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`strategies/<name>` for each configured strategy."""
    return [
        table_asset(
            signals,
            stage=STAGE,
            strategy=strategy.name,
            tables=(SIGNALS, TARGET_WEIGHTS, STATUS),
            deps=[*inputs_of(configuration, strategy), "models/splits"],
            on_failure=failure_recorder(STAGE, [SIGNALS, TARGET_WEIGHTS]),
            rule=Rule(hashes_of_other_files),
        )
        for strategy in configured_strategies(configuration)
    ]


def inputs_of(configuration: Configuration, strategy: ConfiguredStrategy) -> list[str]:
    """Keys of the assets that a strategy looks at.

    Its model is the one that its parameter `model` names; the strategies that it is made of are its `members`, and
    one with members knows the regimes.
    """
    model = getattr(strategy.parameters, "model", None)
    return [
        "market_data/bars",
        "features/daily",
        *([score_asset(configuration, model)] if model in configuration.score_names else []),
        *(f"{STAGE}/{member}" for member in strategy.members),
        *(["models/regimes"] if strategy.members else []),
    ]


def open_until(configuration: Configuration, name: str, splits: pl.DataFrame) -> dt.date | None:
    """Return the last session that a strategy may say anything of; None if it may see the holdout, or there is none.

    What it would hold in the holdout tells with the bars beside it how it fares there. So it is cut until the
    strategy is registered, or one that it is a member of, whose own positions follow from it.

    Parameters
    ----------
    configuration, name
        Configuration with its registrations, and the name of the strategy.
    splits
        Rows of `models.splits`.
    """
    spans = spans_of(splits)
    if "holdout" not in spans or is_behind_a_registration(configuration, name):
        return None
    return development(spans).end


def _last_of(step: Step, symbols: Sequence[str]) -> dt.date | None:
    """Return the last session of some symbols, of which the signals that end before it do not depend."""
    bars = step.work.aside().query(
        f"SELECT max(session) FROM {BARS.name} WHERE list_contains(?, symbol)", [list(symbols)]
    )
    last = bars.item()
    return last if isinstance(last, dt.date) else None


def _seen(frames: Frames, last: dt.date | None, until: dt.date | None) -> Interval | None:
    """The sessions that signals are of, whether a holdout is in them, after them, or nowhere; None without bars.

    What is of no holdout today may be of one tomorrow: of another configuration, of a strategy that is registered
    later, or of this one with other splits.
    """
    own = pl.col("symbol").is_in(frames.strategy.symbols)
    first = (frames.bars.filter(own)["session"] if frames.parts is None else frames.parts.days).min()
    if not isinstance(first, dt.date) or last is None:
        return None
    end = last if until is None else min(last, until)
    return Interval(start=first, end=end) if first <= end else None


def signals(step: Step) -> Mapping[str, Any]:
    """Where the strategy would enter and leave, before the portfolio's rules, and what it would hold on paper."""
    name, configuration = strategy_of(step), step.configuration
    behind = [*configured_strategy(configuration, name).members, *configuration.primaries_read_by(name)]
    require_members(step, behind)
    until = open_until(configuration, name, step.work.read_or_empty(SPLITS))
    if until is None:
        put_registrations_on_record(step)
        require_unlocked(step, behind)
        require_scores(step, configured_strategy(configuration, name).model)
    require_side_of_primary(configuration, name)
    assert_inputs_as_written(step)
    frames = read_frames(step.work, configuration, name, until)
    seen = _seen(frames, _last_of(step, frames.strategy.symbols), until)
    if seen is not None:
        put_further_exposure_on_record(step, STAGE, seen, frames.strategy.symbols, frames.bars_in_parts)
    found = decide(frames.strategy, panels_of(configuration, frames, until), configuration.risk)
    status = status_row(STAGE, name, until=until)
    step.work.replace_together(
        [
            (Rows("strategy", name), {SIGNALS: found.signals, TARGET_WEIGHTS: found.target_weights}),
            (Rows("asset", f"{STAGE}/{name}"), {STATUS: status}),
        ]
    )
    written = [
        hash_whole(TARGET_WEIGHTS, step.work.written[TARGET_WEIGHTS], name),
        settings_of_strategy(configuration, name),
    ]
    if any(name in configuration.primaries_of(model) for model in configuration.models):
        written.append(hash_of_signals(step.work.written[SIGNALS], name))
    record_written(Protocol.of(configuration), f"{STAGE}/{name}", written, step.now)
    return {"signals by reason": found.signals.group_by("action", "reason").len().sort("action", "reason")}
