"""What one strategy reads: its symbols, its benchmarks, and the columns that its rules name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.sections import AssetClass
from trading_assets.config.strategies import (
    StrategyParameters,
    StrategySettings,
    is_target_weight,
    members_of,
    strategy_module,
)
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.lives import is_named
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, SESSIONS, UNIVERSE
from trading_assets.models.tables import PREDICTIONS, REGIMES
from trading_assets.strategies.interface.panel import build_panel, columns_of, with_members, with_regimes
from trading_assets.strategies.tables import TARGET_WEIGHTS
from trading_assets.warehouse import Rows, Table, Warehouse


@dataclass(frozen=True)
class Frames:
    """Tables of the earlier stages, as far as a strategy needs them; rows of other symbols do no harm.

    `daily` has the features that the strategy names; `predictions` has symbol, session and score of the model
    that its rules name; `target_weights` are those of its members, and `regimes` is read only for one with members.
    """

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


class NoSymbolsError(Exception):
    """A strategy's universe selects no symbol of the data."""


def read_frames(warehouse: Warehouse, configuration: Configuration, name: str) -> Frames:
    """Read what strategy `name` needs.

    Raises
    ------
    NoSymbolsError
        Its universe is empty.
    """
    settings = configuration.strategies[name]
    instruments = warehouse.read(INSTRUMENTS)
    symbols = [*symbols_of(name, settings, instruments), *configuration.benchmarks.values()]
    features, model = _reads(strategy_module(settings.type), parameters_of(settings))
    members = members_of(settings)

    def own(table: Table, columns: Sequence[str] | None = None) -> pl.DataFrame:
        return warehouse.read_or_empty(table, columns=columns, where="list_contains(?, symbol)", parameters=[symbols])

    return Frames(
        bars=own(BARS),
        quarantine=own(QUARANTINE),
        sessions=warehouse.read(SESSIONS),
        instruments=instruments,
        indicators=own(INDICATORS),
        daily=own(DAILY, ["symbol", "session", *features]) if features else DAILY.empty(),
        predictions=warehouse.read_or_empty(
            PREDICTIONS, columns=["symbol", "session", "score"], rows=Rows("model", model or "")
        ),
        universe=own(UNIVERSE),
        target_weights=pl.concat(
            [TARGET_WEIGHTS.empty(), *(warehouse.read(TARGET_WEIGHTS, rows=Rows("strategy", each)) for each in members)]
        ),
        regimes=warehouse.read_or_empty(REGIMES) if members else REGIMES.empty(),
    )


def panel_of(configuration: Configuration, name: str, frames: Frames) -> pl.DataFrame:
    """The panel of strategy `name`: see `build_panel`, and `targets` for the columns of one with members.

    Raises
    ------
    NoSymbolsError
        Its universe is empty.
    """
    settings = configuration.strategies[name]
    instruments = instruments_of(name, settings, frames.instruments)
    _, model = _reads(strategy_module(settings.type), parameters_of(settings))
    panel = build_panel(
        frames.bars,
        frames.indicators,
        frames.universe,
        symbols=sorted(instruments["symbol"]),
        benchmarks=configuration.benchmarks,
        daily=frames.daily,
        scores=frames.predictions if model else None,
    )
    members = members_of(settings)
    if not members:
        return panel
    benchmark = benchmark_of(instruments["asset_class"].to_list(), configuration.benchmarks)
    return with_regimes(
        with_members(panel, members, frames.target_weights), frames.regimes, benchmark, configuration.regimes.number
    )


def parameters_of(settings: StrategySettings) -> StrategyParameters:
    """Parameters of a strategy as its module declares them.

    Raises
    ------
    TypeError
        The configuration was not loaded: they are as they stand in the file.
    """
    if not isinstance(settings.parameters, StrategyParameters):
        raise TypeError(f"{settings.type}: parameters that were not validated")
    return settings.parameters


def columns_named(module: Any, parameters: StrategyParameters) -> set[str]:
    """Columns of the panel that a strategy names: in its expressions, or in its function `columns`."""
    if not is_target_weight(module):
        return columns_of(module.rules(parameters))
    columns = getattr(module, "columns", None)
    return set(columns(parameters)) if columns else set()


def _reads(module: Any, parameters: StrategyParameters) -> tuple[list[str], str | None]:
    """Columns of `features.daily` that a strategy names, and its model."""
    named = columns_named(module, parameters)
    model = None if is_target_weight(module) else module.rules(parameters).model
    given = {*INDICATORS.columns, *BARS.columns, "score", "benchmark_roc_60", "in_universe"}
    return sorted(named - given), model


def symbols_of(name: str, settings: StrategySettings, instruments: pl.DataFrame) -> list[str]:
    """Symbols that a strategy may trade, ascending; see `instruments_of`."""
    return sorted(instruments_of(name, settings, instruments)["symbol"])


def instruments_of(name: str, settings: StrategySettings, instruments: pl.DataFrame) -> pl.DataFrame:
    """Instruments that a strategy may trade; benchmarks outside the universe are never among them.

    Raises
    ------
    NoSymbolsError
        There is none.
    """
    traded = instruments.filter("in_universe", pl.col("asset_class") != "index", pl.col("first_session").is_not_null())
    wanted = settings.universe
    if isinstance(wanted, list):
        traded = traded.filter(is_named(wanted))
    elif wanted != "all":
        traded = traded.filter(pl.col("asset_class") == wanted)
    if traded.is_empty():
        raise NoSymbolsError(
            f"no symbol to trade\n  key: strategies.{name}.universe: {wanted}\n"
            f"  expected: symbols with bars in market_data.instruments ({instruments.height} there)"
        )
    return traded


def benchmark_of(asset_classes: Sequence[str], benchmarks: Mapping[AssetClass, str]) -> str | None:
    """The benchmark of the asset class with most symbols; of equals, of the first by name.

    Parameters
    ----------
    asset_classes
        Of each symbol that a strategy trades.
    """
    main = max(sorted(set(asset_classes)), key=asset_classes.count)
    return next((symbol for name, symbol in benchmarks.items() if name == main), None)
