"""The error of a source that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_FILES = 50


class SourceError(Exception):
    """A source of bars cannot be read; `str()` is one block for people.

    Parameters
    ----------
    what
        What is wrong, in a few words.
    file
        As written to `source_file`: relative, with the member's name for a zip.
    line
        1-based line of the file (row of a Parquet file).
    column
        Name of the column in the file.
    expected, todo
        What would have been right, and what the reader of the message can do.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: str | None = None,
        expected: str = "",
        todo: str = "",
    ) -> None:
        rows = [what]
        if file is not None:
            rows.append(f"  file: {file}" + (f", line {line}" if line is not None else ""))
        if column is not None:
            rows.append(f"  column: {column}")
        if expected:
            rows.append(f"  expected: {expected}")
        if todo:
            rows.append(f"  do: {todo}")
        super().__init__("\n".join(rows))
        self.what, self.file, self.expected, self.todo = what, file, expected, todo


class EmptyFileError(SourceError):
    """A file without one row."""


def empty_file(name: str) -> EmptyFileError:
    """Return the error of a text file without a byte."""
    return EmptyFileError(
        "the file is empty",
        file=name,
        line=1,
        expected="a header and rows of bars",
        todo="deliver it again, or take it out of `path`",
    )


def no_line_of_csv(what: str, name: str, line: int) -> SourceError:
    """Return the error of a line that the reader of CSV refuses: most often one that a lone carriage return ends.

    Parameters
    ----------
    what
        What the reader says of the line.
    name, line
        Name of the file, and the number of the line from 1 on.
    """
    return SourceError(
        f"not a line of CSV: {what}",
        file=name,
        line=line,
        expected="lines that end with a line feed, with or without a carriage return before it",
        todo="save the file with the line ends of Unix or Windows",
    )


def together(errors: Sequence[EmptyFileError]) -> SourceError:
    """Return one error for several files without rows; the error itself if it is one."""
    if len(errors) == 1:
        return errors[0]
    files = [f"{error.file} ({error.what.removeprefix('the file is ')})" for error in errors]
    listed = "".join(f"\n  file: {file}" for file in files[:_MOST_FILES])
    rest = f"\n  and {len(files) - _MOST_FILES} more" if len(files) > _MOST_FILES else ""
    return SourceError(
        f"{len(files)} files hold no bars{listed}{rest}",
        expected="a header and rows of bars",
        todo="deliver them again, or take them out of `path`",
    )


def shown(value: object) -> str:
    """`value` as it goes into a message: quoted, without control characters, at most 60 characters."""
    text = "".join(each if each.isprintable() else "�" for each in str(value))
    return repr(text if len(text) <= 60 else text[:57] + "...")
