"""What strategies and their code are called on record, wherever their files are and however they are laid out."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from trading_assets.config.canonical import digest
from trading_assets.config.own_modules import own_modules
from trading_assets.config.plugins import Plugin
from trading_assets.config.stated import PACKAGE, is_shipped
from trading_assets.strategies.interface.module import StrategyModule
from trading_assets.strategies.interface.plugin import PluginModule

#: Parts of this package whose code decides what a strategy does; changes elsewhere are changes of the engine.
_DECIDING = ("trading_assets.strategies", "trading_assets.models")
#: Where shipped strategies were when trials were first recorded: a part of their names in hashes, no path any more.
_FIRST_FOLDER = "trading_assets.strategies."
#: Modules of this package that strategies import, by their file names in version 0.1.0 and those of today.
RENAMED_MODULES: Mapping[str, str] = {
    "trading_assets.strategies.rules": "trading_assets.strategies.interface.rules",
    "trading_assets.strategies.targets": "trading_assets.strategies.interface.target_weights",
    "trading_assets.strategies.panel": "trading_assets.strategies.interface.panel",
}
#: Modules that say what a strategy is made of, then and now: a name that is imported from one is the same from another.
_INTERFACE = frozenset(
    {"trading_assets.strategies", "trading_assets.config.strategies", *RENAMED_MODULES, *RENAMED_MODULES.values()}
)
#: Fields of a syntax tree that say nothing about what the code does, or that only some versions of Python have.
_SILENT_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
#: How the files that a module declares are told from modules.
_READS_KEY = "reads "


class ChangedReadError(Exception):
    """A file that a module declares to read changed during a run."""


class CodeFile(NamedTuple):
    """A module and its file."""

    name: str
    file: Path


def identity_of(module: StrategyModule) -> str:
    """Return the stable name of a strategy module.

    A shipped module declares it as `IDENTITY`; that of a user's own is its dotted name, whatever it declares or
    copied.
    """
    if is_shipped(module.__name__):
        return str(getattr(module, "IDENTITY", module.__name__.rpartition(".")[2]))
    return module.__name__


def identity_of_type(strategy_type: str) -> str:
    """Return the identity behind a strategy type as a configuration or an older row of a table has it."""
    return strategy_type.removeprefix(_FIRST_FOLDER)


def recorded_type(identity: str) -> str:
    """Return the name of a strategy in the hashes of trials: what version 0.1.0 called it, for ever."""
    return identity if "." in identity else f"{_FIRST_FOLDER}{identity}"


def modules_behind(module: StrategyModule) -> list[CodeFile]:
    """Return a module and those that it is made of, by name.

    Followed are the modules whose functions, classes or names it holds, as far as they are of the strategies and
    models of this package, or of the package that the module itself is of.
    """
    if isinstance(module, PluginModule):
        return [CodeFile(name, Path(file)) for name, file in module.plugin.ask("behind")]
    own = module.__name__.partition(".")[0]
    starts = tuple(f"{package}." for package in (*_DECIDING, *(() if own == PACKAGE else (own,))))
    found: dict[str, CodeFile] = {}
    waiting = [sys.modules[module.__name__]]
    while waiting:
        each = waiting.pop()
        if each.__name__ not in found and each.__file__ is not None:
            found[each.__name__] = CodeFile(each.__name__, Path(each.__file__))
            waiting += [used for used in _used(each) if f"{used.__name__}.".startswith(starts)]
    return [found[name] for name in sorted(found)]


def own_code(module: StrategyModule) -> dict[str, str]:
    """Return what of a user's own makes a module what it is: its code and the files that it declares to read.

    Returns
    -------
    dict
        Hash, by dotted name, of the syntax tree of the module and of all of the user's that it imports, see
        `own_modules`; by ``reads NAME`` SHA-256 of each file that one of them declares. Empty for a shipped module.

    Raises
    ------
    ChangedReadError
        A declared file is not what it was when the module was loaded.
    """
    if isinstance(module, PluginModule):
        return plugin_code(module.plugin)
    modules = own_modules(module.__name__)
    return {name: code_hash(each.source) for name, each in sorted(modules.items())}


def plugin_code(plugin: Plugin) -> dict[str, str]:
    """Return `own_code` of a user's own module, of a strategy or of features.

    Raises
    ------
    ChangedReadError
        See `own_code`.
    """
    found = {name: code_hash(each.source) for name, each in sorted(plugin.modules.items())}
    now = plugin.current_read_hashes()
    if now != plugin.read_hashes:
        changed = sorted(name for name, _ in {*now.items()} ^ {*plugin.read_hashes.items()})
        raise ChangedReadError(
            f"{changed[0]}, which {plugin.name} declares to read, changed while the run was going on\n"
            "  what to do: start the run again"
        )
    return found | {f"{_READS_KEY}{name}": value for name, value in sorted(now.items())}


def code_identity(module: StrategyModule) -> str:
    """Return one hash of a user's own code, whatever its modules are called and read; empty for a shipped module.

    Raises
    ------
    ChangedReadError
        See `own_code`.
    """
    hashes = [value for name, value in own_code(module).items() if not name.startswith(_READS_KEY)]
    return digest(sorted(hashes)) if hashes else ""


def shipped_code(modules: Iterable[CodeFile]) -> str:
    """Return one hash of the syntax trees of shipped modules, whatever they are called."""
    return digest(sorted(code_hash(_source(each)) for each in modules if is_shipped(each.name)))


def own_texts(modules: Iterable[CodeFile], *, renamed_back: bool = False) -> dict[str, str]:
    """Return SHA-256 of the text of each of a user's own modules by dotted name, as version 0.1.0 recorded it.

    Parameters
    ----------
    renamed_back
        Write imports of this package as they had to be written in that version.
    """
    texts = {each.name: _source(each) for each in modules if not is_shipped(each.name)}
    if renamed_back:
        texts = {name: _renamed_back(text) for name, text in texts.items()}
    return {name: hashlib.sha256(_as_read(text)).hexdigest() for name, text in texts.items()}


@lru_cache(maxsize=512)
def code_hash(source: bytes) -> str:
    """Return SHA-256 of what Python code does: of its syntax tree without docstrings and comments.

    The tree is written out by itself, as `ast.dump` and `ast.unparse` change between versions of Python. Imports of
    what strategies are made of are left out, as their files move; the names themselves stay where they are used. What
    is no Python source is hashed as it is.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return hashlib.sha256(source).hexdigest()
    return digest(_plain(tree))


