"""What a model is held to beside its training: inputs as written, the closed holdout, and what is on record of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.features.tables import DAILY
from trading_assets.market_data.derived_columns import derived_on_record, span_of
from trading_assets.protocol import Protocol
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.opened import opening
from trading_assets.protocol.recording import record_exposures
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.protocol.written_rows import OnRecord, assert_read_as_written, hash_whole, months_on_record
from trading_assets.warehouse import Table, UnitOfWork, Warehouse

#: Name of the stage.
STAGE = "models"


def hash_of_model(table: Table, rows: pl.DataFrame, name: str) -> WrittenRows:
    """Return the hashes of rows, but of their version: that is of all folds, those of later sessions among them.

    Parameters
    ----------
    table, rows
        Table, and its rows of a model or a champion.
    name
        Name of the model or the champion: the part of the table that they are.
    """
    return hash_whole(table, rows, name, [each for each in table.columns if each != "version"])


def assert_inputs_as_written(configuration: Configuration, work: UnitOfWork, features: Sequence[str] | None) -> None:
    """Check the bars and the features that are about to be read.

    Parameters
    ----------
    configuration, work
        Configuration, and a unit of work on its warehouse.
    features
        Columns of `features.daily`; None: all of them.

    Raises
    ------
    EditedRowsError
        They are not those that the product wrote.
    """
    end, made = dt.date.max, span_of(configuration)

    def rows_of(held: Warehouse, on_record: OnRecord) -> Iterator[WrittenRows]:
        yield from derived_on_record(held, on_record, end, made=made)
        yield months_on_record(held, DAILY, on_record, end, features, made=made)

    assert_read_as_written(configuration, work, rows_of)


def opened_by(configuration: Configuration, model: str) -> list[str]:
    """Return the registered strategies that read a model, or a member of which does: its scores reach the holdout.

    With the bars beside them scores tell how a model fares there, as signals do of a strategy. So they end before it
    until there is one.
    """
    return [
        name
        for name in configuration.registration
        if any(
            _reads(configuration, getattr(configuration.strategies[each].parameters, "model", None), model)
            for each in configuration.behind(name)
        )
    ]


def _reads(configuration: Configuration, named: object, model: str) -> bool:
    """Whether who names a model or a champion reads the scores of a model, or those of that champion."""
    return isinstance(named, str) and model in (named, *configuration.candidates_of(named))


def put_on_record(step: Step, name: str, bars: pl.DataFrame, holdout: dt.date, readers: Sequence[str]) -> None:
    """Record what the metrics and scores of a model or a champion let a person see, before they are written.

    Parameters
    ----------
    step, name
        Step that writes them, and the name of the model or the champion.
    bars
        symbol, session, adj_close of the symbols that it scores.
    holdout
        First session of the holdout; the end of time without one.
    readers
        Registered strategies that read it, see `opened_by`: without one only what is before the holdout is seen.
    """
    record_seen(step.configuration, name, bars, holdout, readers, step.now)


def record_seen(
    configuration: Configuration,
    name: str,
    bars: pl.DataFrame,
    holdout: dt.date,
    readers: Sequence[str],
    now: dt.datetime,
) -> None:
    """Do what `put_on_record` does for whoever shows scores and is no step.

    Parameters
    ----------
    configuration
        Configuration with the models.
    name, bars, holdout, readers
        As `put_on_record` takes them.
    now
        Time of the record, UTC.
    """
    seen = bars if readers else bars.filter(pl.col("session") < holdout)
    first, last = seen["session"].min(), seen["session"].max()
    if not isinstance(first, dt.date) or not isinstance(last, dt.date):
        return
    symbols = seen["symbol"].unique().to_list()
    returns = equal_weight_returns([seen], symbols, first, last)
    more = opening(configuration, readers)
    entry = exposure(STAGE, name, first, last, symbols, returns, more)
    record_exposures(Protocol.of(configuration), [entry], now)
