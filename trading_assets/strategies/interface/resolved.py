"""A strategy made from its entry of the configuration and from the instruments: here, once, and passed on from then.

The module is found by `config.plugins.strategy_module`, and its parameters are validated by `config.loading`. A shipped
one is imported; a user's own is run by a process of its own, and its functions here ask that.
What the configuration alone decides is a `ConfiguredStrategy`; the graph of assets is drawn from it. With the
instruments on record it becomes a `ResolvedStrategy`, which every evaluation is handed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import cast

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.plugins import origin_of, strategy_module
from trading_assets.config.sections import AssetClass
from trading_assets.config.strategies import KINDS, StrategyParameters, members_of
from trading_assets.features.tables import INDICATORS
from trading_assets.market_data.lives import is_named
from trading_assets.market_data.tables import BARS
from trading_assets.strategies.interface.gated import gated, is_gate
from trading_assets.strategies.interface.module import OrderModule, StrategyModule, TargetWeightModule
from trading_assets.strategies.interface.panel import columns_of
from trading_assets.strategies.interface.plugin import PluginModule, module_of
from trading_assets.strategies.interface.rules import Rules

#: Columns of a panel that are no features, see `panel.build_panel`.
_GIVEN = frozenset({*INDICATORS.columns, *BARS.columns, "score", "benchmark_roc_60", "in_universe"})


class NoSymbolsError(Exception):
    """A strategy's universe selects no symbol of the data."""


@dataclass(frozen=True)
class ConfiguredStrategy:
    """One entry of `strategies`, its module imported and its parameters validated.

    Attributes
    ----------
    name
        Key of the entry.
    parameters
        Parameters of the module, with the entry's in place of their defaults.
    universe
        Asset class, ``all``, or a list of symbols, as configured.
    members
        Names of the strategies that it is made of; none for most.
    """

    name: str
    module: StrategyModule
    parameters: StrategyParameters
    universe: str | Sequence[str]
    members: tuple[str, ...]

    @property
    def is_target_weight(self) -> bool:
        """Whether its sizes are the weights that it asks for; else it is order-based."""
        return isinstance(self.parameters, KINDS["target_weights"])

    @property
    def order_module(self) -> OrderModule:
        """Its module, as one of an order-based strategy.

        Raises
        ------
        TypeError
            It is of the other kind.
        """
        if self.is_target_weight:
            raise TypeError(f"{self.name} is a target-weight strategy: it has no rules")
        return cast(OrderModule, self.module)

    @property
    def target_weight_module(self) -> TargetWeightModule:
        """Its module, as one of a target-weight strategy.

        Raises
        ------
        TypeError
            It is of the other kind.
        """
        if not self.is_target_weight:
            raise TypeError(f"{self.name} is an order-based strategy: it sets no target weights")
        return cast(TargetWeightModule, self.module)

    @property
    def rules(self) -> Rules:
        """Its rules under its parameters.

        Raises
        ------
        TypeError
            It is a target-weight strategy.
        """
        return self.order_module.rules(self.parameters)

    @property
    def model(self) -> str | None:
        """Name of the model whose score its rules name."""
        return None if self.is_target_weight else self.rules.model

    @property
    def decides_by_symbol(self) -> bool:
        """Whether it is order-based and of the house: its expressions are evaluated over the rows of one symbol.

        A user's own rules are evaluated in another process, which is asked once.
        """
        return not self.is_target_weight and not isinstance(self.module, PluginModule)

    @property
    def columns(self) -> set[str]:
        """Columns of the panel that it names: in its expressions, or in its module's function `columns`."""
        if not self.is_target_weight:
            return columns_of(self.rules)
        columns = getattr(self.module, "columns", None)
        return set(columns(self.parameters)) if columns else set()

    @property
    def features(self) -> list[str]:
        """Columns of `features.daily` that it names, ascending."""
        return sorted(self.columns - _GIVEN)

    @property
    def grid(self) -> Mapping[str, Sequence[float | str]]:
        """The sensitivity grid that its module declares; empty without one."""
        return dict(getattr(self.module, "GRID", {}))

    def resolved(self, instruments: pl.DataFrame, benchmarks: Mapping[AssetClass, str]) -> ResolvedStrategy:
        """Return the strategy with the instruments that it may trade.

        Parameters
        ----------
        instruments
            Rows of `market_data.instruments`.
        benchmarks
            Symbol of the benchmark by asset class.

        Raises
        ------
        NoSymbolsError
            It may trade none of them.
        """
        own = _traded(self, instruments)
        benchmark = benchmark_of(own["asset_class"].to_list(), benchmarks)
        configured = {each.name: getattr(self, each.name) for each in fields(ConfiguredStrategy)}
        return ResolvedStrategy(**configured, instruments=own, benchmark=benchmark)


