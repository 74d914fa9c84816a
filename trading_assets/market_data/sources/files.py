"""Bars from CSV, JSON and Parquet files found by a glob."""

from __future__ import annotations

import datetime as dt
import glob
from pathlib import Path

import polars as pl

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources.bars_of_table import bars_of_table, with_sessions
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.layouts import settings_of_files
from trading_assets.market_data.sources.raw import SCHEMA, arrange
from trading_assets.market_data.sources.tabular import Layout, open_tables

__all__ = ["SCHEMA", "find", "read"]


def read(source: FilesSource, *, start: dt.date, end: dt.date, directory: Path) -> pl.DataFrame:
    """Bars of all the files of `source` with sessions in [start, end], in the raw columns.

    The rows of a file may come in any order. A row without a readable date has no place: it is an error,
    or, with `bad_dates: skip`, left out and counted in a warning. Any other bad cell is null and its row stays.

    Raises
    ------
    SourceError
        No file, or one that cannot be used.
    """
    found = find(source.path, directory)
    groups: list[tuple[FilesSource, list[pl.DataFrame]]] = []
    for (path, name), settings in zip(found, settings_of_files(source, found), strict=True):
        frames = [bars_of_table(table, settings, start, end) for table in open_tables(path, name, _layout(settings))]
        known = next((group for of_group, group in groups if of_group == settings), None)
        if known is None:
            groups.append((settings, frames))
        else:
            known += frames
    # Bars of one session may lie in several files.
    sessions = [with_sessions(pl.concat(frames), settings) for settings, frames in groups]
    return arrange(pl.concat(sessions, how="diagonal"), start, end)


def _layout(source: FilesSource) -> Layout:
    return Layout(
        skip_rows=source.skip_rows,
        header=tuple(source.header),
        separator=None if source.separator == "auto" else source.separator,
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
    if not found:
        raise SourceError(
            f"no file matches {pattern!r}",
            expected=f"CSV, JSON or Parquet files under {root}",
            todo="correct `path`; a relative one starts at the folder of the configuration file",
        )
    return found
