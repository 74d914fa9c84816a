"""Where bars come from: each source hands over the same raw columns, bad values included."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from trading_assets.config.sources import AnySource, FilesSource, SampleSource
from trading_assets.market_data.sources import files, sample
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.raw import arrange

__all__ = ["SourceError", "read_bars"]


def read_bars(source: AnySource, *, start: dt.date, end: dt.date, directory: Path, seed: int) -> pl.DataFrame:
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

    Returns
    -------
    DataFrame
        symbol, asset_class (`equity`, `crypto` or `index`), session (DATE), open, high, low, close, volume,
        adj_close (Float64), source, source_file, source_line; sorted by symbol and session. A cell that is
        no finite number is null and its row stays: the quality rules judge it. `source_file` (never an
        absolute path) and `source_line` are null where there is no file.

    Raises
    ------
    SourceError
        The source cannot be used: which file, line and column, what was expected, what to do.
    """
    if isinstance(source, SampleSource):
        return sample.read(start, end)
    if isinstance(source, FilesSource):
        return files.read(source, start=start, end=end, directory=directory)
    from trading_assets.market_data.synthetic import generate

    frame = generate(source, start, end, seed if source.seed is None else source.seed)
    return arrange(frame, start, end)
