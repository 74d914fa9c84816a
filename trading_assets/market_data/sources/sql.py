"""Bars from a query in PostgreSQL or SQLite."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from trading_assets.config.redaction import hidden, secrets_of
from trading_assets.config.remote_sources import SqlSource
from trading_assets.market_data.sources.bars_of_table import bars_of_table, received_of
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.raw import Received
from trading_assets.market_data.sources.request_limit import TransientError, within


class QueryTable:
    """Rows that a query returned; a row counts as a line."""

    name = "the query"
    header_line = 1

    def __init__(self, rows: pl.DataFrame) -> None:
        # PostgreSQL's NUMERIC arrives as text of a type of its own.
        own = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.BaseExtension)]
        self._rows = rows.with_columns(pl.col(name).ext.storage() for name in own)
        self.header = tuple(rows.columns)

    def read(self, positions: Sequence[int]) -> pl.DataFrame:
        """Return typed columns by position, and the number of the row."""
        columns = {str(position): self._rows[:, position] for position in sorted(set(positions))}
        return pl.DataFrame(columns).with_columns(source_line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))


def read(source: SqlSource, *, start: dt.date, end: dt.date, directory: Path) -> Received:
    """Return the bars of the query with sessions in [start, end], in the raw columns.

    `{start}` and `{end}` in the query stand for the two dates, quoted, so that the database need not send the rest.

    Parameters
    ----------
    source
        Section of the configuration.
    start, end
        First and last session, both inclusive.
    directory
        Folder that a relative path starts from.

    Raises
    ------
    SourceError
        The database cannot be reached, or the query or its columns are wrong; no word of where the database is.
    MissingSecretError
        There is neither a file nor an address in the environment.
    """
    if source.path:
        file = directory / source.path
        if not file.is_file():
            raise SourceError("no such database", file=source.path, expected=f"an SQLite file in {directory}")
        uri = f"sqlite:///{file}"
    else:
        uri = source.uri().get_secret_value()
    query = source.query.replace("{start}", f"'{start}'").replace("{end}", f"'{end}'")
    try:
        rows = within(source.timeout_seconds, lambda: pl.read_database_uri(query, uri, engine="adbc"))
    except TransientError as error:
        raise SourceError(
            f"the query was given up: {error}",
            file=source.path or None,
            expected="an answer within `timeout_seconds`",
            todo="raise the key, or ask for less: {start} and {end} in the query stand for the dates that are read",
        ) from None
    except ModuleNotFoundError as error:
        raise SourceError(f"{error.name} is not installed", todo="pip install 'trading-assets[sql]'") from None
    except Exception as error:  # the drivers share no base class
        message = hidden(str(error), (uri, *secrets_of(source))).strip().splitlines()
        raise SourceError(
            f"the query failed: {message[0] if message else type(error).__name__}",
            file=source.path or None,
            expected="a SELECT that the database runs",
            todo="run it by hand, and check the address of the database",
        ) from None
    received = received_of([bars_of_table(QueryTable(rows), source, start, end)], source, start, end)
    return received._replace(bars=received.bars.with_columns(source_file=pl.lit(source.path or None, pl.String)))
