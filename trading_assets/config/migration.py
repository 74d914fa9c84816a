"""Old names of keys in a configuration: found, and rewritten without touching anything else of the file.

Only the characters of a key are replaced, at the places that the YAML parser names. So comments, order, quotes and
line ends stay as a person wrote them, which no library that writes YAML anew promises. The new text is read again
before it is written anywhere: it has to say what the old one does, under the names of today.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from trading_assets.config.document import LOADER, read_document
from trading_assets.config.errors import ConfigurationError, KeyPath, block

#: Stands for any name, or any place in a list.
ANY = "*"


class Rename(NamedTuple):
    """A key that was renamed.

    Attributes
    ----------
    version
        Version of the product in which the new name came.
    where
        Key path of the old name; `*` stands for any part.
    today
        New name of its last part.
    """

    version: str
    where: tuple[str, ...]
    today: str


#: Every renamed key, oldest first. Identities know them by `trading_assets.config.stated.RENAMED_KEYS`.
RENAMES = (
    Rename("0.2.0", ("quality", "releases"), "overrides"),
    Rename("0.2.0", ("market_data", ANY, "tickers"), "symbology"),
    Rename("0.2.0", ("robustness", "verdict", "min_trades"), "min_bets"),
    Rename("0.2.0", ("robustness", "verdict", "go_trades"), "go_bets"),
)


class Change(NamedTuple):
    """An old name at a place of a file.

    Attributes
    ----------
    where, line
        Key path with the old name, and its line, 1-based.
    rename
        What it is called today, and since when.
    start, end
        Characters of the text that are the key, quotes included.
    """

    where: KeyPath
    line: int
    rename: Rename
    start: int
    end: int


class Migration(NamedTuple):
    """What becomes of one file: its text, changed, and the changes in order."""

    path: Path
    text: str
    changes: tuple[Change, ...]

    def write(self) -> None:
        """Put the text in the place of the file: the old or the new, never a half.

        Raises
        ------
        ConfigurationError
            The file cannot be written; it is as it was.
        """
        target = self.path.resolve()  # of a link: the file it stands for
        beside = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            with beside.open("x", encoding="utf-8", newline="") as file:
                file.write(self.text)
                file.flush()
                os.fsync(file.fileno())
            beside.chmod(target.stat().st_mode & 0o7777)
            beside.replace(target)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise ConfigurationError(f"cannot write {self.path}\n  cause: {error.strerror}") from None


def migration_of(path: Path) -> Migration:
    """Return a file with the names of today.

    Raises
    ------
    ConfigurationError
        The file cannot be read or is no configuration; it has an old and a new name of one key; or its keys are written
        in a way that cannot be renamed in place.
    """
    values, lines = read_document(path)
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    root = yaml.compose(text, Loader=yaml.SafeLoader)  # libyaml counts marks of byte order otherwise
    changes = sorted(_changes(root, ()), key=lambda each: each.start) if root is not None else []
    for each in changes:
        today: KeyPath = (*each.where[:-1], each.rename.today)
        if today in lines:
            what = f"both {each.where[-1]!r} and {each.rename.today!r}, its name since {each.rename.version}"
            raise ConfigurationError(block(path, lines, each.where, what, "one of them", "take one of them out"))
    for each in reversed(changes):
        # Its name alone, last of what is there: `"key":value`, as JSON has it, is a key by its quotes alone.
        before, _, after = text[each.start : each.end].rpartition(each.rename.where[-1])
        text = text[: each.start] + before + each.rename.today + after + text[each.end :]
    if not _says(text, _renamed(values, ())):
        raise ConfigurationError(
            f"old names of keys cannot be renamed in place\n  file: {path}\n"
            f"  keys: {', '.join('.'.join(map(str, each.where)) for each in changes)}\n"
            "  expected: keys as plain text, or in quotes, each written once where it stands\n"
            "  what to do: rename them by hand; the file is as it was"
        )
    return Migration(path, text, tuple(changes))


def _says(text: str, values: Any) -> bool:
    """Whether a text reads as some values, and holds every key once."""
    try:
        return bool(yaml.load(text, Loader=LOADER) == values)
    except yaml.YAMLError:
        return False


def _renamed(value: Any, where: KeyPath) -> Any:
    """Values under the names of today."""
    if isinstance(value, list):
        return [_renamed(each, (*where, index)) for index, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, each in value.items():
        rename = _rename_of((*where, str(key)))
        name = key if rename is None else rename.today
        found[name] = _renamed(each, (*where, name))
    return found


def _changes(node: yaml.Node, where: KeyPath) -> Iterator[Change]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*where, str(key.value))
            rename = _rename_of(inner)
            if rename is not None:
                marks = key.start_mark, key.end_mark
                yield Change(inner, marks[0].line + 1, rename, marks[0].index, marks[1].index)
                inner = (*where, rename.today)
            yield from _changes(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _changes(value, (*where, index))


def _rename_of(where: KeyPath) -> Rename | None:
    return next((each for each in RENAMES if _fits(each.where, where)), None)


def _fits(pattern: tuple[str, ...], where: KeyPath) -> bool:
    return len(pattern) == len(where) and all(part in (ANY, name) for part, name in zip(pattern, where, strict=True))
