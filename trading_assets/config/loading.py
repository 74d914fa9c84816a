"""From a YAML file to a validated `Configuration`, or an error that says where and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from trading_assets.config.chosen_paths import chosen_paths
from trading_assets.config.configuration import Configuration
from trading_assets.config.consistency import inconsistencies
from trading_assets.config.errors import (
    ConfigurationError,
    KeyPath,
    Line,
    block,
    nearest,
    placed,
)
from trading_assets.config.faults import MOST_BLOCKS, explain
from trading_assets.config.models import OwnModel
from trading_assets.config.overlays import read_merged
from trading_assets.config.plugins import (
    Plugin,
    PluginError,
    feature_module,
    find_plugin,
    is_plugin,
    model_module,
    origin_of,
    strategy_module,
)
from trading_assets.config.secrets import refuse_secrets, secret_of
from trading_assets.config.strategies import BUILT_IN, StrategyParameters
from trading_assets.config.stress_scenarios import RUNS_OF_THE_BASE, built_in
from trading_assets.config.tuned import tried_of, with_declared
from trading_assets.sandbox.process import StoppedError


def load_configuration(
    path: Path | None = None, data: Path | None = None, *, announce: Callable[[str], object] | None = None
) -> Configuration:
    """Read and validate a configuration.

    The file is data until here; strategies of the user's own are code, which is run, in processes of its own, to
    validate their parameters. That comes last.

    Parameters
    ----------
    path
        The YAML file; default `TRADING_ASSETS_CONFIG`, else what the working folder remembers (see
        `trading_assets.config.remembered`), else the shipped demo.
    data
        The data folder; default `TRADING_ASSETS_DATA`, else what the working folder remembers, else `./data`.
    announce
        Told of each module of the user's own, its files and what it declares to read, before any of them is run.

    Raises
    ------
    ConfigurationError
        Unreadable file, unknown key, wrong type, impossible value: file, line, key path, what was
        expected, nearest valid key.
    """
    path, data, _ = chosen_paths(path, data)
    configuration, lines = read_validated(path, data)
    _check_scenarios(path, lines, configuration)
    if announce is not None:
        for line in own_code_lines(path, lines, configuration):
            announce(line)
    _load_features(path, lines, configuration)
    own = _load_own_models(path, lines, configuration)
    configuration = configuration.model_copy(update={"models": {**configuration.models, **own}})
    updates: dict[str, Any] = {"strategies": _with_parameters(path, lines, configuration)}
    token = secret_of(configuration.notifier.token_variable)
    if token:
        updates["notifier"] = configuration.notifier.model_copy(update={"token": SecretStr(token)})
    further = configuration.alerts.escalation
    of_further = secret_of(further.token_variable) if further is not None else ""
    if further is not None and of_further:
        with_token = further.model_copy(update={"token": SecretStr(of_further)})
        updates["alerts"] = configuration.alerts.model_copy(update={"escalation": with_token})
    return configuration.model_copy(update=updates)


def read_validated(path: Path, data: Path) -> tuple[Configuration, Mapping[KeyPath, Line]]:
    """Read and validate a configuration and what it extends as data: no code of its author runs.

    Parameters of strategies are what the file says; their modules have not been asked.

    Parameters
    ----------
    path, data
        The YAML file, and the data folder.

    Returns
    -------
    tuple
        The configuration, and the line of each key in its files.

    Raises
    ------
    ConfigurationError
        As `load_configuration`.
    """
    merged = read_merged(path)
    for file, (own, own_lines) in zip(merged.files, merged.documents, strict=True):
        refuse_secrets(file, own, own_lines)  # each: what an overlay hides stands in the base all the same
    places = {"directory": merged.directory, "data": data.resolve()}
    try:
        configuration = Configuration.model_validate({**merged.values, **places})
    except ValidationError as error:
        raise ConfigurationError(explain(path, merged.lines, Configuration, (), error)) from None
    return configuration, merged.lines


def _load_features(path: Path, lines: Mapping[KeyPath, int], configuration: Configuration) -> None:
    """Load the user's own modules of features, each in a process of its own."""
    for index, name in enumerate(configuration.features):
        where: KeyPath = ("features", index)
        if name in configuration.features[:index]:
            raise ConfigurationError(block(path, lines, where, f"{name} is named twice", "each module once"))
        try:
            feature_module(name, origin_of(configuration), renew=True)
        except LookupError as error:
            expected = "a module that defines FEATURES, a tuple of trading_assets.features.Feature"
            raise ConfigurationError(block(path, lines, where, str(error), expected)) from None


def _load_own_models(path: Path, lines: Mapping[KeyPath, int], configuration: Configuration) -> dict[str, OwnModel]:
    """Load the user's own modules of models, each in a process of its own, and have them validate their parameters.

    Returns
    -------
    The sections of those with a search, with what their modules declare of it.
    """
    searching: dict[str, OwnModel] = {}
    for name, settings in configuration.models.items():
        if not isinstance(settings, OwnModel):
            continue
        where: KeyPath = ("models", name)
        try:
            found = model_module(settings.type, origin_of(configuration), renew=True)
            what = found.ask("model_validate", values=settings.parameters)
        except LookupError as error:
            expected = "a module that defines fit(training, parameters, seed) and load(content)"
            raise ConfigurationError(block(path, lines, (*where, "type"), str(error), expected)) from None
        except (PluginError, StoppedError) as error:
            what = str(error)
        if what:
            raise ConfigurationError(block(path, lines, (*where, "parameters"), what, f"what {settings.type} takes"))
        if settings.tune is not None:
            searching[name] = _searching(path, lines, name, settings, found)
    return searching


