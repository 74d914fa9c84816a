"""What belongs on the trail: rows that a run has left in the tables of the stage, and what is on record of accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from trading_assets.config.canonical import canonical, digest
from trading_assets.protocol import Record
from trading_assets.trading.tables import (
    ENGINE_FILLS,
    EQUITY,
    FILLS,
    HOLDINGS,
    ORDER_SHEETS,
    PENDING_ORDERS,
    SUBMISSION_EVENTS,
    SUBMISSIONS,
)
from trading_assets.warehouse import Rows, Table, Warehouse

#: Action of the records that say where the trail ends; they are no events themselves.
TRAIL = "trail"
#: Kinds of records whose words are events.
_KINDS = ("account", "decision", "rollout")
_WORDS = {"open": "opening", "accept": "acceptance", "close": "closing"}
#: What the subject of a record begins with that is of a strategy, where other things have stages, too.
_OF_STRATEGY = "strategy/"
#: Events of tables whose rows stay as they are: the columns that say which one it is.
_OF_ROWS: Mapping[Table, tuple[str, tuple[str, ...]]] = {
    PENDING_ORDERS: ("decision", ("account", "session", "order_id")),
    SUBMISSIONS: ("", ("client_order_id", "event")),
    FILLS: ("fill", ("account", "broker_fill_id")),
    ENGINE_FILLS: ("booked", ("account", "fill_id")),
    EQUITY: ("close", ("account", "session")),
}
SCHEMA: dict[str, Any] = {
    "event": pl.String,
    "strategy": pl.String,
    "account": pl.String,
    "session": pl.Date,
    "symbol": pl.String,
    "reference": pl.String,
    "detail": pl.String,
}
Known = frozenset[tuple[str, str]]


def events_of_rows(warehouse: Warehouse, strategy: str, known: Known) -> pl.DataFrame:
    """Return the events of rows of a strategy that are not on the trail.

    Parameters
    ----------
    warehouse, strategy
        Where the rows are, and the name of the strategy.
    known
        Event and reference of all entries.

    Returns
    -------
    DataFrame
        Columns of `SCHEMA`, by session, in the order in which things happen, by reference.
    """
    found: list[dict[str, Any]] = []
    with warehouse.held_open() as held:
        for table, (event, key) in _OF_ROWS.items():
            rows = held.read_or_empty(table, rows=Rows("strategy", strategy))
            found += [
                _entry(event or row["event"], "/".join(str(row[name]) for name in key), row)
                for row in _missing(rows, event, key, known).iter_rows(named=True)
            ]
        stops = _moved_stops(held.read_or_empty(HOLDINGS, rows=Rows("strategy", strategy)))
    key = ("account", "session", "trade_id")
    found += [
        _entry("stop", "/".join(str(row[name]) for name in key), row)
        for row in _missing(stops, "stop", key, known).iter_rows(named=True)
    ]
    return _in_order(found)


def events_of_sheet(sheet: pl.DataFrame) -> pl.DataFrame:
    """Return an event for each line of an order sheet, whose reference says what the line is: another is another event.

    Parameters
    ----------
    sheet
        Rows of `trading.order_sheets`.
    """
    rows = sheet.select(list(ORDER_SHEETS.columns)).iter_rows(named=True)
    return _in_order(
        [_entry("order", f"{row['client_order_id']}/{row['session']}/{digest(row)[:12]}", row) for row in rows]
    )


def events_on_record(records: Iterable[Record], configuration: str, known: Known) -> pl.DataFrame:
    """Return what is on record of the accounts of a configuration and not on the trail, in order of the records.

    Parameters
    ----------
    records, configuration
        Records of the protocol, and the name of the configuration.
    known
        Event and reference of all entries.
    """
    found = []
    for record in records:
        if record.kind not in _KINDS or record.configuration != configuration:
            continue
        said = record.payload
        action = str(said.get("action", record.kind))
        if action == TRAIL:
            continue
        parts = said["rows"] if action == "difference" else [said]
        strategy = _strategy_of(record)
        of_all = {} if strategy == record.subject else {"subject": record.subject}
        for number, part in enumerate(parts):
            row = {"strategy": strategy, **of_all, "recorded": record.recorded_at, **part}
            found.append(_entry(_WORDS.get(action, action), f"record {record.row}/{number}", row))
    rows = pl.DataFrame(found, schema=SCHEMA)
    return _new(rows, known)


def _strategy_of(record: Record) -> str | None:
    """The strategy that a record is of; of a model's or a provider's stage none alone, and `subject` says whose."""
    subject = record.subject
    if record.kind != "account" or subject is None or "/" not in subject:
        return subject
    return subject.removeprefix(_OF_STRATEGY) if subject.startswith(_OF_STRATEGY) else None


def new_events(found: Iterable[pl.DataFrame], known: Known) -> pl.DataFrame:
    """Return the events of some frames that are not on the trail, each once, in their order."""
    rows = _new(pl.concat(found), known)
    return rows.unique(["event", "reference"], keep="first", maintain_order=True)


def _new(rows: pl.DataFrame, known: Known) -> pl.DataFrame:
    return rows.filter(
        pl.Series([key not in known for key in rows.select("event", "reference").iter_rows()], dtype=pl.Boolean)
    )


def _missing(rows: pl.DataFrame, event: str, key: tuple[str, ...], known: Known) -> pl.DataFrame:
    """Rows that are not on the trail, told by their keys alone: years of them are passed over quickly."""
    names = rows["event"] if not event else pl.Series([event] * rows.height, dtype=pl.String)
    keys = zip(*(rows[name].cast(pl.String) for name in key), strict=True)
    there = [(name, "/".join(parts)) in known for name, parts in zip(names, keys, strict=False)]
    return rows.filter(~pl.Series(there, dtype=pl.Boolean))


def _moved_stops(holdings: pl.DataFrame) -> pl.DataFrame:
    """Holdings whose stop is another than at the close before; the first of a position that has one."""
    with_stop = holdings.filter(pl.col("stop_price").is_not_null()).sort("account", "trade_id", "session")
    before = pl.col("stop_price").shift(1).over("account", "trade_id")
    return with_stop.with_columns(previous_stop=before).filter(
        pl.col("previous_stop").is_null() | (pl.col("previous_stop") != pl.col("stop_price"))
    )


def _entry(event: str, reference: str, row: Mapping[str, Any]) -> dict[str, Any]:
    session = row.get("session", row.get("for_session"))
    return {
        "event": event,
        "strategy": row.get("strategy"),
        "account": row.get("account"),
        "session": dt.date.fromisoformat(session) if isinstance(session, str) else session,
        "symbol": row.get("symbol"),
        "reference": reference,
        "detail": canonical(dict(row)),
    }


#: What comes before what on one day: the open, then the close, then what is sent for the next open.
_RANKS = (*SUBMISSION_EVENTS, "booked", "fill", "close", "stop", "decision", "order")


def _in_order(rows: list[dict[str, Any]]) -> pl.DataFrame:
    ranks = {event: rank for rank, event in enumerate(_RANKS)}
    rows = sorted(rows, key=lambda row: (str(row["session"]), ranks.get(row["event"], len(ranks)), row["reference"]))
    return pl.DataFrame(rows, schema=SCHEMA)
