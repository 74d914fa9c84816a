"""From a YAML file to a validated `Configuration`, or an error that says where and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from trading_assets.config.chosen_paths import chosen_paths
from trading_assets.config.configuration import Configuration
from trading_assets.config.consistency import inconsistencies
from trading_assets.config.errors import (
    ConfigurationError,
    KeyPath,
    Line,
    block,
    known_part,
    nearest,
    placed,
    shortened,
)
from trading_assets.config.models import FAMILIES, OWN, OwnModel
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
from trading_assets.config.stated import RENAMED_KEYS
from trading_assets.config.strategies import BUILT_IN, StrategyParameters
from trading_assets.config.stress_scenarios import RUNS_OF_THE_BASE, built_in
from trading_assets.config.tuned import with_declared
from trading_assets.config.tuning import RANGES, Choices
from trading_assets.config.unquoted import Unquoted, advice, unquoted_scalars
from trading_assets.sandbox.process import StoppedError

#: Faults that one error lists, and those that it looks at for what they have in common.
_MOST_BLOCKS, _MOST_FAULTS = 10, 1_000


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
    refuse_secrets(path, merged.values, merged.lines)
    places = {"directory": merged.directory, "data": data.resolve()}
    try:
        configuration = Configuration.model_validate({**merged.values, **places})
    except ValidationError as error:
        raise ConfigurationError(_explain(path, merged.lines, Configuration, (), error)) from None
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
    """The section of a user's own model with its ranges, whose ends its module takes."""
    where: KeyPath = ("models", name, "tune", "search")
    try:
        made = with_declared(settings, found.description["search"], found.description["defaults"])
    except ValidationError as error:
        said = error.errors(include_url=False)[0]
        what = f"SEARCH of {settings.type}: {'.'.join(map(str, said['loc']))}: {said['msg']}"
        raise ConfigurationError(block(path, lines, where, what, "ranges, as `tune.search` has them")) from None
    for parameter, values in (made.tune.search if made.tune else {}).items():
        for value in values.choices if isinstance(values, Choices) else (values.low, values.high):
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
            raise ConfigurationError(_explain(path, lines, model, where, error)) from None
        strategies[name] = settings.model_copy(update={"parameters": parameters})
    faults = [placed(path, lines, fault) for fault in inconsistencies(configuration, strategies)]
    if faults:
        raise ConfigurationError("\n".join(faults[:_MOST_BLOCKS]))
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


def _explain(
    path: Path, lines: Mapping[KeyPath, int], model: type[BaseModel], prefix: KeyPath, error: ValidationError
) -> str:
    every = error.errors(include_url=False)
    items = every[:_MOST_FAULTS]
    places = [(*prefix, *_written(_untagged(item), lines, prefix)) for item in items]
    no_text = _no_text(path, lines, items, places)
    groups: dict[KeyPath, list[Unquoted]] = {
        each.path[:-1] if isinstance(each.path[-1], int) else each.path: [] for each in no_text
    }
    covered = set()
    for each in no_text:
        starts = [each.path[:end] for end in range(len(each.path) + 1)]
        covered.update(starts)
        for start in starts:
            if start in groups:
                groups[start].append(each)
    blocks = {block(path, lines, where, *advice(group)): None for where, group in groups.items()}
    more = len(every) - len(items)
    for item, where in zip(items, places, strict=True):
        known = known_part(where, lines)
        if known and known in covered:
            continue  # what else the value might have been
        if len(blocks) >= _MOST_BLOCKS:
            more += 1
            continue
        what, expected = item["msg"].removeprefix("Value error, "), ""
        if item["type"] == "extra_forbidden":
            what = f"unknown key {shortened(str(where[-1]))!r}"
            expected = _valid_key(str(where[-1]), _known_keys(model, item["loc"][:-1]))
        elif item["type"] == "missing":
            what, expected = f"missing key {where[-1]!r}", "a value for it"
        elif item["type"] in ("date_parsing", "date_from_datetime_parsing"):
            what, expected = f"{shortened(repr(item['input']))} is no date", "a date such as 2024-01-31"
        elif item["type"] in ("union_tag_invalid", "union_tag_not_found") and where[:1] == ("models",):
            tag = item["input"].get("type") if isinstance(item["input"], dict) else item["input"]
            what, expected = f"no family of models {shortened(repr(tag))}", nearest(str(tag), [*FAMILIES])
            if len(where) == len(("models", "name")):
                expected += "; or your own with a dot in it, as `my_models.nearest`"
            where = (*where, "type")
        elif item["type"] == "string_pattern_mismatch" and where[:1] == ("features",):
            what = f"{shortened(repr(item['input']))} is no dotted path of a module"
            expected = "such as `my_features.gaps`, which is my_features/gaps.py in the folder of the configuration"
        elif (
            "input" in item
            and not isinstance(item["input"], dict | list)
            and where[:1] not in (("notifier",), ("alerts",))
        ):
            what = f"{what} (got {shortened(repr(item['input']))})"
        blocks[block(path, lines, where, what, expected)] = None
    return "\n".join([*list(blocks)[:_MOST_BLOCKS], *([f"... and {more:,} more"] if more else [])])


