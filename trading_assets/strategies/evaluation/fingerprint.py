"""What a strategy does, as plain values: the part of a registration that its own code and parameters decide."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import polars as pl
from pydantic import BaseModel

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.config.stated import is_shipped, stated
from trading_assets.config.strategies import StrategyParameters
from trading_assets.features.alternative import providers_read
from trading_assets.features.own import features_of, modules_of, own_behind, own_features
from trading_assets.models.champions import CHAMPION_VERSION
from trading_assets.models.families.own import own_family
from trading_assets.models.regimes import REGIMES_VERSION
from trading_assets.models.version import TRAINING_VERSION
from trading_assets.strategies.evaluation.description import describe
from trading_assets.strategies.evaluation.identity import (
    identity_of,
    modules_behind,
    own_code,
    own_texts,
    plugin_code,
    shipped_code,
)
from trading_assets.strategies.interface.resolved import (
    ConfiguredStrategy,
    ResolvedStrategy,
    configured_strategy,
    resolve_strategy,
)


def frozen(configuration: Configuration, strategy: ConfiguredStrategy) -> dict[str, Any]:
    """Return type, parameters, rules, code, model, and members of a strategy with the regimes that weigh them.

    The code is registered beside the parameters: a changed module is a changed strategy, whatever its parameters. Of
    an order-based strategy `rules` are its expressions, in the text of the installed `polars`, which another version
    writes otherwise. `shipped_code` are the modules of this package that it is made of. Of a user's own module,
    `own_code` is that module and those of the user's that it imports. Members, and the strategy whose entries its model
    scores, are frozen in the same way.
    """
    model, modules = strategy.model, modules_behind(strategy.module)
    members = {member: configured_strategy(configuration, member) for member in strategy.members}
    primaries = {each: configured_strategy(configuration, each) for each in _primaries(configuration, strategy)}
    return {
        "type": identity_of(strategy.module),
        "parameters": stated(strategy.parameters),
        "rules": None if strategy.is_target_weight else digest(describe(strategy.rules)),
        "polars": None if strategy.is_target_weight else pl.__version__,
        "shipped_code": shipped_code(modules),
        "own_code": own_code(strategy.module),
        **own_features_frozen(configuration, strategy),
        **own_model_frozen(configuration, strategy),
        "model": model_settings(configuration, model, stated) if model else None,
        "training": TRAINING_VERSION if model else None,
        # Nothing without one: what earlier versions recorded stays what it was.
        **({"primaries": {name: frozen(configuration, each) for name, each in primaries.items()}} if primaries else {}),
        "members": {name: frozen(configuration, member) for name, member in members.items()},
        "regimes": [REGIMES_VERSION, stated(configuration.regimes)] if members else None,
    }


def model_settings(
    configuration: Configuration, model: str, written: Callable[[BaseModel], dict[str, Any]]
) -> dict[str, Any]:
    """Return the settings of what a strategy reads scores of: of a model, or of a champion and all of its candidates.

    Parameters
    ----------
    configuration, model
        Configuration, and the name of a model or a champion.
    written
        How a section is written: `stated` or `completed`.
    """
    if model not in configuration.champions:
        return written(configuration.models[model])
    candidates = configuration.candidates_of(model)
    return {
        "version": CHAMPION_VERSION,
        "champion": written(configuration.champions[model]),
        "candidates": {name: written(configuration.models[name]) for name in candidates},
    }


def own_features_frozen(configuration: Configuration, strategy: ConfiguredStrategy) -> dict[str, dict[str, str]]:
    """Return the code of a user's own features that a strategy, or its model, reads, as `own_code` has that of modules.

    Nothing where it reads none: earlier versions had none, and what they recorded stays what it was.
    """
    if not configuration.features:
        return {}
    columns = {each.column for each in own_features(configuration)} if strategy.model else strategy.columns
    modules = modules_of(own_behind(configuration, columns))
    code = {name: value for each in modules for name, value in plugin_code(each).items()}
    return {"own_features": code} if code else {}


def own_model_frozen(configuration: Configuration, strategy: ConfiguredStrategy) -> dict[str, dict[str, str]]:
    """Return the code of the models that a strategy reads, if they are modules of a user's own; nothing otherwise."""
    read = configuration.candidates_of(strategy.model or "")
    families = [own_family(configuration, model) for model in read if model in configuration.models]
    code = {name: value for each in families if each for name, value in plugin_code(each.module).items()}
    return {"own_model": code} if code else {}


