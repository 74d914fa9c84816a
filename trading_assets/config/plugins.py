"""Strategy modules: shipped ones are imported, a user's own run in a process of their own.

Nothing of a user's module is run in this process, its import included: what stands here for it are its name, its
files and a class with the names of its parameters, which asks the process what they mean.
"""

from __future__ import annotations

import builtins
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel

from trading_assets.config.configuration import Configuration
from trading_assets.config.models import OwnModel
from trading_assets.config.own_modules import DeclaredRead, OwnModule, declared_reads, own_modules
from trading_assets.config.plugin_parameters import parameters_of
from trading_assets.config.stated import is_shipped
from trading_assets.config.strategies import BUILT_IN, StrategyParameters, import_strategy
from trading_assets.sandbox.process import RestrictedProcess, StoppedError, Task

#: The module that answers in the process.
_ANSWERS = "trading_assets.strategies.evaluation.plugin_worker"
#: What a process says was refused where that is no file.
NETWORK = "the network"
#: What a process is asked that says whether a module is one of strategies, of features, or of a model.
Describes = Literal["describe", "features_describe", "model_describe"]

_NO_MODULE = re.compile(r"No module named '([\w.]+)'")


class PluginError(Exception):
    """A user's own code failed; classes derived from it have the names of the exceptions that it raised."""


class UndeclaredReadError(PluginError):
    """A user's own code read a file that it does not declare."""


@dataclass(frozen=True)
class Origin:
    """Where a user's own module is from, and what its process may take.

    Attributes
    ----------
    folder
        Folder of the configuration: paths that are declared start here.
    results
        Files and folders of results, which no strategy may read.
    seconds, megabytes
        Limits of its process.
    """

    folder: Path = field(default_factory=Path.cwd)
    results: tuple[Path, ...] = field(default_factory=lambda: (Path("data").resolve(),))
    seconds: float = 600.0
    megabytes: int = 4096