@dataclass(frozen=True)
class ResolvedStrategy(ConfiguredStrategy):
    """A configured strategy and what it may trade.

    Attributes
    ----------
    instruments
        Rows of `market_data.instruments` that it may trade, at least one.
    benchmark
        Symbol of its benchmark; None without one for its main asset class.
    """

    instruments: pl.DataFrame
    benchmark: str | None

    @property
    def symbols(self) -> list[str]:
        """Symbols that it may trade, ascending."""
        return sorted(self.instruments["symbol"])

    def of_symbols(self, symbols: Sequence[str]) -> ResolvedStrategy:
        """Return the same strategy where it may trade some of its symbols alone."""
        return replace(self, instruments=self.instruments.filter(pl.col("symbol").is_in(list(symbols))))

    def with_parameters(self, parameters: StrategyParameters) -> ResolvedStrategy:
        """Return the same strategy under other parameters."""
        return replace(self, parameters=parameters)


def configured_strategy(configuration: Configuration, name: str) -> ConfiguredStrategy:
    """Return the strategy of an entry of the configuration.

    Raises
    ------
    LookupError
        There is no module of its type, or it cannot be used.
    TypeError
        The configuration was not loaded: the parameters are as they stand in the file.
    """
    settings = configuration.strategies[name]
    if not isinstance(settings.parameters, StrategyParameters):
        raise TypeError(f"{settings.type}: parameters that were not validated")
    module = module_of(strategy_module(settings.type, origin_of(configuration)))
    if is_gate(module):
        names = configuration.primaries_read_by(name)
        if not names:
            raise LookupError(f"the model of {name} scores every session: there are no entries to choose from")
        primary = configured_strategy(configuration, names[0])  # all candidates of a champion have the same
        module = gated(module, primary.order_module, primary.parameters)
    return ConfiguredStrategy(
        name=name,
        module=module,
        parameters=settings.parameters,
        universe=settings.universe,
        members=tuple(members_of(settings)),
    )


def configured_strategies(configuration: Configuration) -> list[ConfiguredStrategy]:
    """Return every strategy of the configuration, in its order."""
    return [configured_strategy(configuration, name) for name in configuration.strategies]


def resolve_strategy(configuration: Configuration, name: str, instruments: pl.DataFrame) -> ResolvedStrategy:
    """Return the strategy of an entry of the configuration with the instruments that it may trade.

    Parameters
    ----------
    configuration, name
        Configuration, and the name of one of its strategies.
    instruments
        Rows of `market_data.instruments`.

    Raises
    ------
    NoSymbolsError
        It may trade none of them.
    """
    return configured_strategy(configuration, name).resolved(instruments, configuration.benchmarks)


def benchmark_of(asset_classes: Sequence[str], benchmarks: Mapping[AssetClass, str]) -> str | None:
    """Return the benchmark of the asset class with most symbols; of equals, of the first by name.

    Parameters
    ----------
    asset_classes
        One for each symbol that a strategy trades.
    """
    main = max(sorted(set(asset_classes)), key=asset_classes.count)
    return next((symbol for name, symbol in benchmarks.items() if name == main), None)


def _traded(strategy: ConfiguredStrategy, instruments: pl.DataFrame) -> pl.DataFrame:
    """Select what a strategy may trade; benchmarks outside the universe are never among it."""
    traded = instruments.filter("in_universe", pl.col("asset_class") != "index", pl.col("first_session").is_not_null())
    wanted = strategy.universe
    if not isinstance(wanted, str):
        traded = traded.filter(is_named(wanted))
    elif wanted != "all":
        traded = traded.filter(pl.col("asset_class") == wanted)
    if traded.is_empty():
        raise NoSymbolsError(
            f"no symbol to trade\n  key: strategies.{strategy.name}.universe: {wanted}\n"
            f"  expected: symbols with bars in market_data.instruments ({instruments.height} there)"
        )
    return traded
