"""A configuration of several files: an overlay names with `extends` what it changes a few keys of.

What a configuration is, is what comes out of the merge: hashes, trials and registrations are made of it, and know
nothing of files. So a key that moves from one file to another changes no identity, and one that changes its value
changes it wherever it stands. Each key keeps the file and the line that it stands on, for errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_assets.config.document import read_document
from trading_assets.config.errors import ConfigurationError, KeyPath, Line, block

EXTENDS = "extends"
#: Files of one configuration, the overlay that is named and the base among them.
MOST_FILES = 10


@dataclass(frozen=True)
class Merged:
    """A configuration as its files say it together.

    Attributes
    ----------
    values
        Plain values, without `extends`.
    lines
        Line of each key path, which knows its file.
    files
        From the file that was named down to the base, which extends nothing.
    documents
        Of each of them what it says itself, what an overlay takes the place of included, and its lines.
    """

    values: dict[str, Any]
    lines: dict[KeyPath, Line]
    files: tuple[Path, ...]
    documents: tuple[tuple[dict[str, Any], dict[KeyPath, int]], ...]

    @property
    def directory(self) -> Path:
        """Where relative paths start: the folder of the base, so that an overlay in another folder reads the same."""
        return self.files[-1].resolve().parent


def read_merged(path: Path) -> Merged:
    """Read a YAML file and those that it extends, and merge them.

    Mappings are merged key by key, whatever is deep in them. Anything else of an overlay, a list and an empty mapping
    too, takes the place of what the base has there.

    Raises
    ------
    ConfigurationError
        A file cannot be read or is no configuration (see `read_document`); one that is extended is missing, or
        extends in a circle: with the file and the line that name it.
    """
    documents = list(_chain(path))
    values: dict[str, Any] = {}
    lines: dict[KeyPath, Line] = {}
    for file, own, own_lines in reversed(documents):
        placed = {where: Line(line, file) for where, line in own_lines.items()}
        values = _merged(values, own, (), lines)
        lines |= placed
    values.pop(EXTENDS, None)
    lines = {where: line for where, line in lines.items() if where[0] != EXTENDS}
    said = tuple((own, own_lines) for _, own, own_lines in documents)
    return Merged(values, lines, tuple(file for file, _, _ in documents), said)


def _chain(path: Path) -> Iterator[tuple[Path, dict[str, Any], dict[KeyPath, int]]]:
    """Each file, from the one that is named to the base."""
    seen: dict[Path, Path] = {}
    while True:
        values, lines = read_document(path)
        seen[path.resolve()] = path
        yield path, values, lines
        if EXTENDS not in values:
            return
        base = _base_of(path, values[EXTENDS], lines)
        where: KeyPath = (EXTENDS,)
        if base.resolve() in seen:
            circle = " -> ".join(str(each) for each in [*seen.values(), base])
            expected = "a file that does not come back to this one"
            raise ConfigurationError(block(path, lines, where, f"files extend each other: {circle}", expected))
        if len(seen) == MOST_FILES:
            expected = f"a configuration of at most {MOST_FILES} files"
            raise ConfigurationError(block(path, lines, where, f"more than {MOST_FILES} files", expected))
        path = base


def _base_of(path: Path, named: object, lines: Mapping[KeyPath, int]) -> Path:
    where: KeyPath = (EXTENDS,)
    expected = "the path of one YAML file, relative to the folder of this file: `extends: base.yaml`"
    if not isinstance(named, str) or not named.strip():
        raise ConfigurationError(block(path, lines, where, "`extends` names no file", expected))
    base = path.parent / named
    if not base.exists():
        raise ConfigurationError(block(path, lines, where, f"no file {base}", expected))
    return base


def _merged(base: Any, over: Any, where: KeyPath, lines: dict[KeyPath, Line]) -> Any:
    """Merge an overlay over a base; lines of what it takes the place of are dropped."""
    if isinstance(base, dict) and isinstance(over, dict) and over:
        found = dict(base)
        for key, value in over.items():
            found[key] = _merged(base[key], value, (*where, key), lines) if key in base else value
        return found
    for each in [each for each in lines if each[: len(where)] == where]:
        del lines[each]
    return over
