"""Where bars come from: each source hands over the same raw columns, bad values included."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

import polars as pl

from trading_assets.config.remote_sources import AnySource, RemoteSource, SqlSource
from trading_assets.config.sources import FilesSource, SampleSource
from trading_assets.market_data.sources import files, remote, sample, sql
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.raw import arrange
from trading_assets.market_data.sources.vendors import vendor_of
from trading_assets.market_data.synthetic import generate

__all__ = ["Access", "SourceError", "read_bars"]


class Access(NamedTuple):
    """What a source behind a network needs to know.

    Attributes
    ----------
    cache
        Folder of what vendors answered about the past.
    anchor
        First day of the experiment.
    today
        The day of the run, UTC.
    """

    cache: Path
    anchor: dt.date
    today: dt.date


def read_bars(
    source: AnySource, *, start: dt.date, end: dt.date, directory: Path, seed: int, access: Access | None = None
) -> pl.DataFrame:
    """Bars of one source, as received.

    Parameters
    ----------
    source
        A source of the configuration.
    start, end
        First and last session wanted, inclusive.
    directory
        Folder of the configuration file, where relative paths start.
    seed
        The configuration's seed; a synthetic source may have its own.
    access
        For a vendor's source.

    Returns
    -------
    DataFrame
        symbol, asset_class (`equity`, `crypto` or `index`), session (DATE), open, high, low, close, volume,
        adj_close, market_cap, coverage (Float64), source, source_file, source_line; sorted by symbol and session. A
        cell that is no finite number is null and its row stays: the quality rules check it. `source_file` (never an
        absolute path) and `source_line` are null where there is no file.

    Raises
    ------
    SourceError
        The source cannot be used: which file, line and column, what was expected, what to do.
    MissingSecretError
        Its key is not in the environment.
    """
    if isinstance(source, SampleSource):
        return sample.read(start, end)
    if isinstance(source, FilesSource):
        return files.read(source, start=start, end=end, directory=directory)
    if isinstance(source, SqlSource):
        return sql.read(source, start=start, end=end, directory=directory)
    if isinstance(source, RemoteSource):
        if access is None:
            raise TypeError("a vendor's source needs `access`")
        vendor = vendor_of(source, access.anchor, access.today)
        return remote.read(source, vendor, start=start, end=end, today=access.today, cache=access.cache)
    frame = generate(source, start, end, seed if source.seed is None else source.seed)
    return arrange(frame, start, end)
