"""Where bars come from: each source hands over the same raw columns, bad values included.

To add a source, describe its keys in `config.sources` (or `config.remote_sources`), write a module here that returns
the raw columns, and name it in `read_bars`. Names that columns have in files of vendors stand in `columns`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

import polars as pl

from trading_assets.config.remote_sources import AnySource, SqlSource
from trading_assets.config.sources import ColumnSettings, FilesSource, SampleSource, SyntheticSource
from trading_assets.market_data.sources import files, remote, sample, sql
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.finished import finished
from trading_assets.market_data.sources.raw import Received, arrange
from trading_assets.market_data.sources.request_limit import RequestLimit
from trading_assets.market_data.sources.synthetic import generate
from trading_assets.market_data.sources.vendors import vendor_of

__all__ = ["Access", "Received", "SourceError", "read", "read_bars"]


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
    now
        The moment of the run, UTC; None: the first of `today`.
    """

    cache: Path
    anchor: dt.date
    today: dt.date
    now: dt.datetime | None = None

    @property
    def moment(self) -> dt.datetime:
        """When the run started, UTC: a session that is not over then has no bar."""
        return dt.datetime.combine(self.today, dt.time()) if self.now is None else self.now


def read(
    source: AnySource, *, start: dt.date, end: dt.date, directory: Path, seed: int, access: Access | None = None
) -> Received:
    """Return bars of one source, as received, and its rows that are no bars.

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
        When the run started, and what a vendor's source needs. Without it, every bar counts as finished.

    Returns
    -------
    Received
        Bars have symbol, asset_class (`equity`, `crypto` or `index`), session (DATE), open, high, low, close, volume,
        adj_close, market_cap, cash_dividend, split_ratio, coverage (Float64), source, source_file, source_line; sorted
        by symbol and session. A
        cell that is no finite number is null and its row stays: the quality rules check it. `source_file` (never an
        absolute path) and `source_line` are null where there is no file. A bar whose session was not over when the run
        started is not there.

    Raises
    ------
    SourceError
        The source cannot be used: which file, line and column, what was expected, what to do.
    MissingSecretError
        The key of the source is not in the environment.
    """
    if isinstance(source, SampleSource):
        return Received(sample.read(start, end))
    if isinstance(source, SyntheticSource):
        frame = generate(source, start, end, seed if source.seed is None else source.seed)
        return Received(arrange(frame, start, end))
    if isinstance(source, FilesSource):
        received = files.read(source, start=start, end=end, directory=directory)
    elif isinstance(source, SqlSource):
        received = sql.read(source, start=start, end=end, directory=directory)
    else:
        if access is None:
            raise TypeError("a vendor's source needs `access`")
        vendor = vendor_of(source, access.anchor, access.today, RequestLimit(source))
        received = Received(remote.read(source, vendor, start=start, end=end, today=access.today, cache=access.cache))
    if access is None:
        return received
    timezone = source.timezone if isinstance(source, ColumnSettings) else "UTC"
    return received._replace(bars=finished(received.bars, source.calendar, timezone, access.moment))


def read_bars(
    source: AnySource, *, start: dt.date, end: dt.date, directory: Path, seed: int, access: Access | None = None
) -> pl.DataFrame:
    """Return the bars of `read`.

    Parameters
    ----------
    source, start, end, directory, seed, access
        As `read` takes them.
    """
    return read(source, start=start, end=end, directory=directory, seed=seed, access=access).bars
