"""Tables that a configuration names files of, beside its bars: what was on record of them, in a form to compare.

Rates of cash and of borrowing decide what a strategy earned, and not one of its bars. A row of a later day than the
last that was received is no change.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.config.data_files import data_files
from trading_assets.market_data.tables import BORROW_RATES, PUBLICATIONS, RISK_FREE
from trading_assets.warehouse import Table

#: A table whose last row is at most so many days older than the last session, or twice as many as it ever was between
#: two of its rows (a monthly series), goes on, and its next rows are new.
LATE_DAYS = 10
#: Settings of files whose contents a warehouse has as a table with a session.
TABLES: Mapping[str, Table] = {"costs.borrow_rates": BORROW_RATES, "risk_free.file": RISK_FREE}
#: Section of files whose contents are publications of the provider that the key names.
PUBLISHED = "alternative_data."
#: Sections and settings of files whose contents are compared as what follows from them: bars, flags, spells, sectors.
OF_THE_MARKET = ("market_data.", "universe.", "sectors", "quality.overrides")
_EPOCH = dt.date(1970, 1, 1)


def other_files(configuration: Configuration) -> dict[str, str]:
    """Return the files, or globs, that a configuration names beside those of which its market is made, by key."""
    return {key: name for key, name in data_files(configuration).items() if not key.startswith(OF_THE_MARKET)}


def read_table(key: str, read: Callable[..., pl.DataFrame]) -> pl.DataFrame | None:
    """Return what a warehouse has of the files of a setting; None where it has no table of them.

    Parameters
    ----------
    key
        Key of the setting, see `other_files`.
    read
        Reads a table, see `Warehouse.read_or_empty`.
    """
    if key in TABLES:
        return read(TABLES[key])
    if not key.startswith(PUBLISHED):
        return None
    provider = key.removeprefix(PUBLISHED).partition(".")[0]
    rows = read(PUBLICATIONS, where="provider = ?", parameters=[provider])
    # A strategy may look at what was published of symbols that it does not trade: all of it counts.
    return rows.select("session", "published_at", "name", "observed", "value", about="symbol")


def hash_of_files(pattern: str, directory: Path) -> str:
    """Return SHA-256 of the bytes of the files of a glob, whatever they are called."""
    found = sorted(directory.glob(pattern)) if not Path(pattern).is_absolute() else [Path(pattern)]
    return digest([hashlib.sha256(each.read_bytes()).hexdigest() for each in found if each.is_file()])


def hashes_of_other_files(configuration: Configuration) -> dict[str, str]:
    """Return SHA-256 of the files of each setting of `other_files`."""
    return {key: hash_of_files(name, configuration.directory) for key, name in other_files(configuration).items()}


def of_symbols(table: pl.DataFrame, symbols: Sequence[str]) -> pl.DataFrame:
    """Return the rows of some symbols; all of a table that is of none."""
    return table.filter(pl.col("symbol").is_in(list(symbols))) if "symbol" in table.columns else table


def last_in_force(sessions: pl.Series, until: dt.date) -> dt.date:
    """Return the last day whose rates act on what was earned by a session.

    Cash earns, from one evening to the next, what was published before the first of them; a rate of a later day, and
    one that is published late, changes nothing yet.

    Parameters
    ----------
    sessions
        Days with a bar, in any order, `until` or the last one before it among them.
    """
    known = sessions.filter(sessions <= until).unique().sort().tail(2).to_list()
    return (known[0] if known else until) - dt.timedelta(days=1)


def marks_of(table: pl.DataFrame, until: dt.date) -> dict[str, Any]:
    """Return what is on record of a table up to a day: of each day a mark, and a hash of all.

    Parameters
    ----------
    table
        session (null: always in force) and other columns.
    """
    known = table.filter(pl.col("session").is_null() | (pl.col("session") <= until)).sort(table.columns)
    by_day: dict[dt.date | None, list[tuple[Any, ...]]] = {}
    for row in known.select("session", *(name for name in known.columns if name != "session")).iter_rows():
        by_day.setdefault(row[0], []).append(row[1:])
    hashes = {day: digest(repr(rows)) for day, rows in by_day.items()}
    always = hashes.pop(None, None)
    days = [day for day in hashes if day is not None]
    return {
        "hash": digest([always, *([day.isoformat(), hashes[day]] for day in days)]),
        "always": always,
        "days": _text(np.array([(day - _EPOCH).days for day in days]), "<i4"),
        "marks": _text(np.array([int(hashes[day][:4], 16) for day in days]), "<u2"),
    }


def table_changes(key: str, old: Mapping[str, Any], new: Mapping[str, Any], until: dt.date) -> Iterator[str]:
    """Yield in words what differs of a table, both as of one day.

    Parameters
    ----------
    key
        Key of the configuration that names the table, for the words.
    old, new
        What is on record of the table, and what is so now.
    until
        Day that both are of. Rows after the last known one are no change where that is a few days old: they came late.
    """
    if old["hash"] == new["hash"]:
        return
    before, after = _read(old), _read(new)
    last = max(before, default=None)
    known = np.array(sorted(before))
    late = max(LATE_DAYS, 2 * int(np.diff(known).max())) if known.size > 1 else LATE_DAYS
    is_late = last is not None and last >= (until - _EPOCH).days - late
    differing = sorted(day for day in {*before, *after} if before.get(day) != after.get(day))
    counted = [day for day in differing if not (is_late and last is not None and day > last)]
    if counted:
        rows = f"{len(counted)} day{'s' if len(counted) > 1 else ''}"
        yield f"{key}: rows of {rows} changed, first {_EPOCH + dt.timedelta(days=counted[0])}"
    if old["always"] != new["always"]:
        yield f"{key}: rows without a day changed"
    elif not differing:  # a mark is the same by chance
        yield f"{key}: changed"


def _text(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode()


def _read(said: Mapping[str, Any]) -> dict[int, int]:
    """Marks by days since 1970."""
    days, marks = (np.frombuffer(base64.b64decode(said[key]), dtype=kind) for key, kind in _KINDS.items())
    return dict(zip(days.tolist(), marks.tolist(), strict=True))


_KINDS = {"days": "<i4", "marks": "<u2"}