def providers_behind(configuration: Configuration, strategy: str) -> list[str]:
    """Return the providers of alternative data that a strategy, or what is behind it, reads: of a model's all."""
    if not configuration.alternative_data:
        return []
    behind = [configured_strategy(configuration, each) for each in configuration.behind(strategy)]
    named = set[str]().union(*(each.columns for each in behind))
    named |= {root for feature in own_behind(configuration, named) for root in feature.roots}
    return providers_read(configuration, named, by_model=any(each.model for each in behind))


def alternative_frozen(configuration: Configuration, providers: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what is configured of providers, but for where files are from: what these hold is compared itself."""
    sections = {name: stated(each) for name, each in configuration.alternative_data.items() if name in providers}
    return {
        name: {key: value for key, value in each.items() if key not in ("path", "alfred")}
        for name, each in sections.items()
    }


def _primaries(configuration: Configuration, strategy: ConfiguredStrategy) -> list[str]:
    """Names of the strategies whose entries the model of a strategy scores."""
    return configuration.primaries_of(strategy.model) if strategy.model else []


def parameter_types(configuration: Configuration, strategy: ConfiguredStrategy) -> dict[str, type[StrategyParameters]]:
    """Return the class of the parameters of a strategy and of its members, by the identities of their modules."""
    found = {identity_of(strategy.module): type(strategy.parameters)}
    for member in (*strategy.members, *_primaries(configuration, strategy)):
        found |= parameter_types(configuration, configured_strategy(configuration, member))
    return found


def rules_recorded_before(configuration: Configuration, strategy: ConfiguredStrategy) -> dict[str, list[str]]:
    """Return the hashes of rules by which version 0.1.0 would have known a user's own modules as they are now.

    Returns
    -------
    dict
        Name of the strategy and of each of its members, theirs among them, whose module is a user's own: of an
        order-based one the hash of its expressions; of a target-weight one that of the texts of its modules, as they
        are, and with the imports of this package written as in that version. None of the latter where it uses code of
        this package that was part of the hash: whether that was the same cannot be told.
    """
    found: dict[str, list[str]] = {}
    if not is_shipped(strategy.module.__name__):
        modules = modules_behind(strategy.module)
        if not strategy.is_target_weight:
            found[strategy.name] = [digest(describe(strategy.rules))]
        elif any(is_shipped(each.name) for each in modules):
            found[strategy.name] = []
        else:
            found[strategy.name] = [digest(own_texts(modules, renamed_back=back)) for back in (False, True)]
    for member in (*strategy.members, *_primaries(configuration, strategy)):
        found |= rules_recorded_before(configuration, configured_strategy(configuration, member))
    return found


def symbols_behind(configuration: Configuration, strategy: ResolvedStrategy, instruments: pl.DataFrame) -> list[str]:
    """Return symbols whose bars bear on what a strategy does, those that it trades among them, ascending.

    Beside its own they are the benchmarks of their asset classes, all that its model is trained on, the whole asset
    class if it looks at a feature over all symbols, and what bears on its members.

    Parameters
    ----------
    instruments
        Rows of `market_data.instruments`.
    """
    classes = set(strategy.instruments["asset_class"])
    whole: set[str] = set()
    declared = features_of(configuration)
    if strategy.columns & {feature.column for feature in declared if feature.scope == "session"}:
        whole |= classes
    if strategy.model is not None:
        whole |= {configuration.models[each].universe for each in configuration.candidates_of(strategy.model)}
    benchmarks = {symbol for each, symbol in configuration.benchmarks.items() if each in classes | whole}
    of_classes = instruments.filter(pl.col("asset_class").is_in(sorted(whole)))["symbol"]
    members = (resolve_strategy(configuration, member, instruments) for member in strategy.members)
    of_members = (symbols_behind(configuration, member, instruments) for member in members)
    return sorted({*strategy.symbols, *benchmarks, *of_classes}.union(*of_members))
