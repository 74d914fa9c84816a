"""Bars from CSV, JSON and Parquet files found by a glob."""

from __future__ import annotations

import datetime as dt
import glob
from collections import Counter
from pathlib import Path

import polars as pl

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources.bars_of_table import TableRows, bars_of_table, received_of
from trading_assets.market_data.sources.errors import EmptyFileError, SourceError, together
from trading_assets.market_data.sources.layouts import settings_of_files
from trading_assets.market_data.sources.raw import PRICES, SCHEMA, Received, arrange
from trading_assets.market_data.sources.size_limits import SizeLimits
from trading_assets.market_data.sources.tabular import Layout, open_tables

__all__ = ["SCHEMA", "find", "read"]

#: Sessions that files share before they can be told to differ.
_FEWEST_SHARED = 3


def read(source: FilesSource, *, start: dt.date, end: dt.date, directory: Path) -> Received:
    """Return the bars of all files of `source` with sessions in [start, end], and the rows that are no bars.

    The rows of a file may come in any order. A row without a readable date has no place: it is an error,
    or, with `bad_dates: skip`, rejected. Any other bad cell is null and its row stays.

    Parameters
    ----------
    source
        Section of the configuration.
    start, end
        First and last session, both inclusive.
    directory
        Folder that relative paths start from.

    Raises
    ------
    SourceError
        No file, or one that cannot be used.
    """
    found = find(source.path, directory)
    groups: list[tuple[FilesSource, list[TableRows]]] = []
    empty: list[EmptyFileError] = []
    for (path, name), settings in zip(found, settings_of_files(source, found), strict=True):
        parts = next((parts for of_group, parts in groups if of_group == settings), None)
        if parts is None:
            parts = []
            groups.append((settings, parts))
        try:
            parts += [
                bars_of_table(table, settings, start, end) for table in open_tables(path, name, _layout(settings))
            ]
        except EmptyFileError as error:
            empty.append(error)
    if empty:
        raise together(empty)
    # Bars of one session may lie in several files of one kind.
    received = [received_of(parts, settings, start, end) for settings, parts in groups]
    for (settings, _), each in zip(groups, received, strict=True):
        if settings.symbol_from in ("filename", "folder"):
            _refuse_one_symbol_for_several(each.bars, settings.symbol_from)
    if len(received) == 1:
        return received[0]
    bars, rejected, spans = (pl.concat(frames) for frames in zip(*received, strict=True))
    return Received(arrange(bars, start, end), rejected, spans)


def _layout(source: FilesSource) -> Layout:
    return Layout(
        skip_rows=source.skip_rows,
        header=tuple(source.header),
        separator=None if source.separator == "auto" else source.separator,
        encoding=source.encoding,
        limits=SizeLimits(source.largest_mib, source.most_rows, source.most_packed),
    )


def _refuse_one_symbol_for_several(bars: pl.DataFrame, symbol_from: str) -> None:
    """Raise if files that give one symbol hold bars of different instruments: they differ wherever they overlap.

    Raises
    ------
    SourceError
        Names the symbol and its files.
    """
    key = ["symbol", "session"]
    is_again = (pl.col("symbol") == pl.col("symbol").shift()) & (pl.col("session") == pl.col("session").shift())
    again = bars.filter(is_again.fill_null(False)).select(key).unique()
    if again.is_empty():
        return
    shared = (
        bars.join(again, on=key, how="semi")
        .group_by(key)
        .agg(pl.col("source_file").unique().sort(), different=pl.struct(PRICES[:4]).n_unique() > 1)
    )
    shared = shared.filter(pl.col("source_file").list.len() > 1)
    by_symbol = shared.group_by("symbol").agg(
        pl.len(), pl.col("different").sum(), pl.col("source_file").explode().unique().sort()
    )
    clashing = by_symbol.filter((pl.col("len") >= _FEWEST_SHARED) & (2 * pl.col("different") > pl.col("len")))
    if clashing.is_empty():
        return
    row = clashing.sort("symbol").row(0, named=True)
    files = row["source_file"]
    other = "folder" if symbol_from == "filename" else "filename"
    raise SourceError(
        f"{len(files)} files give one symbol {row['symbol']!r}, and differ on {row['different']} of the {row['len']} "
        "sessions that they share",
        file=", ".join(files[:5]) + (", ..." if len(files) > 5 else ""),
        expected="files of one instrument under one symbol",
        todo=f"take the symbol from elsewhere: `symbol_from: {other}`, the name of a column, or `symbol_pattern`",
    )


def find(pattern: str, directory: Path) -> list[tuple[Path, str]]:
    """Find the files of a glob, with the names to record: as the glob writes them, without an absolute one's start."""
    absolute = Path(pattern).is_absolute()
    root = Path(pattern).parent if absolute else directory
    while absolute and glob.has_magic(str(root)):
        root = root.parent
    relative = str(Path(pattern).relative_to(root)) if absolute else pattern
    names = sorted(glob.glob(relative, root_dir=root, recursive=True))  # noqa: PTH207 - names as the pattern writes them
    found = [(root / name, Path(name).as_posix()) for name in names if (root / name).is_file()]
    if not found and (directory / pattern).is_dir():
        kinds = Counter(each.suffix for each in sorted((directory / pattern).iterdir()) if each.is_file())
        most = kinds.most_common(1)[0][0] if kinds else ".csv"
        raise SourceError(
            f"{pattern!r} is a folder",
            expected="a glob of the files in it",
            todo=f'write `path: "{pattern.rstrip("/")}/*{most}"`, or with `**/*{most}` those of folders in it, too',
        )
    if not found:
        raise SourceError(
            f"no file matches {pattern!r}",
            expected=f"CSV, JSON or Parquet files under {root}",
            todo="correct `path`; a relative one starts at the folder of the configuration file",
        )
    return found
