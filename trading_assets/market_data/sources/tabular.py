"""Files of rows and columns: CSV (plain, gzipped, in a zip), JSON and Parquet, opened without interpretation."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.market_data.sources import hdf5_table
from trading_assets.market_data.sources.binary_tables import ArrowTable, ParquetTable
from trading_assets.market_data.sources.encodings import likely_encodings, to_utf8
from trading_assets.market_data.sources.errors import SourceError, empty_file, no_line_of_csv
from trading_assets.market_data.sources.file_kinds import (
    START,
    kind_of,
    refuse_message,
    refuse_other_kinds,
)
from trading_assets.market_data.sources.json_table import ENDINGS, JsonTable
from trading_assets.market_data.sources.packed_files import members, unpacked_gzip
from trading_assets.market_data.sources.size_limits import SizeLimits

LONGEST_LINE = 100_000  # bytes; a bar is some hundred
SEPARATORS = (",", ";", "\t", "|")
_CHUNK = 1 << 24
_SHORT = 200
_BLANKS = " \r\n"


class Tabular(Protocol):
    """An opened file: its header, and its columns by position, cells as the file holds them."""

    @property
    def name(self) -> str:
        """`source_file`: relative path, and the member for a zip."""

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns."""

    @property
    def header_line(self) -> int:
        """1-based line of the header."""

    def read(self, positions: Sequence[int]) -> pl.DataFrame:
        """Return the columns at `positions`, named by position, and `source_line` (1-based line of the file)."""


@dataclass(frozen=True)
class Layout:
    """How the text of a file is laid out.

    Attributes
    ----------
    skip_rows
        Lines before the header of a CSV.
    header
        Names of the columns of a file that does not name them itself; empty for one that does.
    separator
        Between the fields of a CSV; None: that of `SEPARATORS` which parts its first line into most fields.
    encoding
        Encoding of a file of text.
    limits
        How large a file may be.
    """

    skip_rows: int = 0
    header: tuple[str, ...] = ()
    separator: str | None = None
    encoding: str = "utf-8"
    limits: SizeLimits = field(default_factory=SizeLimits)


def open_tables(path: Path, name: str, layout: Layout) -> Iterator[Tabular]:
    """Yield the tables of a file: one, or one a member of a zip.

    Parameters
    ----------
    path
        Where to read.
    name
        How to name it in messages and in `source_file`.
    layout
        How a text is laid out.

    Raises
    ------
    SourceError
        The file cannot be opened, is cut, empty, too large, or not what its name says.
    """
    limits = layout.limits
    try:
        limits.assert_bytes(name, path.stat().st_size)
        with path.open("rb") as stream:
            start = stream.read(START)
        kind = kind_of(start)
        if kind == "text":
            refuse_other_kinds(start, name)
        ending = path.suffix.lower()
        if kind == "parquet" or ending in (".parquet", ".pq"):
            yield ParquetTable(path, name, limits)
        elif kind == "hdf5" or ending in hdf5_table.ENDINGS:
            yield from hdf5_table.open_hdf5(path, name, limits)
        elif kind == "arrow":
            yield ArrowTable(path, name, limits)
        elif kind == "zip" or ending == ".zip":
            for member, data in members(path, name, limits):
                yield _text_table(member, data, layout)
        elif kind == "gzip" or ending == ".gz":
            inner = Path(path.stem).suffix if ending == ".gz" else ending
            yield _text_table(name, unpacked_gzip(path, name, limits), layout, ending=inner)
        else:
            yield _text_table(name, path.read_bytes(), layout)
    except OSError as error:
        raise SourceError(f"the file cannot be read: {error.strerror or error}", file=name) from None


def _text_table(name: str, data: bytes, layout: Layout, ending: str | None = None) -> Tabular:
    refuse_other_kinds(data, name)
    data = to_utf8(data, layout.encoding, file=name)
    if (PurePosixPath(name).suffix if ending is None else ending).lower() in ENDINGS:
        return JsonTable(name, data, layout.header, layout.limits)
    refuse_message(data, name)
    return CsvTable(name, data, layout)


