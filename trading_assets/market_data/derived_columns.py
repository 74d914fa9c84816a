"""Columns of the stage that follow from what was received, on record as they are written: see `protocol.written_rows`.

What was received itself is part of a registration.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from trading_assets.config import Configuration
from trading_assets.market_data.tables import BARS, BORROW_RATES, INSTRUMENTS, RISK_FREE, SESSIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.protocol.written_rows import (
    EditedRowsError,
    OnRecord,
    assert_read_as_written,
    hash_by_month,
    hash_whole,
    months_on_record,
    record_written,
)
from trading_assets.warehouse import UnitOfWork, Warehouse

ASSET = "market_data/bars"
OF_BARS = ("forward_factor", "adj_open", "adj_high", "adj_low", "adj_close", "dollar_volume")
#: What later months continue from.
FACTOR = ("forward_factor",)
OF_INSTRUMENTS = ("asset_class", "calendar", "first_session", "last_session", "in_universe", "synthetic")
#: Rates, whether a file is named for them or not: rows that nobody delivered are an edit.
RATES = (RISK_FREE, BORROW_RATES)


def record_derived(protocol: Protocol, work: UnitOfWork, first: dt.date, last: dt.date, now: dt.datetime) -> None:
    """Put on record what a step has written, by whole months.

    Parameters
    ----------
    work
        Reads and writes of the step, which has written bars, sessions, instruments and rates.
    first, last
        The first day of a month, and a day of the last month.
    """
    rows = [
        hash_by_month(BARS, work.written[BARS], first, last, OF_BARS),
        hash_whole(SESSIONS, work.written[SESSIONS]),
        hash_whole(INSTRUMENTS, work.written[INSTRUMENTS], columns=OF_INSTRUMENTS),
        *(hash_whole(table, work.written[table]) for table in RATES),
    ]
    record_written(protocol, ASSET, rows, now)


def span_of(configuration: Configuration) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of what a configuration makes."""
    return configuration.start, configuration.as_of or dt.date.max


def derived_on_record(
    warehouse: Warehouse,
    on_record: OnRecord,
    end: dt.date,
    *,
    made: tuple[dt.date, dt.date],
) -> Iterator[WrittenRows]:
    """Yield hashes of the same columns as they are now, up to the month of a day.

    Parameters
    ----------
    warehouse, on_record
        Where the rows are, and what is on record of how they were written.
    end
        Months up to that of this day are compared.
    made
        First and last day of what the configuration makes, as `months_on_record` takes them.
    """
    yield months_on_record(warehouse, BARS, on_record, end, OF_BARS, made=made)
    yield hash_whole(SESSIONS, warehouse.read_or_empty(SESSIONS))
    yield hash_whole(INSTRUMENTS, warehouse.read_or_empty(INSTRUMENTS), columns=OF_INSTRUMENTS)
    for table in RATES:
        yield hash_whole(table, warehouse.read_or_empty(table))


def assert_derived_as_written(configuration: Configuration, work: UnitOfWork, end: dt.date) -> None:
    """Check the columns up to the month of a day, before a step reads them.

    Parameters
    ----------
    configuration, work
        Configuration of the step, and its reads.
    end
        Months up to that of this day are compared.

    Raises
    ------
    EditedRowsError
        They are not those that the product wrote.
    """
    made = span_of(configuration)
    assert_read_as_written(
        configuration, work, lambda held, on_record: derived_on_record(held, on_record, end, made=made)
    )


def factors_are_as_written(configuration: Configuration, work: UnitOfWork, before: dt.date) -> bool:
    """Return whether the factors of bars before the first day of a month are those that were written.

    Parameters
    ----------
    configuration, work
        Configuration of the step, and its reads.
    before
        First day of a month; bars before it are compared.
    """
    end, made = before - dt.timedelta(days=1), span_of(configuration)

    def rows_of(held: Warehouse, on_record: OnRecord) -> Iterator[WrittenRows]:
        yield months_on_record(held, BARS, on_record, end, FACTOR, made=made)

    try:
        assert_read_as_written(configuration, work, rows_of)
    except EditedRowsError:
        return False
    return True
