"""What a strategy reads, with its model and its members: no more than that is computed again."""

from __future__ import annotations

from trading_assets.config import Configuration
from trading_assets.config.plugins import is_plugin
from trading_assets.features.daily import with_sources
from trading_assets.features.feature import Feature
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.own import OwnFeature, features_of, own_behind
from trading_assets.features.tables import INDICATORS
from trading_assets.market_data.tables import BARS
from trading_assets.strategies.interface.resolved import configured_strategy

#: Indicators that the engine reads, and the one of the benchmark that every panel has.
_OF_THE_ENGINE = frozenset({"atr_14", "atr_14_mean_60", "adv_20", "roc_60"})


def columns_read(configuration: Configuration, strategy: str) -> list[str]:
    """Return the columns of `market_data.bars` that a strategy decides from: all for one that may not name them."""
    own = [configured_strategy(configuration, name) for name in configuration.behind(strategy)]
    if _reads_what_it_likes(configuration, strategy):
        return list(BARS.columns)
    named = {*BAR_COLUMNS, "adj_open"}.union(*(each.columns for each in own))
    return [name for name in BARS.columns if name in named]


def indicators_read(configuration: Configuration, strategy: str) -> set[str]:
    """Return the indicators that a strategy and the engine read: all of one that may not name them."""
    own = [configured_strategy(configuration, name) for name in configuration.behind(strategy)]
    if _reads_what_it_likes(configuration, strategy):
        return set(INDICATORS.columns)
    return {*_OF_THE_ENGINE}.union(*(each.columns for each in own))


def _reads_what_it_likes(configuration: Configuration, strategy: str) -> bool:
    """Return whether it, or a member, sees the whole panel, or is a user's: `pl.all()` and patterns name no column."""
    behind = configuration.behind(strategy)
    return any(
        is_plugin(configuration.strategies[name].type) or configured_strategy(configuration, name).is_target_weight
        for name in behind
    )


def follows_by_symbol(configuration: Configuration, strategy: str) -> bool:
    """Return whether what a strategy decides of a symbol follows from the bars of that symbol and the benchmarks.

    It is no member's or model's, by expressions of the house, and names no feature that compares symbols.
    """
    own = configured_strategy(configuration, strategy)
    if not own.decides_by_symbol or own.model or own.members:
        return False
    behind = features_behind(configuration, strategy)
    return not any(isinstance(each, OwnFeature) or each.scope == "session" for each in behind)


def columns_named(configuration: Configuration, strategy: str) -> set[str]:
    """Return the columns of a panel that a strategy or a member of it names."""
    own = [configured_strategy(configuration, name) for name in configuration.behind(strategy)]
    return set[str]().union(*(each.columns for each in own))


def models_behind(configuration: Configuration, strategy: str) -> set[str]:
    """Return the models whose scores a strategy or a member of it reads, all candidates of a champion among them."""
    own = [configured_strategy(configuration, name) for name in configuration.behind(strategy)]
    return {model for each in own if each.model for model in configuration.candidates_of(each.model)}


def features_behind(configuration: Configuration, strategy: str) -> list[Feature]:
    """Return the features that a strategy, its model or a member depends on, and those that these are computed from.

    With a model all are: it is trained on every column. With members all of the house are, for the regimes are made of
    them; of a user's own those that a member reads. What nothing reads is not computed: the code of a user's own
    features would be shown a holdout that nobody may read, and its leak would be told of a strategy that has none. The
    check `features_are_causal` tries every feature, whether anything reads it or not.
    """
    every, named = features_of(configuration), _columns_behind(configuration, strategy)
    asked = configured_strategy(configuration, strategy)
    if not asked.model and not asked.members:
        named = named & {feature.column for feature in every}
        return with_sources(named, every) if named else []
    own = {feature.column for feature in own_behind(configuration, named)}
    return [feature for feature in every if not isinstance(feature, OwnFeature) or feature.column in own]


def _columns_behind(configuration: Configuration, strategy: str) -> set[str]:
    own = configured_strategy(configuration, strategy)
    of_model = {feature.column for feature in features_of(configuration)} if own.model else set()
    return own.columns.union(of_model, *(_columns_behind(configuration, member) for member in own.members))
