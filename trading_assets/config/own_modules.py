"""What a user's own module is made of, found without running any of it: its files, and the files that it reads."""

from __future__ import annotations

import ast
import hashlib
import importlib
import itertools
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from trading_assets.config.stated import is_shipped

#: Name of the constant by which a module declares the files that it reads.
READS = "READS"
#: Files of a folder that is declared as a whole.
MOST_FILES = 10_000
#: Modules of a user's own that one strategy is made of.
MOST_MODULES = 100
#: How a DuckDB database begins, and the schemas by which one is a warehouse.
_MAGIC, _MAGIC_AT = b"DUCK", 8
_SCHEMAS = (b"market_data", b"raw_bars")
_LIBRARIES = frozenset({"site-packages", "dist-packages"})


class DeclarationError(LookupError):
    """What a module declares that it reads cannot be used; `str()` says what and what to do."""


@dataclass(frozen=True)
class OwnModule:
    """One file of a user's own code.

    Attributes
    ----------
    name
        Dotted name.
    file
        Where it is.
    source
        Text of the module, as read once: what is hashed is what runs.
    """

    name: str
    file: Path
    source: bytes

    @property
    def is_package(self) -> bool:
        """Whether modules can be in it."""
        return self.file.name == "__init__.py"


@dataclass(frozen=True)
class DeclaredRead:
    """A file or folder that a module declares.

    Attributes
    ----------
    name
        As it is declared.
    path
        Where it is.
    """

    name: str
    path: Path

    def hashes(self) -> dict[str, str]:
        """Return SHA-256 of the file, or of each file of the folder, by the name as declared and the path below it.

        Raises
        ------
        DeclarationError
            It cannot be read.
        """
        try:
            if self.path.is_file():
                return {self.name: _sha256(self.path)}
            files = sorted(each for each in self.path.rglob("*") if each.is_file())
            if len(files) > MOST_FILES:
                raise DeclarationError(f"{self.name} has {len(files):,} files; declare those that are read")
            return {f"{self.name}/{each.relative_to(self.path).as_posix()}": _sha256(each) for each in files}
        except OSError as error:
            raise DeclarationError(f"{self.name}, declared in {READS}, cannot be read: {error.strerror}") from None


def find_module(name: str, folder: Path | None = None) -> ModuleSpec | None:
    """Return the spec of a module without importing it or a package that it is in; None if there is none.

    Parameters
    ----------
    folder
        Folder of the configuration: what is in it comes after installed libraries, and before everything else that
        Python finds, so that a name leads to one file whatever the command and the working folder are.
    """
    installed = _locate(name, None)
    if folder is None or (installed is not None and _is_library(installed)):
        return installed
    return _locate(name, [str(folder)]) or installed


def _is_library(spec: ModuleSpec) -> bool:
    if spec.has_location and spec.origin:
        path = Path(spec.origin)
        return bool(_LIBRARIES & set(path.parts) or _standard_library() & set(path.parents))
    return spec.submodule_search_locations is None  # built in or frozen; else it is a folder without a file of its own


