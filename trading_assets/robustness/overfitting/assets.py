"""How the assets on selection compute: the trials on record against each other, all strategies against cash."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests import tables as backtests
from trading_assets.backtests.assets import development_metrics
from trading_assets.backtests.trial_registry import behind
from trading_assets.config import Configuration
from trading_assets.market_data.tables import INSTRUMENTS, SESSIONS
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol
from trading_assets.protocol.same_market import TradedMarket, state_of_trials, trials_on_markets
from trading_assets.protocol.trials import own_first
from trading_assets.protocol.written_rows import hash_whole
from trading_assets.robustness.evidence import record_evidence
from trading_assets.robustness.overfitting.field import calendars_of, field_of, trials_of_types, types_alike
from trading_assets.robustness.overfitting.reality_check import reality_check as check
from trading_assets.robustness.overfitting.searches import backtests_and_searches, with_searches
from trading_assets.robustness.overfitting.selection import rows, selection
from trading_assets.robustness.rows_by_span import write
from trading_assets.robustness.tables import EVERY_STRATEGY, LOGITS, OVERFITTING, SENSITIVITY
from trading_assets.strategies.evaluation.failure import require_ok, strategy_of
from trading_assets.strategies.evaluation.identity import identity_of, recorded_type
from trading_assets.strategies.evaluation.on_record import returns_on_record
from trading_assets.strategies.evaluation.received_tables import hashes_of_other_files
from trading_assets.strategies.evaluation.written_inputs import assert_rows_as_written
from trading_assets.strategies.interface.resolved import NoSymbolsError, resolve_strategy
from trading_assets.warehouse import Rows


def overfitting(step: Step) -> Mapping[str, Any]:
    """How much of the Sharpe ratio the best of all trials on record would show without any skill."""
    require_ok(step, ("strategies", "backtests", "robustness/sensitivity"))
    name, configuration = strategy_of(step), step.configuration
    own = Rows("strategy", name)
    splits = step.work.read(SPLITS)
    instruments = _instruments(step, splits)
    strategy = resolve_strategy(configuration, name, instruments)
    identity = identity_of(strategy.module)
    every = trials_on_markets(Protocol.of(configuration), [_market_of(step, strategy.symbols, splits)])
    every = own_first(every, configuration.name, name)
    points, metrics = step.work.read(SENSITIVITY, rows=own), step.work.read(backtests.METRICS, rows=own)
    chosen = points.filter("chosen")["trial"][0]
    span = every.filter(trial=chosen).select("start", "end")
    types, alike = 1, [recorded_type(identity)]
    if not span.is_empty():  # `selection` says what is missing
        field = field_of(backtests_and_searches(every)[0], calendars_of(instruments, _sessions(step, every)))
        types, alike = types_alike(field, identity, strategy.symbols, span["start"][0], span["end"][0])
    trials = behind(every, name, identity, strategy.symbols)
    likes = trials_of_types(every, name, [each for each in alike if each != recorded_type(identity)], strategy.symbols)
    assert_rows_as_written(step, [hash_whole(SENSITIVITY, points, name), development_metrics(metrics, name)])
    found = selection(
        name,
        with_searches(configuration, name, trials, every),
        chosen,
        alike=likes.join(trials, on="trial", how="anti"),
        types=types,
        periods=metrics.filter(metric="periods_per_year")["value"][0],
        blocks=configuration.robustness.cross_validation_blocks,
        config_hash=configuration.hash_of_trials,
    )
    write(step, overfitting.__name__, {OVERFITTING: found.statistics, LOGITS: found.logits})
    record_evidence(step, overfitting.__name__)
    return {"statistics": found.statistics.drop("strategy", "config_hash")}


def reality_check(step: Step) -> Mapping[str, Any]:
    """Is the best of all trials on record better than cash, given how many there are? On the development span."""
    configuration = step.configuration
    settings = configuration.robustness
    splits = step.work.read(SPLITS)
    instruments = _instruments(step, splits)
    trials = trials_on_markets(Protocol.of(configuration), _markets(step, instruments, splits))
    field = field_of(trials, calendars_of(instruments, _sessions(step, trials)))
    values = check(
        field.returns,
        block_sessions=settings.block_sessions,
        resamples=settings.resamples,
        seed=configuration.seed,
        not_on_record=field.undated.height,
    )
    table = rows(EVERY_STRATEGY, values, 0, field.trials.height + field.undated.height, configuration.hash)
    step.work.replace(Rows("strategy", EVERY_STRATEGY), {OVERFITTING: table})
    return {"statistics": table.drop("strategy", "config_hash")}


def trials_on_record(configuration: Configuration) -> object:
    """Return what both assets read beside tables: trials of the data folder, and files that a registration holds."""
    return [state_of_trials(Protocol.of(configuration)), hashes_of_other_files(configuration)]


def _instruments(step: Step, splits: pl.DataFrame) -> pl.DataFrame:
    """Instruments as they are known at the end of development: a later session is no change to them."""
    return step.work.read(INSTRUMENTS, capped=("last_session", development(spans_of(splits)).end))


def _sessions(step: Step, trials: pl.DataFrame) -> pl.DataFrame:
    """Expected sessions up to the last that any trial saw."""
    return step.work.read(SESSIONS, where="session <= ?", parameters=[trials["end"].max() or dt.date.min])


def _market_of(step: Step, symbols: Sequence[str], splits: pl.DataFrame) -> TradedMarket:
    """What a strategy trades, as its trials saw it: on train and validation."""
    span = development(spans_of(splits))
    return TradedMarket(tuple(symbols), returns_on_record(step, symbols, span), span.start, span.end)


def _markets(step: Step, instruments: pl.DataFrame, splits: pl.DataFrame) -> list[TradedMarket]:
    """What the strategies of the configuration trade, each universe once; and all other symbols that are known."""
    universes = {tuple(sorted(instruments["symbol"]))}
    for name in step.configuration.strategies:
        with suppress(NoSymbolsError):  # a strategy that fails by itself has no trials
            universes.add(tuple(resolve_strategy(step.configuration, name, instruments).symbols))
    return [_market_of(step, symbols, splits) for symbols in sorted(universes)]
