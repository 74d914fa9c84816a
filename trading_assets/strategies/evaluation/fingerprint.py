"""What a strategy does, as plain values: the part of a registration that its own code and parameters decide."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.features.catalog import FEATURES
from trading_assets.models.regimes import REGIMES_VERSION
from trading_assets.models.run import TRAINING_VERSION
from trading_assets.strategies.interface.module import StrategyModule
from trading_assets.strategies.interface.resolved import (
    ConfiguredStrategy,
    ResolvedStrategy,
    configured_strategy,
    resolve_strategy,
)
from trading_assets.strategies.interface.rules import Rules

#: Parts of this package whose code decides what a strategy does; changes elsewhere are changes of the engine.
_DECIDING = ("trading_assets.strategies", "trading_assets.models")


def frozen(configuration: Configuration, strategy: ConfiguredStrategy) -> dict[str, Any]:
    """Type, parameters, rules, model, and members of a strategy with the regimes that weigh them.

    The rules are registered beside the parameters: a changed module is a changed strategy, whatever its parameters.
    Of an order-based strategy they are its expressions, in the text of the installed Polars, so an upgrade of it
    that writes expressions otherwise counts as a change. Of a target-weight strategy they are the source files that
    its module is made of, see `sources`. Members are frozen in the same way.
    """
    model = strategy.model
    decides = sources(strategy.module) if strategy.is_target_weight else describe(strategy.rules)
    members = {member: configured_strategy(configuration, member) for member in strategy.members}
    return {
        "type": configuration.strategies[strategy.name].type,
        "parameters": strategy.parameters.model_dump(mode="json"),
        "rules": digest(decides),
        "model": configuration.models[model].model_dump(mode="json") if model else None,
        "training": TRAINING_VERSION if model else None,
        "members": {name: frozen(configuration, member) for name, member in members.items()},
        "regimes": [REGIMES_VERSION, configuration.regimes.model_dump(mode="json")] if members else None,
    }


def symbols_behind(configuration: Configuration, strategy: ResolvedStrategy, instruments: pl.DataFrame) -> list[str]:
    """Symbols whose bars bear on what a strategy does, those that it trades among them, ascending.

    Beside its own they are the benchmarks of their asset classes, all that its model is trained on, the whole asset
    class if it looks at a feature over all symbols, and what bears on its members.

    Parameters
    ----------
    instruments
        Rows of `market_data.instruments`.
    """
    classes = set(strategy.instruments["asset_class"])
    whole: set[str] = set()
    if strategy.columns & {feature.column for feature in FEATURES if feature.scope == "session"}:
        whole |= classes
    if strategy.model is not None:
        whole.add(configuration.models[strategy.model].universe)
    benchmarks = {symbol for each, symbol in configuration.benchmarks.items() if each in classes | whole}
    of_classes = instruments.filter(pl.col("asset_class").is_in(sorted(whole)))["symbol"]
    members = (resolve_strategy(configuration, member, instruments) for member in strategy.members)
    of_members = (symbols_behind(configuration, member, instruments) for member in members)
    return sorted({*strategy.symbols, *benchmarks, *of_classes}.union(*of_members))


def describe(rules: Rules) -> dict[str, Any]:
    """A strategy's rules as plain values, its expressions written out in full."""
    return {
        "eligible": _text(rules.eligible),
        "triggers": [[t.name, _text(t.strength), t.threshold, _text(t.rank)] for t in rules.triggers],
        "exits": {name: _text(exit_) for name, exit_ in sorted(rules.exits.items())},
        "exit": vars(rules.exit) if rules.exit else None,
        "relative_strength": _text(rules.relative_strength),
        "rank_weights": rules.rank_weights,
        "model": rules.model,
    }


def sources(module: StrategyModule) -> dict[str, str]:
    """SHA-256 of the text of a module and of those that it uses, by name, whatever the line endings.

    Followed are the modules whose functions, classes or names it holds, as far as they are of the strategies and
    models of this package, or of the package that the module itself is of.
    """
    own = module.__name__.split(".")[0]
    packages = _DECIDING if own == __name__.split(".")[0] else (*_DECIDING, own)
    found: dict[str, str] = {}
    waiting: list[ModuleType] = [sys.modules[module.__name__]]
    while waiting:
        each = waiting.pop()
        if each.__name__ not in found and each.__file__ is not None:
            text = Path(each.__file__).read_text(encoding="utf-8")
            found[each.__name__] = hashlib.sha256(text.encode()).hexdigest()
            waiting += [
                used for used in _used(each) if f"{used.__name__}.".startswith(tuple(f"{p}." for p in packages))
            ]
    return found


def _used(module: ModuleType) -> Iterator[ModuleType]:
    for value in vars(module).values():
        home = value if isinstance(value, ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "")
        if home is not None:
            yield home


def _text(expression: pl.Expr) -> str:
    return expression.meta.serialize(format="json")