def _standard_library() -> set[Path]:
    return {Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib")}


def _locate(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    spec = None
    parts = name.split(".")
    for depth, part in enumerate(parts, 1):
        spec = _find(".".join(parts[:depth]), path)
        if spec is not None and spec.has_location:
            path = spec.submodule_search_locations
        else:  # a folder without a file of its own, whose finder would look for an imported package around it
            path = [str(folder) for each in path or sys.path if (folder := Path(each) / part).is_dir()]
        if not path and depth < len(parts):
            return None
    return spec


def own_modules(name: str, folder: Path | None = None) -> dict[str, OwnModule]:
    """Return a user's own module and all of theirs that it imports, by dotted name, ascending.

    Followed is every import that their sources name, within functions too, as far as it leads to files of the user's:
    none of the standard library, of this package, or of installed packages other than the one that the module is of.

    Parameters
    ----------
    folder
        Folder of the configuration, where modules are found beside what Python finds.

    Raises
    ------
    DeclarationError
        It is made of more modules than any strategy.
    """
    found: dict[str, OwnModule] = {}
    waiting, package = [name], name.partition(".")[0]
    importlib.invalidate_caches()
    while waiting:
        each = waiting.pop()
        module = None if each in found else _own_module(each, package, folder)
        if module is not None:
            if len(found) >= MOST_MODULES:
                raise DeclarationError(
                    f"{name} is made of more than {MOST_MODULES} modules of its own: is it a library, not a strategy?"
                )
            found[each] = module
            waiting += [each.rpartition(".")[0], *_imports(module)]  # a package is run before its modules
    return dict(sorted(found.items()))


def declared_reads(modules: dict[str, OwnModule], folder: Path, results: Sequence[Path]) -> list[DeclaredRead]:
    """Return what modules declare that they read, without running them: constants `READS`, lists of paths.

    Parameters
    ----------
    folder
        Where relative paths start: the folder of the configuration.
    results
        Files and folders of results, nothing of which may be read: the data folder.

    Raises
    ------
    DeclarationError
        A constant is no list of texts that stand there, a path does not exist, leads to results, or to a warehouse,
        whatever its file is called and wherever it is.
    """
    found = []
    for module in modules.values():
        for name in _declared(module):
            path = (folder / name).resolve()
            if not path.exists():
                raise DeclarationError(
                    f"{module.name} declares in {READS} that it reads {name}, and there is no such file: {path}"
                )
            if any(each == path or each in path.parents or path in each.parents for each in results):
                raise DeclarationError(
                    f"{module.name} declares in {READS} that it reads {name}, which is of, or holds, the data folder: "
                    "a strategy sees its panel and nothing else of the results"
                )
            warehouse = next(warehouses_in(path), None)
            if warehouse is not None:
                raise DeclarationError(
                    f"{module.name} declares in {READS} that it reads {name}, and {warehouse} is a warehouse, or a "
                    "copy of one: its bars and results reach into holdouts. Declare tables that were made without them"
                )
            found.append(DeclaredRead(name, path))
    return list(dict.fromkeys(found))


def warehouses_in(path: Path) -> Iterator[Path]:
    """Yield the warehouses of this product among a file, or the files below a folder; copies and links of them, too."""
    files = (
        [path] if path.is_file() else itertools.islice((each for each in path.rglob("*") if each.is_file()), MOST_FILES)
    )
    return (each for each in files if _is_warehouse(each))


def _is_warehouse(path: Path) -> bool:
    """Whether a file is a DuckDB database with the schemas of a warehouse, whose names stand in it as they are."""
    try:
        with path.open("rb") as file:
            start = file.read(_MAGIC_AT + len(_MAGIC))
            if not start.startswith(_MAGIC, _MAGIC_AT):
                return False
            missing, tail = set(_SCHEMAS), b""
            while missing and (chunk := file.read(1 << 20)):
                text = tail + chunk
                missing = {each for each in missing if each not in text}
                tail = chunk[-64:]
            return not missing
    except OSError:  # what cannot be read is said where it is hashed
        return False


def _declared(module: OwnModule) -> list[str]:
    tree = _tree(module.source)
    names: list[str] = []
    for node in [] if tree is None else tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if not any(isinstance(each, ast.Name) and each.id == READS for each in targets):
            continue
        value = getattr(node, "value", None)
        try:
            paths = None if value is None else ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            paths = None
        if not isinstance(paths, list | tuple) or not all(isinstance(each, str) and each for each in paths):
            raise DeclarationError(
                f"{module.name} declares {READS} otherwise than as a list of texts, line {node.lineno}: it is read "
                f'without running the module, so write {READS} = ["table.csv"]'
            )
        names += paths
    return names


def _find(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        try:
            spec = None if find_spec is None else find_spec(name, path)
        except (ImportError, AttributeError, ValueError, KeyError):
            spec = None
        if isinstance(spec, ModuleSpec):
            return spec
    return None


def _own_module(name: str, package: str, folder: Path | None) -> OwnModule | None:
    """A module of the user's own, or of an installed `package` of strategies; None for any other."""
    if not name or is_shipped(name):
        return None
    spec = find_module(name, folder)
    path = Path(spec.origin) if spec and spec.has_location and spec.origin else None
    if spec is None or path is None or path.suffix != ".py":
        return None
    is_installed = bool(_LIBRARIES & set(path.parts))
    if (is_installed and name.partition(".")[0] != package) or (not is_installed and _is_library(spec)):
        return None
    return OwnModule(name, path, path.read_bytes())


def _imports(module: OwnModule) -> Iterator[str]:
    """Dotted names that a source imports; of ``from a import b`` both ``a`` and ``a.b``."""
    tree = _tree(module.source)
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    for node in () if tree is None else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                home = ".".join([*parts, *([node.module] if node.module else [])])
            yield home
            yield from (f"{home}.{alias.name}" for alias in node.names)


def _tree(source: bytes) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
