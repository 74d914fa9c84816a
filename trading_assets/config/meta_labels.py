"""What the primary of a model may be: an order-based strategy that needs no score, lest a model wait for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trading_assets.config.configuration import Configuration
from trading_assets.config.errors import Fault, KeyPath, nearest
from trading_assets.config.sections import Section
from trading_assets.config.strategies import OrderParameters, StrategySettings

#: Type of the strategy that takes the entries of a primary which a model believes in.
GATE = "meta_labels"


def faults_of_primaries(configuration: Configuration, strategies: Mapping[str, StrategySettings]) -> Iterator[Fault]:
    """Yield models whose primary cannot be one, and strategies of type `meta_labels` without a primary to gate.

    Parameters
    ----------
    strategies
        Strategies of the configuration, their parameters validated.
    """
    for name, settings in configuration.models.items():
        if settings.primary is not None:
            where: KeyPath = ("models", name, "primary")
            found = _fault_of_primary(configuration, strategies, name, settings.primary)
            if found is not None:
                yield Fault(where, *found)
    for name, each in strategies.items():
        model = getattr(each.parameters, "model", None)
        if each.type == GATE and isinstance(model, str) and model in configuration.score_names:
            yield from _faults_of_gate(configuration, strategies, name, model)


def _fault_of_primary(
    configuration: Configuration, strategies: Mapping[str, StrategySettings], model: str, primary: str
) -> tuple[str, str] | None:
    """What is wrong with the primary of a model, and what is expected; None if nothing is."""
    if primary not in strategies:
        return f"no strategy {primary!r}; {nearest(primary, list(strategies))}", "one of `strategies`"
    settings = strategies[primary]
    read = getattr(settings.parameters, "model", None)
    if isinstance(read, str):
        itself = model == read or model in configuration.candidates_of(read)
        what = (
            f"{model} -> {primary} -> {read}: a model cannot learn from the entries of a strategy that reads its scores"
            if itself
            else f"{primary} reads scores itself, of {read}"
        )
        return what, "a strategy whose entries follow from bars and features alone"
    if isinstance(settings.parameters, Section) and not isinstance(settings.parameters, OrderParameters):
        return f"{primary} sets target weights: it has no entries on one side", "an order-based strategy"
    universe = configuration.models[model].universe
    if isinstance(settings.universe, str) and settings.universe not in ("all", universe):
        return f"{primary} trades {settings.universe}, and {model} scores {universe}", "the same universe of both"
    return None


def _faults_of_gate(
    configuration: Configuration, strategies: Mapping[str, StrategySettings], name: str, model: str
) -> Iterator[Fault]:
    primaries = configuration.primaries_of(model)
    where: KeyPath = ("strategies", name, "model")
    if not primaries:
        yield Fault(
            where,
            f"{model} scores every session, and not the entries of another strategy",
            "a model with a `primary`",
            f"write the strategy whose entries are judged: `models: {{{model}: {{primary: NAME}}}}`, or take type ml",
        )
    for primary in primaries:
        if primary in strategies and "." in strategies[primary].type:
            yield Fault(
                where,
                f"{primary}, the primary of {model}, is a module of your own, whose rules run apart",
                "a primary of the house, or a strategy of type ml, which enters by the score alone",
            )
