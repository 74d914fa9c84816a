"""What one strategy reads: the tables of the earlier stages, and the panel made of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.own import assert_current
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.tables import (
    BARS,
    BORROW_RATES,
    INSTRUMENTS,
    QUARANTINE,
    RISK_FREE,
    SESSIONS,
    UNIVERSE,
)
from trading_assets.models.tables import PREDICTIONS, REGIMES
from trading_assets.strategies.interface.panel import build_panel, with_members, with_regimes
from trading_assets.strategies.interface.plugin import PluginModule
from trading_assets.strategies.interface.resolved import ResolvedStrategy, resolve_strategy
from trading_assets.strategies.tables import TARGET_WEIGHTS
from trading_assets.warehouse import Rows, Table, Warehouse

_KNOWN = "session <= ?"


@dataclass(frozen=True)
class Frames:
    """A strategy and the tables of the earlier stages, as far as it needs them; rows of other symbols do no harm.

    `daily` has the features that the strategy names; `predictions` has symbol, session and score of the model
    that its rules name; `target_weights` are those of its members, and `regimes` is read only for one with members.
    `borrow_rates` are for the simulation: no rule looks at them. `panel` is the strategy's panel where it is made
    already, whatever the other tables have; else it follows from them (`panel_of`).
    """

    strategy: ResolvedStrategy
    bars: pl.DataFrame
    quarantine: pl.DataFrame
    sessions: pl.DataFrame
    instruments: pl.DataFrame
    indicators: pl.DataFrame
    daily: pl.DataFrame
    predictions: pl.DataFrame
    universe: pl.DataFrame
    target_weights: pl.DataFrame = field(default_factory=TARGET_WEIGHTS.empty)
    regimes: pl.DataFrame = field(default_factory=REGIMES.empty)
    borrow_rates: pl.DataFrame = field(default_factory=BORROW_RATES.empty)
    risk_free: pl.DataFrame = field(default_factory=RISK_FREE.empty)
    panel: pl.DataFrame | None = None


def read_frames(warehouse: Warehouse, configuration: Configuration, name: str, until: dt.date | None = None) -> Frames:
    """Resolve strategy `name` and read what it needs.

    Parameters
    ----------
    warehouse, configuration
        Warehouse with the tables, and the configuration that the strategy is of.
    name
        Name of the strategy.
    until
        Last session of what is read: a later one changes none of it. None: all of them.

    Raises
    ------
    NoSymbolsError
        The strategy's universe is empty.
    """
    instruments = warehouse.read(INSTRUMENTS, capped=None if until is None else ("last_session", until))
    strategy = resolve_strategy(configuration, name, instruments)
    with warehouse.held_open() as held:
        return _frames_of(held, configuration, strategy, instruments, until or dt.date.max)


def _frames_of(
    warehouse: Warehouse,
    configuration: Configuration,
    strategy: ResolvedStrategy,
    instruments: pl.DataFrame,
    until: dt.date,
) -> Frames:
    symbols = [*strategy.symbols, *configuration.benchmarks.values()]
    features, members = strategy.features, strategy.members
    assert_current(warehouse, configuration, set(features))

    def own(table: Table, columns: Sequence[str] | None = None, also: str = "") -> pl.DataFrame:
        return warehouse.read_or_empty(
            table,
            columns=columns,
            where=f"list_contains(?, symbol){also and f' AND {also}'}",
            parameters=[symbols, *([until] if also else [])],
        )

    known: dict[str, Any] = {"where": _KNOWN, "parameters": [until]}
    return Frames(
        strategy=strategy,
        bars=own(BARS, also=_KNOWN),
        quarantine=own(QUARANTINE, also=_KNOWN),
        sessions=warehouse.read(SESSIONS, **known),
        instruments=instruments,
        indicators=own(INDICATORS, also=_KNOWN),
        daily=own(DAILY, ["symbol", "session", *features], _KNOWN) if features else DAILY.empty(),
        predictions=warehouse.read_or_empty(
            PREDICTIONS, columns=["symbol", "session", "score"], rows=Rows("model", strategy.model or ""), **known
        ),
        universe=own(UNIVERSE),
        target_weights=pl.concat(
            [
                TARGET_WEIGHTS.empty(),
                *(warehouse.read(TARGET_WEIGHTS, rows=Rows("strategy", each), **known) for each in members),
            ]
        ),
        regimes=warehouse.read_or_empty(REGIMES, **known) if members else REGIMES.empty(),
        borrow_rates=own(BORROW_RATES, also=f"(session IS NULL OR {_KNOWN})"),
        risk_free=warehouse.read_or_empty(RISK_FREE, **known),
    )


def panel_of(configuration: Configuration, frames: Frames, until: dt.date | None = None) -> pl.DataFrame:
    """Return the strategy's panel: see `build_panel`, and `target_weights` for the columns of one with members.

    Parameters
    ----------
    until
        The last session that the strategy's code may see; None: all of them.
    """
    panel = _whole_panel(configuration, frames) if frames.panel is None else frames.panel
    return panel if until is None else panel.filter(pl.col("session") <= until)


def _bars_seen(frames: Frames) -> pl.DataFrame:
    """The bars with the columns that the panel has: all but for rules of the house, which name what they read."""
    strategy = frames.strategy
    if strategy.is_target_weight or isinstance(strategy.module, PluginModule):
        return frames.bars
    seen = {*BAR_COLUMNS, "adj_open"} | strategy.columns
    return frames.bars.select(name for name in frames.bars.columns if name in seen)


def _whole_panel(configuration: Configuration, frames: Frames) -> pl.DataFrame:
    strategy = frames.strategy
    panel = build_panel(
        _bars_seen(frames),
        frames.indicators,
        frames.universe,
        symbols=strategy.symbols,
        benchmarks=configuration.benchmarks,
        daily=frames.daily,
        scores=frames.predictions if strategy.model else None,
    )
    if not strategy.members:
        return panel
    with_weights = with_members(panel, strategy.members, frames.target_weights)
    return with_regimes(with_weights, frames.regimes, strategy.benchmark, configuration.regimes.number)
