"""Small files beside the bars: corporate actions and tickers."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl


class ReferenceError(Exception):
    """A file of corporate actions or tickers cannot be used; `str()` is one block for people."""


@dataclass(frozen=True)
class ReferenceFile:
    """A CSV of a few columns, as text.

    Attributes
    ----------
    path
        Where it is.
    text
        Content of the file.
    """

    path: Path
    text: str

    @property
    def stem(self) -> str:
        """Name without its ending."""
        return self.path.name.removesuffix(".csv")

    @property
    def is_headerless(self) -> bool:
        """The first line begins with a date: one of Lean's files."""
        return self.text.lstrip("\ufeff")[:8].isdigit()

    def table(self, required: Sequence[str], optional: Sequence[str]) -> pl.DataFrame:
        """Return columns as stripped text (empty: null), and `line`."""
        table = self._read(has_header=True)
        table = table.rename({name: name.strip().lower() for name in table.columns})
        absent = [name for name in required if name not in table.columns]
        if absent:
            raise ReferenceError(
                f"no column {absent[0]!r}\n  file: {self.path}, line 1\n"
                f"  expected: {', '.join(required)}, and any of {', '.join(optional)}\n"
                f"  found: {', '.join(table.columns)}"
            )
        none = [pl.lit(None, pl.String).alias(name) for name in optional if name not in table.columns]
        return self._stripped(table.with_columns(none).select(*required, *optional)).with_columns(
            line=pl.int_range(2, pl.len() + 2)
        )

    def headerless(self, names: Sequence[str]) -> pl.DataFrame:
        """Return the first columns under `names` as stripped text (empty or absent: null), and `line`."""
        table = self._read(has_header=False)
        columns = [
            (pl.col(table.columns[at]) if at < table.width else pl.lit(None, pl.String)).alias(name)
            for at, name in enumerate(names)
        ]
        return self._stripped(table.select(columns)).with_columns(line=pl.int_range(1, pl.len() + 1))

    def dates(self, table: pl.DataFrame, name: str, pattern: str = "%Y-%m-%d") -> pl.Series:
        """Return a column as dates; an empty cell is null.

        Parameters
        ----------
        table, name
            Rows with their `line`, and the name of the column.
        pattern
            Format of the dates, as `strptime` has it.

        Raises
        ------
        ReferenceError
            A cell is no date.
        """
        dates = table[name].str.to_date(pattern, strict=False)
        self.refuse(table.filter(dates.is_null() & table[name].is_not_null()), name, f"a date as {pattern}")
        return dates

    def numbers(self, table: pl.DataFrame, name: str) -> pl.Series:
        """Return a column as finite numbers; an empty cell is null.

        Raises
        ------
        ReferenceError
            A cell is no number.
        """
        numbers = table[name].cast(pl.Float64, strict=False)
        wrong = ~numbers.is_finite().fill_null(False) & table[name].is_not_null()
        self.refuse(table.filter(wrong), name, "a number")
        return numbers

    def refuse(self, rows: pl.DataFrame, column: str, expected: str) -> None:
        """Raise a `ReferenceError` that names the first of `rows`, if there is one.

        Parameters
        ----------
        rows
            Faulty rows with their `line`; none: nothing is raised.
        column, expected
            Name of the column, and what its cells should be.
        """
        if not rows.is_empty():
            raise ReferenceError(
                f"a wrong {column!r}\n  file: {self.path}, line {rows['line'][0]}\n  expected: {expected}"
            )

    def _read(self, *, has_header: bool) -> pl.DataFrame:
        try:
            return pl.read_csv(self.text.encode(), has_header=has_header, infer_schema=False)
        except pl.exceptions.PolarsError as error:
            raise ReferenceError(f"not a CSV\n  file: {self.path}\n  cause: {str(error).splitlines()[0]}") from None

    def _stripped(self, table: pl.DataFrame) -> pl.DataFrame:
        return table.with_columns(pl.all().str.strip_chars().replace("", None))


def reference_files(pattern: str, directory: Path, key: str) -> Iterator[ReferenceFile]:
    """Yield the files of a glob, in the order of their names.

    Parameters
    ----------
    pattern, directory
        Glob, and where a relative one starts.
    key
        Key of the configuration, for messages.

    Raises
    ------
    ReferenceError
        No file matches, or one cannot be read as UTF-8.
    """
    paths = sorted(Path(name) for name in glob.glob(str(directory / pattern), recursive=True))  # noqa: PTH207 - absolute patterns too
    if not paths:
        raise ReferenceError(f"no file matches {pattern!r}\n  key: {key}\n  expected: CSV files under {directory}")
    for path in paths:
        try:
            yield ReferenceFile(path, path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise ReferenceError(f"cannot be read\n  file: {path}\n  cause: {error}") from None
