"""What the parts of a configuration ask of each other: models that strategies name, symbols, spans."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec

from trading_assets.config.champions import faults_of_champions
from trading_assets.config.configuration import Configuration
from trading_assets.config.errors import Fault, KeyPath, nearest
from trading_assets.config.meta_labels import faults_of_primaries
from trading_assets.config.models import types_within
from trading_assets.config.sections import Interval
from trading_assets.config.sources import SyntheticSource
from trading_assets.config.strategies import StrategySettings, members_of, windows_of
from trading_assets.config.tuned import faults_of_tuning

ALL_DAYS = "24/7"


def inconsistencies(configuration: Configuration, strategies: Mapping[str, StrategySettings]) -> Iterator[Fault]:
    """Yield what a run of a configuration would fail on that follows from its own values.

    Parameters
    ----------
    strategies
        Strategies of the configuration, their parameters validated.
    """
    yield from _members(strategies)
    yield from _models(configuration, strategies)
    yield from faults_of_primaries(configuration, strategies)
    yield from faults_of_champions(configuration)
    yield from faults_of_tuning(configuration)
    yield from _cross_validated(configuration)
    yield from _universes(configuration, strategies)
    yield from _spans(configuration)
    yield from _windows(configuration, strategies)
    yield from _folds(configuration)
    yield from _libraries(configuration)
    yield from _workers(configuration)


def _members(strategies: Mapping[str, StrategySettings]) -> Iterator[Fault]:
    for name in strategies:
        what = _fault_of_members(name, strategies)
        if what:
            yield Fault(("strategies", name, "members"), what, "names of other strategies")


def _fault_of_members(name: str, strategies: Mapping[str, StrategySettings]) -> str | None:
    """What is wrong with the members of a strategy: one that does not exist, or a way from it back to itself."""
    members = members_of(strategies[name])
    unknown = next((member for member in members if member not in strategies), None)
    if unknown is not None:
        return f"no strategy {unknown!r}; {nearest(unknown, [each for each in strategies if each != name])}"
    if len(set(members)) < len(members):
        return "a member is named twice"
    ways: list[tuple[str, ...]] = [(member,) for member in members]
    while ways:
        way = ways.pop()
        if way[-1] == name:
            return f"{' -> '.join((name, *way))}: a strategy cannot be a member of itself"
        following = members_of(strategies[way[-1]]) if way[-1] in strategies else []
        ways += [(*way, member) for member in following if member not in way]
    return None


def _models(configuration: Configuration, strategies: Mapping[str, StrategySettings]) -> Iterator[Fault]:
    for name, settings in strategies.items():
        model = getattr(settings.parameters, "model", None)
        if isinstance(model, str) and model not in configuration.score_names:
            there = ", ".join(configuration.score_names) or "there is none"
            yield Fault(
                ("strategies", name, "model"),
                f"no model {model!r}",
                f"one of `models`: {there}",
                f"write it under `models`: `models: {{{model}: {{type: xgboost, universe: equity}}}}`",
            )


def _cross_validated(configuration: Configuration) -> Iterator[Fault]:
    for name in configuration.cross_validation:
        if name not in configuration.models:
            there = ", ".join(configuration.models) or "there is none"
            yield Fault(("cross_validation", name), f"no model {name!r}", f"one of `models`: {there}")


def _universes(configuration: Configuration, strategies: Mapping[str, StrategySettings]) -> Iterator[Fault]:
    classes = {source.asset_class for source in configuration.market_data}
    for asset_class, universe in configuration.universe.items():
        where: KeyPath = ("universe", asset_class)
        if isinstance(universe, list) and not universe:
            yield Fault(where, "a universe without symbols", "at least one symbol, or `all`")
        elif asset_class not in classes:
            yield Fault(where, f"no source has symbols of {asset_class}", f"a source of {asset_class} in `market_data`")
    for name, settings in strategies.items():
        where = ("strategies", name, "universe")
        if isinstance(settings.universe, list):
            known = _known_symbols(configuration)
            if not settings.universe:
                yield Fault(where, "a universe without symbols", "at least one symbol, or an asset class")
            elif known is not None and not known & set(settings.universe):
                yield Fault(where, "none of its symbols is in the universe", f"some of {_shown(known)}")
        elif settings.universe != "all" and settings.universe not in classes:
            yield Fault(
                where,
                f"no source has symbols of {settings.universe}",
                f"one of {', '.join(sorted(classes))}, or a source of {settings.universe} in `market_data`",
            )


def _known_symbols(configuration: Configuration) -> set[str] | None:
    """Return the symbols that can be in the universe, where the configuration itself names all of them."""
    names: set[str] = set()
    for source in configuration.market_data:
        universe = configuration.universe.get(source.asset_class, "all")
        if isinstance(universe, list):
            names |= set(universe)
        elif universe == "all" and isinstance(source, SyntheticSource) and isinstance(source.symbols, list):
            names |= set(source.symbols)
        else:
            return None
    return names


def _shown(names: set[str]) -> str:
    found = sorted(names)
    return ", ".join(found[:10]) + (", ..." if len(found) > 10 else "")


def _spans(configuration: Configuration) -> Iterator[Fault]:
    train, validation = configuration.splits.train, configuration.splits.validation
    if not isinstance(train, Interval) or not isinstance(validation, Interval):
        return
    if train.start < configuration.start:
        yield Fault(
            ("splits", "train"),
            f"train begins on {train.start}, before the data: start is {configuration.start}",
            "a split within start to as_of",
        )
    if configuration.as_of is not None:
        for name, split in (("train", train), ("validation", validation)):
            if split.end > configuration.as_of:
                yield Fault(
                    ("splits", name),
                    f"{name} ends on {split.end}, after the data: as_of is {configuration.as_of}",
                    "a split within start to as_of (a holdout may end later: it is waited for)",
                )
                return


def _windows(configuration: Configuration, strategies: Mapping[str, StrategySettings]) -> Iterator[Fault]:
    for name, settings in strategies.items():
        if isinstance(settings.parameters, dict):
            continue
        for window, sessions in windows_of(settings.parameters).items():
            longest = longest_history(configuration, settings.universe)
            if longest is not None and sessions > longest[0]:
                yield Fault(
                    ("strategies", name, window),
                    f"{window} looks back {sessions} sessions; {longest[1]} has at most {longest[0]}",
                    f"at most {longest[0]}, or a longer span",
                )


def _workers(configuration: Configuration) -> Iterator[Fault]:
    """Settings of workers without them, two kinds of workers, or a library that is not there."""
    given = [name for name in ("workers", "scheduler") if getattr(configuration, name) is not None]
    if configuration.executor != "dask":
        for name in given:
            yield Fault((name,), f"executor {configuration.executor} has no workers", "`executor: dask` beside it")
    elif len(given) == 2:
        yield Fault(("workers",), "a scheduler has workers of its own", "`workers` or `scheduler`, not both")
    elif find_spec("distributed") is None:
        yield Fault(
            ("executor",), "the library of `dask` is not installed", "pip install 'trading_assets[dask]', or in_process"
        )


def _libraries(configuration: Configuration) -> Iterator[Fault]:
    """A family of models whose library is an extra that is not there."""
    for name, settings in configuration.models.items():
        for family in types_within(settings):
            if family in ("lightgbm", "catboost") and find_spec(family) is None:
                yield Fault(
                    ("models", name, "type"),
                    f"the library of `{family}` is not installed",
                    f"pip install 'trading_assets[{family}]', or another family, such as xgboost",
                )


def _folds(configuration: Configuration) -> Iterator[Fault]:
    """A model without a score until validation is over: its strategies would hold nothing, and nobody would know why.

    A row of session s trains where its label is over before the embargo: it is of the opens of s + 1 and s + 1 +
    `horizon`.
    """
    for name, model in configuration.models.items():
        longest = longest_history(configuration, model.universe)
        if longest is None:
            continue
        most, span = longest
        if model.train_sessions >= most:
            yield Fault(
                ("models", name, "train_sessions"),
                f"no test fold: {model.train_sessions} sessions are trained on first, and {span} has at most {most}",
                f"less than {most}, or a longer span",
            )
            continue
        whole_folds = (most - 1 - model.train_sessions) // model.test_sessions
        last_fold = model.train_sessions + whole_folds * model.test_sessions
        trained_on = last_fold if model.expanding else model.train_sessions
        before = model.horizon + model.embargo_sessions + 2
        if before > trained_on:
            key = "horizon" if model.horizon >= model.embargo_sessions else "embargo_sessions"
            yield Fault(
                ("models", name, key),
                f"no label is over before the embargo: horizon {model.horizon} and embargo_sessions "
                f"{model.embargo_sessions} take {before} sessions, and no fold trains on more than {trained_on}",
                "a shorter horizon and embargo, or more sessions to train on",
            )


def faults_of_warm_up(configuration: Configuration) -> Iterator[Fault]:
    """Yield splits as shares of the sessions after a warm-up that takes all of them.

    Bars alone can be read for any span, so it is no error of a configuration that is loaded.
    """
    splits = configuration.splits
    longest = longest_history(configuration, "all")
    if isinstance(splits.train, Interval) or longest is None:
        return
    wanted = sum(part != 0 for part in (splits.train, splits.validation, splits.holdout))
    if splits.warm_up_sessions + wanted > longest[0]:
        yield Fault(
            ("splits", "warm_up_sessions"),
            f"nothing is left to split: {splits.warm_up_sessions} sessions are warm-up, and {longest[1]} has at most "
            f"{longest[0]}",
            f"at most {max(0, longest[0] - wanted)}, or a longer span",
        )


def longest_history(configuration: Configuration, universe: str | Sequence[str]) -> tuple[int, str] | None:
    """Return how many sessions a symbol can have until the first result is over, and of what span these are.

    None without an end that the configuration states, which the data then set.
    """
    validation = configuration.splits.validation
    end, span = configuration.as_of, "start to as_of"
    if isinstance(validation, Interval) and (end is None or validation.end < end):
        end, span = validation.end, "start to the end of validation"
    if end is None:
        return None
    days = (end - configuration.start).days + 1
    of_class = [each for each in configuration.market_data if each.asset_class == universe] or configuration.market_data
    if any(source.calendar == ALL_DAYS for source in of_class):
        return days, span
    weekends = sum((configuration.start + dt.timedelta(days=day)).weekday() >= 5 for day in range(days))
    return days - weekends, span