def _plain(node: object) -> Any:
    """A node as lists: its class, then the fields that are not empty, by name."""
    if isinstance(node, ast.AST):
        fields = {
            name: _plain(_statements(value) if isinstance(value, list) else value)
            for name, value in ast.iter_fields(node)
            if name not in _SILENT_FIELDS
        }
        return [type(node).__name__, *([name, value] for name, value in fields.items() if value not in (None, []))]
    if isinstance(node, list):
        return [_plain(each) for each in node]
    return None if node is None else f"{type(node).__name__} {node!r}"


def _statements(values: Sequence[object]) -> list[object]:
    """Without texts that stand alone (docstrings of all kinds) and without imports of what strategies are made of."""
    return [each for each in values if not _is_text(each) and not _is_of_interface(each)]


def _is_text(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_of_interface(node: object) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and node.level == 0
        and node.module in _INTERFACE
        and all(alias.asname is None for alias in node.names)
    )


def _source(module: CodeFile) -> bytes:
    return module.file.read_bytes()


def _as_read(source: bytes) -> bytes:
    """Text whatever its line endings."""
    return source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _renamed_back(source: bytes) -> bytes:
    for first, today in RENAMED_MODULES.items():
        source = source.replace(today.encode(), first.encode())
    return source


def _used(module: ModuleType) -> Iterator[ModuleType]:
    for value in vars(module).values():
        home = value if isinstance(value, ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "")
        if home is not None:
            yield home
