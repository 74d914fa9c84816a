"""What one strategy reads: its symbols, its benchmarks, and the columns that its rules name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.sections import AssetClass
from trading_assets.config.strategies import OrderParameters, StrategySettings, strategy_module
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, SESSIONS, UNIVERSE
from trading_assets.models.tables import PREDICTIONS
from trading_assets.strategies.panel import columns_of
from trading_assets.warehouse import Rows, Table, Warehouse


@dataclass(frozen=True)
class Frames:
    """Tables of the earlier stages, as far as a strategy needs them; rows of other symbols do no harm.

    `daily` has the features that the rules name; `predictions` has symbol, session and score of the model
    that they name.
    """

    bars: pl.DataFrame
    quarantine: pl.DataFrame
    sessions: pl.DataFrame
    instruments: pl.DataFrame
    indicators: pl.DataFrame
    daily: pl.DataFrame
    predictions: pl.DataFrame
    universe: pl.DataFrame


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
    rules = strategy_module(settings.type).rules(parameters_of(settings))
    instruments = warehouse.read(INSTRUMENTS)
    symbols = [*symbols_of(name, settings, instruments), *configuration.benchmarks.values()]
    features = sorted(columns_of(rules) - set(INDICATORS.columns) - set(BARS.columns) - {"score", "benchmark_roc_60"})
    model = rules.model or ""

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
            PREDICTIONS, columns=["symbol", "session", "score"], rows=Rows("model", model)
        ),
        universe=own(UNIVERSE),
    )


def parameters_of(settings: StrategySettings) -> OrderParameters:
    """Parameters of an order-based strategy.

    Raises
    ------
    TypeError
        The strategy is of another kind.
    """
    if not isinstance(settings.parameters, OrderParameters):
        raise TypeError(f"{settings.type}: Parameters must derive from {OrderParameters.__name__}")
    return settings.parameters


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
        traded = traded.filter(pl.col("symbol").is_in(wanted))
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