def _searching(path: Path, lines: Mapping[KeyPath, int], name: str, settings: OwnModel, found: Plugin) -> OwnModel:
    """The section of a user's own model with its ranges, of which its module takes the ends and a value between."""
    where: KeyPath = ("models", name, "tune", "search")
    try:
        made = with_declared(settings, *(found.description[key] for key in ("search", "defaults", "kinds")))
    except ValidationError as error:
        said = error.errors(include_url=False)[0]
        what = f"SEARCH of {settings.type}: {'.'.join(map(str, said['loc']))}: {said['msg']}"
        raise ConfigurationError(block(path, lines, where, what, "ranges, as `tune.search` has them")) from None
    for parameter, values in (made.tune.search if made.tune else {}).items():
        for value in tried_of(made, parameter, values):
            try:
                what = found.ask("model_validate", values={**made.parameters, parameter: value})
            except (PluginError, StoppedError) as error:
                what = str(error)
            if what:
                expected = f"values that {settings.type} takes"
                raise ConfigurationError(block(path, lines, (*where, parameter), f"{what} (got {value!r})", expected))
    return made


def _with_parameters(path: Path, lines: Mapping[KeyPath, int], configuration: Configuration) -> dict[str, Any]:
    strategies, origin = {}, origin_of(configuration)
    for name, settings in configuration.strategies.items():
        where: KeyPath = ("strategies", name)
        try:
            model: type[StrategyParameters] = strategy_module(settings.type, origin, renew=True).Parameters
        except LookupError as error:
            message = block(path, lines, (*where, "type"), str(error), _known_types())
            raise ConfigurationError(message) from None
        try:
            parameters = model.model_validate(settings.parameters)
        except ValidationError as error:
            raise ConfigurationError(explain(path, lines, model, where, error)) from None
        strategies[name] = settings.model_copy(update={"parameters": parameters})
    faults = [placed(path, lines, fault) for fault in inconsistencies(configuration, strategies)]
    if faults:
        raise ConfigurationError("\n".join(faults[:MOST_BLOCKS]))
    return strategies


def _known_types() -> str:
    """Return in words what `type` may be; the shipped modules are looked up, so that adding one touches no list."""
    folder = resources.files(BUILT_IN)
    modules = [each for each in folder.iterdir() if each.name.endswith(".py") and each.name != "__init__.py"]
    names = sorted(each.name[:-3] for each in modules if "\nclass Parameters(" in each.read_text(encoding="utf-8"))
    return (
        f"one of {', '.join(names)}; or your own with a dot in it: `type: my_strategies.dip` is "
        "my_strategies/dip.py in the folder of the configuration"
    )


def own_code_lines(path: Path, lines: Mapping[KeyPath, int], configuration: Configuration) -> Iterator[str]:
    """Yield a line for each module of the user's own that will run, whatever it is of; nothing is run for it.

    Parameters
    ----------
    path, lines
        File of the configuration, and the line of each key in it.
    configuration
        Configuration that names the modules.

    Raises
    ------
    ConfigurationError
        What a module declares that it reads cannot be used.
    """
    named: list[tuple[KeyPath, str]] = [
        (("strategies", name, "type"), settings.type)
        for name, settings in configuration.strategies.items()
        if is_plugin(settings.type)
    ]
    named += [(("features", index), module) for index, module in enumerate(configuration.features)]
    named += [
        (("models", name, "type"), settings.type)
        for name, settings in configuration.models.items()
        if isinstance(settings, OwnModel)
    ]
    for where, module in named:
        try:
            found = find_plugin(module, origin_of(configuration))
        except LookupError as error:
            raise ConfigurationError(block(path, lines, where, str(error), "files that are there")) from None
        own = found.modules.get(module)
        others = [each for each in found.modules if each != module]
        with_others = f", with {', '.join(others)}" if others else ""
        reads = f"; it reads {', '.join(each.name for each in found.reads)}" if found.reads else ""
        place = "an installed package" if own is None else str(own.file)
        key = "features" if where[0] == "features" else ".".join(map(str, where[:2]))
        yield f"{key}: {module} is code that will run: {place}{with_others}{reads}"


def _check_scenarios(path: Path, lines: Mapping[KeyPath, int], configuration: Configuration) -> None:
    settings = configuration.robustness
    known = [*RUNS_OF_THE_BASE, *built_in(settings.slippage_multipliers)]
    for name in settings.stress:
        if name in known:
            where: KeyPath = ("robustness", "stress", name)
            raise ConfigurationError(
                block(path, lines, where, f"{name!r} is a scenario of the house", "another name for your own")
            )
    chosen = [] if settings.stress_scenarios == "all" else settings.stress_scenarios
    for index, name in enumerate(chosen):
        if name not in (*known, *settings.stress):
            where = ("robustness", "stress_scenarios", index)
            expected = nearest(name, [*known, *settings.stress])
            raise ConfigurationError(block(path, lines, where, f"unknown scenario {name!r}", expected))
