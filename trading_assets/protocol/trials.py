"""Trials on record: every backtest of the data folder whose result could have been selected, whoever ran it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import duckdb
import polars as pl

from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.records import Entry, Record
from trading_assets.protocol.tables import TRIAL_ROWS
from trading_assets.protocol.trials_table import TRIALS
from trading_assets.warehouse import storage


def record_trials(
    protocol: Protocol, rows: pl.DataFrame, *, subject: str | None, source: str, now: dt.datetime
) -> Record | None:
    """Put trials on record, those left out that the configuration has on record under the same name.

    Parameters
    ----------
    rows
        Rows of `robustness.trials`.
    subject
        Strategy that was evaluated.
    source
        Asset that evaluated it.

    Returns
    -------
    Record or None
        None if all of them are on record.
    """

    def decide(records: Sequence[Record], connection: duckdb.DuckDBPyConnection) -> list[Entry]:
        own = [record for record in records if record.configuration == protocol.configuration]
        new = rows.join(_names(connection, own), on=["trial", "strategy"], how="anti", maintain_order="left")
        payload = {"source": source, "count": new.height}
        return [] if new.is_empty() else [Entry("trials", subject, payload, {TRIAL_ROWS: new})]

    return next(iter(protocol.append_connected(decide, now=now)), None)


def trials_on(
    protocol: Protocol,
    symbols: Sequence[str] | None = None,
    *,
    start: dt.date | None = None,
    end: dt.date | None = None,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return the trials of all configurations and all types, each checked against the chain.

    Parameters
    ----------
    symbols
        Only trials that could trade one of them; older rows that do not say are returned, too. None: all trials.
    start, end
        Only trials whose span has a session between them.
    columns
        Of `robustness.trials`; None: all of them.

    Returns
    -------
    DataFrame
        configuration, then the columns of `robustness.trials`; a row for each name that a trial has in a
        configuration, in the order in which they were recorded.
    """
    found = protocol.contents(TRIAL_ROWS, protocol.read())
    found = found.unique(["configuration", "trial", "strategy"], keep="first", maintain_order=True)
    if symbols is not None:
        wanted = pl.lit(list(symbols), dtype=pl.List(pl.String))
        found = found.filter(
            pl.col("symbols").is_null() | (pl.col("symbols").list.set_intersection(wanted).list.len() > 0)
        )
    if start is not None:
        found = found.filter(pl.col("end") >= start)
    if end is not None:
        found = found.filter(pl.col("start") <= end)
    return found.select("configuration", *(TRIALS.columns if columns is None else columns))


def _names(connection: duckdb.DuckDBPyConnection, records: Sequence[Record]) -> pl.DataFrame:
    """Return trial and strategy of all trials that records name."""
    hashes = [record.contents[TRIAL_ROWS.name] for record in records if TRIAL_ROWS.name in record.contents]
    if not hashes:
        return TRIALS.empty().select("trial", "strategy")
    query = f"SELECT DISTINCT trial, strategy FROM {TRIAL_ROWS.name} WHERE list_contains(?, content)"
    return storage.rows_of(connection, query, [hashes])
