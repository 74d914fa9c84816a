"""The first rows of a file, before anything is known about it."""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO

import polars as pl

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import hdf5_table, json_table
from trading_assets.market_data.sources.encodings import to_utf8
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.file_kinds import START, kind_of
from trading_assets.market_data.sources.packed_files import is_table_member
from trading_assets.market_data.sources.size_limits import SizeLimits
from trading_assets.market_data.sources.tabular import SEPARATORS

_BYTES = 1 << 16
_ROWS = 400
_LINES = 1000
_UTF8 = ("utf-8", "utf8", "utf-8-sig")
_UNREADABLE = (
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError,
    zlib.error, zipfile.BadZipFile, SourceError, pl.exceptions.PolarsError,
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """The head of a file.

    Attributes
    ----------
    name
        Path as written to `source_file`, with the member for a zip.
    lines
        First lines of a text; empty for a file that is none.
    names, cells
        For a file that is no text: names of the columns (none for JSON arrays) and rows of text.
    """

    name: str
    lines: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()
    _firsts: dict[tuple[int, str], tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    _rows: dict[tuple[int, str], list[tuple[str, ...]]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_text(self) -> bool:
        """Whether the file has lines."""
        return bool(self.lines)

    def first_row(self, skip_rows: int, separator: str) -> tuple[str, ...]:
        """Return the first of `rows`, without parsing the others; empty if there is none."""
        if not self.is_text:
            return self.names or (self.cells[0] if self.cells else ())
        key = (skip_rows, separator)
        if key not in self._firsts:
            line = next((line for line in self.lines[skip_rows:] if line.strip()), "")
            self._firsts[key] = next(iter(_parsed([line], separator)), ())
        return self._firsts[key]

    def rows(self, skip_rows: int, separator: str) -> Sequence[tuple[str, ...]]:
        """Return fields of the lines after the first `skip_rows`, stripped; `separator` may be `auto`.

        The rows of a file that is no text follow its names, if it has any.
        """
        if not self.is_text:
            return [self.names, *self.cells] if self.names else self.cells
        key = (skip_rows, separator)
        if key not in self._rows:
            self._rows[key] = _parsed([line for line in self.lines[skip_rows:] if line.strip()], separator)
        return self._rows[key]


class SampleTable:
    """Names and rows of a sample as a layout parts them; a row that is too short has empty cells.

    Most layouts are ruled out by the names alone, so rows are parted only when they are asked for.
    """

    def __init__(self, sample: Sample, settings: FilesSource, names: tuple[str, ...], *, has_header: bool) -> None:
        self.names, self.has_header = names, has_header
        self._sample, self._settings = sample, settings
        self._lowered = [name.lower() for name in names]

    @cached_property
    def rows(self) -> Sequence[tuple[str, ...]]:
        """Rows below the names."""
        rows = self._sample.rows(self._settings.skip_rows, self._settings.separator)
        return rows[1:] if self.has_header else rows

    def column(self, name: str) -> pl.Series:
        """Return cells of a column, null where empty; all null if there is none of this name."""
        at = self._lowered.index(name.lower()) if self.has(name) else len(self.names)
        return pl.Series(name, [row[at] or None if at < len(row) else None for row in self.rows], dtype=pl.String)

    def cells(self, name: str) -> list[str]:
        """Return what is written in a column."""
        return self.column(name).drop_nulls().to_list()

    def has(self, name: str) -> bool:
        """Return whether there is a column of this name, however it is written."""
        return name.lower() in self._lowered


def parted(sample: Sample, settings: FilesSource) -> SampleTable | None:
    """Return names and rows of a sample as settings part them; None where the names are not those of its columns."""
    first = sample.first_row(settings.skip_rows, settings.separator)
    if not first:
        return None
    given = tuple(settings.header)
    if not given or {name.lower() for name in given} <= {cell.lower() for cell in first}:
        return SampleTable(sample, settings, first, has_header=True)
    return SampleTable(sample, settings, given, has_header=False) if len(first) == len(given) else None


def _parsed(lines: list[str], separator: str) -> list[tuple[str, ...]]:
    if separator == "auto":
        separator = max(SEPARATORS, key=lines[0].count) if lines else ","
    try:
        return [tuple(cell.strip() for cell in row) for row in csv.reader(lines, delimiter=separator)]
    except csv.Error:
        return []


def sample_of(path: Path, name: str, encoding: str = "utf-8") -> Sample:
    """Read the head of a file; one that cannot be read has an empty sample, and opening it will say why.

    Parameters
    ----------
    path
        Where to read.
    name
        How to name it.
    encoding
        Encoding of a file of text.
    """
    try:
        return _sample(path, name, encoding)
    except _UNREADABLE:
        return Sample(name)


def _sample(path: Path, name: str, encoding: str) -> Sample:
    with path.open("rb") as stream:
        kind = kind_of(stream.read(START))
    ending = path.suffix.lower()
    if kind == "parquet" or ending in (".parquet", ".pq"):
        return _of_table(name, pl.scan_parquet(path, glob=False, hive_partitioning=False).head(_ROWS).collect())
    if kind == "arrow":
        return _of_table(name, pl.scan_ipc(path).head(_ROWS).collect())
    if kind == "hdf5" or ending in hdf5_table.ENDINGS:
        table = next(iter(hdf5_table.open_hdf5(path, name, SizeLimits())))
        return _of_table(table.name, table.rows.head(_ROWS))
    if kind == "zip" or ending == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = sorted(filter(is_table_member, archive.namelist()))
            if not members:
                return Sample(name)
            with archive.open(members[0]) as stream:
                return _of_stream(stream, f"{name}/{members[0]}", members[0], encoding)
    if kind == "gzip" or ending == ".gz":
        with gzip.open(path) as unpacked:
            return _of_stream(unpacked, name, path.stem if ending == ".gz" else path.name, encoding)
    with path.open("rb") as stream:
        return _of_stream(stream, name, path.name, encoding)


def _of_stream(stream: IO[bytes] | gzip.GzipFile, name: str, file: str, encoding: str) -> Sample:
    if PurePosixPath(file).suffix.lower() in json_table.ENDINGS:
        names, cells = json_table.first_rows(name, to_utf8(stream.read(), encoding, file=name), _ROWS)
        return Sample(name, names=names, cells=cells)
    data = stream.read(_BYTES)
    text = data.decode("utf-8-sig" if encoding.lower() in _UTF8 else encoding, errors="replace")
    lines = text.removeprefix("\ufeff").splitlines()
    if len(data) == _BYTES:
        lines = lines[:-1]  # the last one is cut
    return Sample(name, lines=tuple(lines[:_LINES]))


def _of_table(name: str, rows: pl.DataFrame) -> Sample:
    texts = rows.select(pl.all().cast(pl.String, strict=False).fill_null(""))
    return Sample(name, names=tuple(rows.columns), cells=tuple(texts.rows()))
