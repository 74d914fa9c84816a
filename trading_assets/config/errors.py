"""What is wrong with a configuration, as one block: what, where, what was expected, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

KeyPath = tuple[str | int, ...]

#: Characters of a value or of a key that an error shows.
SHOWN = 80


class Line(int):
    """A line, 1-based, which knows its file: a configuration may be made of several."""

    file: Path

    def __new__(cls, number: int, file: Path) -> Line:
        """Return the line `number` of a file."""
        line = super().__new__(cls, number)
        line.file = file
        return line


class ConfigurationError(Exception):
    """The configuration file cannot be used; `str()` is the message for people."""


def block(path: Path, lines: Mapping[KeyPath, int], where: KeyPath, what: str, expected: str, do: str = "") -> str:
    """Return the text of one fault.

    Parameters
    ----------
    path
        The file.
    lines
        Line of each key path of the file, 1-based; a `Line` of another file names that one.
    where
        Key path of the fault, empty for the whole file.
    do
        What to do, where that is more than to write what was expected.
    """
    return _rows(where, what, expected, do, f"  file: {place_of(path, lines, where)}")


def place_of(path: Path, lines: Mapping[KeyPath, int], where: KeyPath) -> str:
    """Return in words where a key stands, or the part of its path that is written.

    Parameters
    ----------
    path, lines
        The file, and the line of each key, as of `block`.
    where
        Key path.
    """
    line = lines.get(known_part(where, lines))
    if line is None:
        return str(path)
    return f"{line.file if isinstance(line, Line) else path}, line {int(line)}"


def _rows(where: KeyPath, what: str, expected: str, do: str, *places: str) -> str:
    rows = [what, *places]
    if where:
        rows.append(f"  key: {shortened('.'.join(str(part) for part in where))}")
    if expected:
        rows.append(f"  expected: {expected}")
    if do:
        rows.append(f"  what to do: {do}")
    return "\n".join(rows)


def nearest(key: str, known: Sequence[str]) -> str:
    """Return in words what was expected in place of a name that there is not."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"one of {', '.join(known)}"


def known_part(where: KeyPath, lines: Mapping[KeyPath, int]) -> KeyPath:
    """Return the part of a key path that the file has."""
    return next((where[:end] for end in range(len(where), 0, -1) if where[:end] in lines), ())


def shortened(text: str) -> str:
    """Return a text that is no longer than errors show, control characters written out."""
    plain = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[: SHOWN + 1])
    return plain if len(text) <= SHOWN else f"{plain[:SHOWN]}..."


class Fault(NamedTuple):
    """Something that a run would fail on.

    Attributes
    ----------
    where
        Key path in the configuration.
    what
        The fault; more lines than one if it is a block already.
    expected, do
        What was expected, and what to do where that is more than to write it.
    """

    where: KeyPath
    what: str
    expected: str = ""
    do: str = ""


def placed(path: Path, lines: Mapping[KeyPath, int], fault: Fault) -> str:
    """Return the text of a fault with its place in the file.

    Parameters
    ----------
    path, lines
        File of the configuration, and the line of each key in it.
    fault
        What is wrong, and at which key.
    """
    first, *rest = fault.what.split("\n")
    return "\n".join([block(path, lines, fault.where, first, fault.expected, fault.do), *rest])


def unplaced(fault: Fault) -> str:
    """Return the text of a fault of values that are in no file, such as those of a call."""
    first, *rest = fault.what.split("\n")
    return "\n".join([_rows(fault.where, first, fault.expected, fault.do), *rest])
