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
    """Put trials on record, those left out that the configuration has on record under the same name as they are.

    A trial of the same name with other returns was evaluated on something else then, such as edited features: what is
    evaluated now goes on record, too, and counts in its place.

    Parameters
    ----------
    rows
        Rows of `robustness.trials`, with benchmarks if a sweep evaluated them, see `with_benchmarks`.
    subject
        Strategy that was evaluated.
    source
        Asset that evaluated it.

    Returns
    -------
    Record or None
        None if all of them are on record.
    """
    rows = rows if _BENCHMARK in rows.columns else with_benchmarks(rows)

    def decide(records: Sequence[Record], connection: duckdb.DuckDBPyConnection) -> list[Entry]:
        own = [record for record in records if record.configuration == protocol.configuration]
        known = _known(connection, own, rows["trial"].to_list())
        both = rows.join(known, on=["trial", "strategy"], how="left", suffix="_known", maintain_order="left")
        new = rows.filter(~both.select(stands=_STANDS)["stands"])
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
        Columns of `robustness.trials`, and `benchmark_returns`; None: all of the former.

    Returns
    -------
    DataFrame
        configuration, then the columns of `robustness.trials`; a row for each name that a trial has in a
        configuration, as it was last evaluated, in the order in which they were recorded.
    """
    found = protocol.contents(TRIAL_ROWS, protocol.read())
    found = found.unique(["configuration", "trial", "strategy"], keep="last", maintain_order=True)
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


def with_benchmarks(trials: pl.DataFrame, benchmarks: pl.DataFrame | None = None) -> pl.DataFrame:
    """Add what each trial is measured against: column `benchmark_returns`, null where it is not known.

    Parameters
    ----------
    benchmarks
        Rows of `robustness.trial_benchmarks`; None: of no trial.
    """
    if benchmarks is None:
        return trials.with_columns(pl.lit(None, TRIAL_ROWS.columns[_BENCHMARK].dtype).alias(_BENCHMARK))
    known = benchmarks.select("trial", pl.col("returns").alias(_BENCHMARK))
    return trials.join(known, on="trial", how="left", maintain_order="left")


def own_first(trials: pl.DataFrame, configuration: str, strategy: str) -> pl.DataFrame:
    """Leave out rows of trials that a strategy of a configuration has evaluated itself: what it found counts.

    Parameters
    ----------
    trials
        Rows with configuration, strategy and trial.
    configuration, strategy
        Names of the configuration and of the strategy whose own evaluations count.
    """
    own = (pl.col("configuration") == configuration) & (pl.col("strategy") == strategy)
    evaluated = trials.filter(own)["trial"].to_list()
    return trials.filter(own | ~pl.col("trial").is_in(evaluated))


_BENCHMARK = "benchmark_returns"
#: Whether a row stands on record as it is; a backtest of what was swept says nothing new without a benchmark.
_STANDS = (
    pl.col("is_known").is_not_null()
    & pl.col("returns").eq_missing(pl.col("returns_known"))
    & (pl.col(_BENCHMARK).is_null() | pl.col(_BENCHMARK).eq_missing(pl.col(f"{_BENCHMARK}_known")))
)


def _known(connection: duckdb.DuckDBPyConnection, records: Sequence[Record], trials: Sequence[str]) -> pl.DataFrame:
    """Return trial, strategy and both returns of what records last say of some trials."""
    names = ["trial", "strategy", "returns", _BENCHMARK]
    contents = {
        record.contents[TRIAL_ROWS.name]: place
        for place, record in enumerate(records)
        if TRIAL_ROWS.name in record.contents
    }
    rows = TRIAL_ROWS.empty()
    if contents:
        rows = storage.select(
            connection,
            TRIAL_ROWS,
            where="list_contains(?, content) AND list_contains(?, trial)",
            parameters=[list(contents), list(trials)],
        )
    rows = rows.sort(pl.col("content").replace_strict(contents, return_dtype=pl.Int64), "position")
    return rows.select(names).unique(["trial", "strategy"], keep="last").with_columns(is_known=True)