def _no_text(
    path: Path, lines: Mapping[KeyPath, int], items: Sequence[Any], places: Sequence[KeyPath]
) -> list[Unquoted]:
    """Values and keys that should be text, were written without quotes, and are something else to YAML."""
    wanted = [(item, known_part(where, lines)) for item, where in zip(items, places, strict=True)]
    wanted = [(item, known) for item, known in wanted if item["type"] in ("string_type", "literal_error")]
    if not wanted:
        return []
    files = {line.file: None for line in lines.values() if isinstance(line, Line)} or {path: None}
    found = [
        each
        for file in files
        for each in unquoted_scalars(file.read_text(encoding="utf-8"))
        if _stands_in(file, lines, (*each.path, each.text) if each.is_key else each.path)
    ]
    values = {known for item, known in wanted if item["type"] == "string_type" and item["loc"][-1] != "[key]"}
    choices = {known: item["msg"] for item, known in wanted if item["type"] == "literal_error"}
    keys = {(known, str(item["input"])) for item, known in wanted if item["loc"][-1] == "[key]"}
    return [
        each
        for each in found
        if (not each.is_key and (each.path in values or f"'{each.text}'" in choices.get(each.path, "")))
        or (each.is_key and (each.path, str(each.value)) in keys)
    ]


def _stands_in(file: Path, lines: Mapping[KeyPath, int], where: KeyPath) -> bool:
    """Whether what counts of a key is in a file, and not in one that extends it."""
    line = lines.get(where)
    return not isinstance(line, Line) or line.file == file


def _untagged(item: Any) -> KeyPath:
    """The location of a fault, without the name of a family at its end where a whole model, or a range, is at fault."""
    location: KeyPath = item["loc"]
    of_model = item["type"] in ("value_error", "model_type") and location[:1] == ("models",) and len(location) > 2
    return location[:-1] if of_model and location[-1] in (*FAMILIES, OWN, *RANGES) else location


def _written(location: KeyPath, lines: Mapping[KeyPath, int], prefix: KeyPath) -> KeyPath:
    """Drop the parts of pydantic's location that name a union member and are no key of the file."""
    kept: KeyPath = ()
    for index, part in enumerate(location):
        is_last = index == len(location) - 1
        if (*prefix, *kept, part) not in lines and (*prefix, *kept, str(part)) in lines:
            part = str(part)  # a key that is no text to YAML
        if (*prefix, *kept, part) in lines or (is_last and isinstance(part, str) and "[" not in part):
            kept = (*kept, part)
    return kept


def _known_keys(model: type[BaseModel], location: KeyPath) -> list[str]:
    models, is_name = [model], False
    for part in location:
        if is_name:  # of an entry, which is free, and may be that of a key or of a type
            is_name = False
            continue
        annotations = [each.model_fields[part].annotation for each in models if part in each.model_fields]
        found = [inner for each in annotations for inner in _models_in(each)]
        is_name = any(get_origin(each) is dict for each in annotations)
        models = found or models
        models = [each for each in models if part in _tags_of(each)] or models
    return sorted({key for candidate in models for key, field in candidate.model_fields.items() if not field.exclude})


def _tags_of(model: type[BaseModel]) -> set[Any]:
    """What tells a model from the others of its union, as pydantic's locations have it."""
    keys = [model.model_fields[name].annotation for name in ("source", "type") if name in model.model_fields]
    return {value for each in keys for value in get_args(each)} or ({OWN} if model is OwnModel else set())


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _valid_key(key: str, known: list[str]) -> str:
    renamed = {first: today for names in RENAMED_KEYS.values() for first, today in names.items()}
    name = renamed.get(key)
    return f"{name!r}, its name since 0.2.0: `config migrate` renames it" if name in known else nearest(key, known)
