"""The error of a source that cannot be used."""

from __future__ import annotations


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


def shown(value: object) -> str:
    """`value` as it goes into a message: quoted, without control characters, at most 60 characters."""
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")