@dataclass(frozen=True, eq=False)
class Plugin:
    """A user's own module of a strategy, of features or of a model, as this process knows it.

    Attributes
    ----------
    name
        Dotted name.
    modules
        The module's code and what it imports of the user's, by dotted name.
    reads
        What it declares that it reads.
    read_hashes
        SHA-256 of each file of these, by name, as they were when it was loaded.
    describes
        What it is a module of.
    """

    name: str
    modules: Mapping[str, OwnModule]
    reads: tuple[DeclaredRead, ...]
    read_hashes: Mapping[str, str]
    process: RestrictedProcess
    describes: Describes = "describe"

    @cached_property
    def description(self) -> Mapping[str, Any]:
        """What its process says of it: kind, fields of its parameters, grid, what is enforced; or its features.

        Raises
        ------
        LookupError
            It is no such module, cannot be imported, or its process ended.
        """
        try:
            found = self.process.ask({"do": self.describes})
        except StoppedError as error:
            raise LookupError(f"module {self.name} cannot be imported: {error}") from None
        if "lookup" in found:
            raise LookupError(self._with_advice(found["lookup"]))
        return cast(Mapping[str, Any], self.result_of(found))

    @property
    def kind(self) -> Literal["rules", "target_weights"]:
        """Which of the two it defines."""
        return cast(Literal["rules", "target_weights"], self.description["kind"])

    @cached_property
    def Parameters(self) -> type[StrategyParameters]:  # noqa: N802 (as a module has it)
        """A class with the names of its parameters, whose values its process validates."""
        return parameters_of(self)

    def ask(self, do: str, parameters: BaseModel | None = None, **more: Any) -> Any:
        """Return what its process answers.

        Parameters
        ----------
        do
            Name of the request, as `plugin_worker` knows it.
        parameters
            Parameters of the strategy; None: the request needs none.
        **more
            Other values of the request.

        Raises
        ------
        PluginError
            The code of the module failed.
        StoppedError
            The process of the module ended.
        """
        values = {} if parameters is None else {"parameters": parameters.model_dump()}
        return self.result_of(self.process.ask({"do": do, **values, **more}))

    def result_of(self, answer: Mapping[str, Any]) -> Any:
        """Return what an answer of its process holds.

        Raises
        ------
        PluginError
            The code of the module failed, or read what it does not declare.
        """
        if "error" not in answer:
            return answer["result"]
        kind, message, refused = answer["error"]
        if refused == NETWORK:
            raise UndeclaredReadError(
                f"{self.name} opens a connection: a strategy decides by its panel and by files that it declares. Save "
                "what it fetches as a file, and declare that in READS"
            )
        if refused is not None:
            path, folder = Path(refused), self.process.task.folder
            declared = path.relative_to(folder) if folder in path.parents else path
            raise UndeclaredReadError(
                f'{self.name} reads {path}, which it does not declare. Write READS = ["{declared}"] in the module '
                "(paths from the folder of the configuration): its content is then part of what is registered "
                f"({kind}: {message})"
            )
        if kind.endswith("MemoryError"):  # NumPy has one of its own
            limit = f"no memory beyond {self.process.task.megabytes} MB (limits.plugin_memory_mb)"
            message = f"{self.name}: {limit}" + (f"; {message}" if message else "")
        raise _exception(kind)(message)

    def _with_advice(self, message: str) -> str:
        """Add what to do about a file of the user's that is not where it is looked for, or that no source names."""
        if message == f"no module {self.name}":
            file = f"{self.name.replace('.', '/')}.py"
            return f"{message}: there is no {file} in {self.process.task.folder}, nor anywhere that Python finds"
        missing = _NO_MODULE.search(message)
        name = missing[1] if missing else ""
        if not name or name in self.modules or not own_modules(name, self.process.task.folder):
            return message
        return (
            f"{message}\n  what to do: there is such a file, but no source names it: write `import {name}`, "
            "so that its code is part of what is registered"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Send its code, not its files: another machine starts a process of its own with it."""
        parts = (self.name, self.modules, self.reads, self.read_hashes, self.process.task, self.describes)
        return _received, (hashlib.sha256(repr(parts).encode()).hexdigest(), *parts)

    @contextmanager
    def in_new_process(self) -> Iterator[Plugin]:
        """Yield it with a process of its own, which ends with the block, and with it all that it remembers."""
        process = RestrictedProcess(self.process.task)
        try:
            yield replace(self, process=process)
        finally:
            process.end()

    def current_read_hashes(self) -> dict[str, str]:
        """Return the hashes of what it declares as the files are now."""
        return {name: value for each in self.reads for name, value in each.hashes().items()}


def origin_of(configuration: Configuration) -> Origin:
    """Return where the own modules of a configuration are from."""
    limits, folder, data = configuration.limits, configuration.directory.resolve(), configuration.data.resolve()
    results: tuple[Path, ...] = (data,)
    if data == folder or data in folder.parents:  # the user's own files are in the data folder, too
        homes = sorted(each.parent for each in data.glob(f"*/{configuration.warehouse_path.name}"))
        own = (data / configuration.name, data / "dagster_home", data / "protocol.duckdb", data / "protocol.head")
        results = tuple(dict.fromkeys((*own, *homes)))  # those of other configurations hold the same sessions
    return Origin(folder, results, limits.plugin_seconds, limits.plugin_memory_mb)


_PLUGINS: dict[tuple[str, Origin, str], Plugin] = {}


def is_plugin(strategy_type: str) -> bool:
    """Return whether a strategy type names a user's own module."""
    return "." in strategy_type and not is_shipped(strategy_type)


def strategy_module(strategy_type: str, origin: Origin | None = None, *, renew: bool = False) -> Any:
    """Return the module of a strategy type: a shipped one, imported, or the `Plugin` of a user's own.

    Strategies are found by name, so that adding one touches no list.

    Parameters
    ----------
    renew
        Look at the files of a user's own module again. Without it, it stays what it was when it was first asked for:
        a run has one code.

    Raises
    ------
    LookupError
        No such module; it cannot be imported, lacks `Parameters` or one of `rules` and `target_weights`, they do not
        fit together, or what it declares that it reads cannot be used.
    """
    if not is_plugin(strategy_type):
        return import_strategy(strategy_type if "." in strategy_type else f"{BUILT_IN}.{strategy_type}")
    return _loaded_plugin(strategy_type, origin or Origin(), "describe", renew=renew)


def feature_module(name: str, origin: Origin, *, renew: bool = False) -> Plugin:
    """Return a user's own module of features; as `strategy_module`, for one that defines `FEATURES`.

    Parameters
    ----------
    name, origin
        Dotted name of the module, and the folder that it is found from.
    renew
        Read its files again, though it was found before.

    Raises
    ------
    LookupError
        No such module; it cannot be imported, has no `FEATURES`, or what it declares that it reads cannot be used.
    """
    if is_shipped(name):
        raise LookupError(f"{name} is a module of the house, whose features are there already")
    return _loaded_plugin(name, origin, "features_describe", renew=renew)


def model_module(name: str, origin: Origin, *, renew: bool = False) -> Plugin:
    """Return a user's own module of a model; as `feature_module`, for one that defines `fit` and `load`.

    Parameters
    ----------
    name, origin, renew
        See `feature_module`.
    """
    return _loaded_plugin(name, origin, "model_describe", renew=renew)


def _loaded_plugin(name: str, origin: Origin, describes: Describes, *, renew: bool) -> Plugin:
    key = (name, origin, describes)
    known = _PLUGINS.get(key)
    if known is not None and not renew:
        return known
    found = replace(find_plugin(name, origin), describes=describes)
    if known is not None:
        if (known.modules, known.reads, known.read_hashes) == (found.modules, found.reads, found.read_hashes):
            return known
        known.process.end()
    try:
        _ = found.description
    except LookupError:
        found.process.end()
        raise
    _PLUGINS[key] = found
    return found


def code_hashes(plugin: Plugin) -> dict[str, str]:
    """Return SHA-256 of a module, those of the user's that it imports, and the files that it declares, by name."""
    found = {name: hashlib.sha256(each.source).hexdigest() for name, each in plugin.modules.items()}
    return found | {f"reads {name}": value for name, value in plugin.current_read_hashes().items()}


def plugins_of(configuration: Configuration) -> Iterator[Plugin]:
    """Yield the modules of the user's own that a configuration names: of strategies, of features and of models."""
    origin = origin_of(configuration)
    for each in configuration.strategies.values():
        if is_plugin(each.type):
            yield strategy_module(each.type, origin)
    for name in configuration.features:
        yield feature_module(name, origin)
    for model in configuration.models.values():
        if isinstance(model, OwnModel):
            yield model_module(model.type, origin)


def loaded_plugins() -> dict[tuple[str, Origin, str], Plugin]:
    """Return the user's own modules that this process has loaded, for `adopt` in another one."""
    return dict(_PLUGINS)


def adopt(plugins: Mapping[tuple[str, Origin, str], Plugin]) -> None:
    """Take modules as another process has loaded them: their files are not looked for here."""
    _PLUGINS.update(plugins)


_RECEIVED: dict[str, Plugin] = {}


def _received(
    digest: str,
    name: str,
    modules: Mapping[str, OwnModule],
    reads: tuple[DeclaredRead, ...],
    read_hashes: Mapping[str, str],
    task: Task,
    describes: Describes,
) -> Plugin:
    if digest not in _RECEIVED:
        plugin = Plugin(name, modules, reads, read_hashes, RestrictedProcess(task), describes)
        if plugin.current_read_hashes() != read_hashes:
            raise LookupError(f"what {name} declares that it reads is not the same, or not there, on this machine")
        _RECEIVED[digest] = plugin
    return _RECEIVED[digest]


def find_plugin(strategy_type: str, origin: Origin) -> Plugin:
    """Return a user's own module as its files are, without running any of them.

    Raises
    ------
    LookupError
        What it declares that it reads cannot be used.
    """
    modules = own_modules(strategy_type, origin.folder)
    reads = tuple(declared_reads(modules, origin.folder, origin.results))
    task = Task(
        name=strategy_type,
        answers=_ANSWERS,
        sources={name: (each.source, str(each.file), each.is_package) for name, each in modules.items()},
        reads=tuple(each.path for each in reads),
        folder=origin.folder,
        seconds=origin.seconds,
        megabytes=origin.megabytes,
    )
    hashes = {name: value for each in reads for name, value in each.hashes().items()}
    return Plugin(strategy_type, modules, reads, hashes, RestrictedProcess(task))


def _exception(name: str) -> type[Exception]:
    """The class of a built-in exception by its name, else one of that name."""
    built_in = getattr(builtins, name, None)
    simple = (ArithmeticError, LookupError, ValueError, TypeError, AssertionError, RuntimeError, MemoryError, NameError)
    if isinstance(built_in, type) and issubclass(built_in, simple) and not issubclass(built_in, UnicodeError):
        return built_in
    return _named.setdefault(name, type(name, (PluginError,), {}))


_named: dict[str, type[Exception]] = {}