class CsvTable:
    """A file of separated fields in memory. Lines are counted, so that no stray quote can swallow one."""

    def __init__(self, name: str, data: bytes, layout: Layout) -> None:
        self.name = name
        #: 0 where the file has none.
        self.header_line = layout.skip_rows + 1 if not layout.header else layout.skip_rows
        self._given = layout.header
        self._data = data.removeprefix(b"\xef\xbb\xbf")
        if not self._data or self._data.isspace():
            raise empty_file(name)
        self._lines = _Lines.of(self._data)
        layout.limits.assert_rows(name, self._lines.count)
        self.separator = layout.separator or self._separator()
        self._reject_long_line()
        #: The symbol that a header of three lines states (columns, ticker, name of the index), as yfinance writes it.
        self.ticker: str | None = None
        if not layout.header and layout.skip_rows == 0:
            self._take_three_lines()

    @cached_property
    def header(self) -> tuple[str, ...]:
        """Names of the columns, stripped."""
        names = self._given or self.names_on(self.header_line)
        if not names:
            raise SourceError(
                "no header",
                file=self.name,
                line=self.header_line,
                expected="the names of the columns",
                todo="check `skip_rows`",
            )
        return names

    @property
    def has_given_names(self) -> bool:
        """Whether the names of the columns are not those of one line of the file."""
        return bool(self._given)

    def text_on(self, line: int) -> str:
        """Return a line as the file has it."""
        start, end = self._lines.span(line)
        return self._data[start:end].decode("utf-8", "replace").strip(_BLANKS)

    def _take_three_lines(self) -> None:
        """Read a header of three lines: names of columns, the ticker below each, and the name of the dates alone."""
        start, end = self._lines.span(3)
        third = self.names_on(3) if self._lines.count > 3 and end - start < _SHORT else ()
        if len(third) < 5 or not third[0] or any(third[1:]) or third[0].lower() not in ("date", "datetime"):
            return
        names, tickers = self.names_on(1), set(self.names_on(2)[1:])
        if len(tickers) != 1:
            raise SourceError(
                f"columns of {len(tickers)} tickers side by side under a header of three lines",
                file=self.name,
                line=2,
                expected="the bars of one ticker in a file, or a column of symbols",
                todo='with pandas: bars.stack("Ticker", future_stack=True).reset_index().to_csv(...), and '
                "`symbol_from: Ticker`",
            )
        (self.ticker,) = tickers
        self._given, self.header_line = (third[0], *names[1:]), 3

    def names_on(self, line: int) -> tuple[str, ...]:
        """Return fields of a line, stripped; none if the line is blank or beyond the end."""
        start, end = self._lines.span(line)
        try:
            text = self._data[start:end].decode()
        except UnicodeDecodeError:
            raise self._not_utf8() from None
        return tuple(field.strip() for field in self._fields(text.strip(_BLANKS), line))

    def read(self, positions: Sequence[int]) -> pl.DataFrame:
        """Return text columns by position; a line with too few fields is filled with nulls, blank lines are no rows.

        Raises
        ------
        SourceError
            Not UTF-8, more fields than the header has, a field over several lines.
        """
        width = len(self.header)
        try:
            rows = pl.read_csv(
                self._data,
                has_header=False,
                skip_lines=self.header_line,
                separator=self.separator,
                schema={str(position): pl.String for position in range(width)},
                columns=sorted(set(positions)),
            )
        except pl.exceptions.PolarsError as error:
            raise self._malformed(str(error)) from None
        if rows.height != self._lines.count - self.header_line:
            raise self._malformed("rows and lines differ in number")
        rows = rows.with_columns(source_line=pl.int_range(pl.len(), dtype=pl.Int64) + self.header_line + 1)
        blank = self._lines.blank()
        return rows.filter(~pl.col("source_line").is_in(blank)) if blank else rows

    def _fields(self, text: str, line: int) -> list[str]:
        try:
            return next(csv.reader([text], delimiter=self.separator), [])
        except csv.Error as error:  # old line ends (a lone carriage return)
            raise no_line_of_csv(str(error), self.name, line) from None

    def _separator(self) -> str:
        start, end = self._lines.span(max(self.header_line, 1))
        line = self._data[start:end]
        return max(SEPARATORS, key=lambda separator: line.count(separator.encode()))

    def _reject_long_line(self) -> None:
        line, length = self._lines.longest()
        if length <= LONGEST_LINE:
            return
        start, end = self._lines.span(line)
        fields = self._data[start:end].split(self.separator.encode())
        position = max(range(len(fields)), key=lambda index: len(fields[index]))
        header = self.header if line != self.header_line else ()
        raise SourceError(
            f"a line of {length:,} bytes",
            file=self.name,
            line=line,
            column=header[position] if position < len(header) else None,
            expected=f"at most {LONGEST_LINE:,} bytes",
            todo="remove the field, or take the file out of `path`",
        )

    def _malformed(self, cause: str) -> SourceError:
        """Why Polars could not read the rows; slow, as it looks at each line."""
        try:
            text = self._data.decode()
        except UnicodeDecodeError:
            return self._not_utf8()
        width = len(self.header)
        for number, line in enumerate(text.split("\n")[self.header_line :], start=self.header_line + 1):
            if line.count('"') % 2:
                return SourceError(
                    "a quoted field does not end on its line",
                    file=self.name,
                    line=number,
                    expected="one line a bar, quotes in pairs",
                    todo="remove the quote or the line break",
                )
            if len(self._fields(line, number)) > width:
                return SourceError(
                    "more fields than the header has",
                    file=self.name,
                    line=number,
                    column=self.header[-1],
                    expected=f"{width} fields",
                    todo="correct the line; a separator inside a field needs quotes around it",
                )
        return SourceError(f"not a CSV file: {cause.splitlines()[0]}", file=self.name)

    def _not_utf8(self) -> SourceError:
        try:
            self._data.decode()
        except UnicodeDecodeError as error:
            line = self._data.count(b"\n", 0, error.start) + 1
            before = self._data[self._lines.span(line)[0] : error.start]
            position = before.count(self.separator.encode())
            column = None if line <= self.header_line or position >= len(self.header) else self.header[position]
            likely = [f"`encoding: {encoding}`" for encoding in likely_encodings(self._data)]
            found = f"byte 0x{self._data[error.start]:02x}"
            return SourceError(
                f"not UTF-8 text ({found})",
                file=self.name,
                line=line,
                column=column,
                expected="UTF-8",
                todo=f"convert it, or name what it is written in: {' or '.join(likely)}",
            )
        raise AssertionError("called for text that is UTF-8")


