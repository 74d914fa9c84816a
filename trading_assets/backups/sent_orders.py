"""What was sent to brokers, and what they told, after a copy was made: a restore must not forget it.

Some brokers forget what they took, so `trading.submissions` and `trading.fills` say what is not to be sent again. What
is newer than the copy is taken from the tables that are there, if they can be read, and from the files of the trail,
whose entries have each row whole. What neither has, nobody can tell: trading is halted until somebody has looked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

from trading_assets.protocol import Record
from trading_assets.trading.audit_trail.monthly_files import months_on, read_month
from trading_assets.trading.audit_trail.tables import AUDIT_TRAIL
from trading_assets.trading.tables import FILLS, SUBMISSION_EVENTS, SUBMISSIONS
from trading_assets.warehouse import MissingTableError, Table, Warehouse, WarehouseError, storage
from trading_assets.warehouse.commit_mark import assert_nothing_lost
from trading_assets.warehouse.instance import attached

_EVENTS = {**dict.fromkeys(SUBMISSION_EVENTS, SUBMISSIONS), "fill": FILLS}


def has_account(records: Sequence[Record], configuration: str) -> bool:
    """Return whether an account of a configuration was ever opened: orders may have been sent.

    Parameters
    ----------
    records, configuration
        Records of the protocol, and the name of the configuration.
    """
    return any(
        each.kind == "account" and each.configuration == configuration and each.payload["action"] == "open"
        for each in records
    )


def enter_again(database: Path, built: Path, trail: Path, records: Sequence[Record], configuration: str) -> str | None:
    """Put what was sent and told after a copy into the tables that are restored; return why it may not be all.

    Parameters
    ----------
    database
        Warehouse that is there, whose lock is held; it may be damaged or missing.
    built
        Warehouse of the copy, beside its place.
    trail
        Folder of the trail's files, those of the copy and those that are newer.
    records, configuration
        Records of the protocol that goes on, and the name of the configuration.
    """
    doubt, found = None, _rows_on_trail(trail, records, configuration)
    try:
        found += _rows_there(database)
    except (WarehouseError, duckdb.Error, OSError, pl.exceptions.PolarsError) as error:
        doubt = f"the warehouse cannot be read ({str(error).splitlines()[0]})"
    for table, rows in found:
        if rows.height:
            Warehouse(built).append_new(table, rows)
    return doubt if has_account(records, configuration) else None


def _rows_there(database: Path) -> list[tuple[Table, pl.DataFrame]]:
    found = []
    with attached(database, write=False) as connection:
        assert_nothing_lost(connection, database)
        for table in (SUBMISSIONS, FILLS):
            try:
                found.append((table, table.conform(storage.select(connection, table))))
            except MissingTableError:
                continue
    return found


def _rows_on_trail(trail: Path, records: Sequence[Record], configuration: str) -> list[tuple[Table, pl.DataFrame]]:
    found: dict[str, list[dict[str, object]]] = {SUBMISSIONS.name: [], FILLS.name: []}
    months = []
    for month in months_on(records, configuration):
        try:
            months.append(read_month(trail, month))
        except WarehouseError:  # `verify` names it
            break
        entries = months[-1]
        for event, detail in entries.filter(pl.col("event").is_in(list(_EVENTS))).select("event", "detail").iter_rows():
            found[_EVENTS[event].name].append(json.loads(detail))
    rows = [(table, _typed(table, found[table.name])) for table in (SUBMISSIONS, FILLS) if found[table.name]]
    return [*rows, *((AUDIT_TRAIL, entries) for entries in months)]


def _typed(table: Table, said: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Rows of a table from the JSON of their entries; dates are ISO texts there."""
    columns = []
    for name, kind in table.empty().schema.items():
        values = pl.Series(name, [row.get(name) for row in said], strict=False)
        if kind == pl.Date:
            values = values.cast(pl.String).str.to_date()
        elif kind == pl.Datetime:
            values = values.cast(pl.String).str.to_datetime(time_unit="us")
        columns.append(values.cast(kind))
    return table.conform(pl.DataFrame(columns))