@dataclass(frozen=True)
class _Lines:
    """Where the lines of a text start and end (line ends excluded)."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    bare: NDArray[np.bool_]  # the line is empty but for a carriage return

    @classmethod
    def of(cls, data: bytes) -> _Lines:
        buffer = np.frombuffer(data, np.uint8)
        found = [np.flatnonzero(buffer[at : at + _CHUNK] == ord("\n")) + at for at in range(0, len(buffer), _CHUNK)]
        ends = np.concatenate(found).astype(np.int64)
        if not data.endswith(b"\n"):
            ends = np.append(ends, len(data))
        starts = np.concatenate(([0], ends[:-1] + 1))
        lengths = ends - starts
        bare = (lengths == 0) | ((lengths == 1) & (buffer[starts.clip(max=len(buffer) - 1)] == ord("\r")))
        return cls(starts, ends, bare)

    @property
    def count(self) -> int:
        return len(self.starts)

    def span(self, line: int) -> tuple[int, int]:
        if line > self.count:
            return 0, 0
        return int(self.starts[line - 1]), int(self.ends[line - 1])

    def longest(self) -> tuple[int, int]:
        lengths = self.ends - self.starts
        index = int(lengths.argmax())
        return index + 1, int(lengths[index])

    def blank(self) -> list[int]:
        return [int(index) + 1 for index in np.flatnonzero(self.bare)]
