"""What was received of a strategy's market by the time that it was registered, in a form that can be compared later.

A registration says what a person decided. Somebody who may change the data afterwards decides again: which symbols are
traded, when they belong to a universe, what their bars are. So a registration carries what was there, symbol by
symbol, and what differs later is named in words. What comes after it is no change: bars of later sessions, spells and
delistings that begin or end there, symbols that are listed there.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config import Configuration
from trading_assets.config.canonical import canonical
from trading_assets.config.stated import stated
from trading_assets.strategies.evaluation.received_tables import (
    LATE_DAYS,
    last_in_force,
    marks_of,
    of_symbols,
    table_changes,
)

#: Values of a bar as it was received; what follows from them, such as adjusted prices, is of the product.
_VALUES = ("open", "high", "low", "close", "volume", "split_ratio", "cash_dividend")
#: Columns of `market_data.bars` that are compared.
BAR_COLUMNS = ("symbol", "session", *_VALUES, "flags")
#: Settings of a source that say where it is. What it delivers from there is compared itself.
_PLACES = frozenset({"path", "actions", "symbology", "delistings", "memberships"})
#: Names that are written out.
_SHOWN = 3
_EPOCH = dt.date(1970, 1, 1)
_SCHEMA = pl.Schema({"symbol": pl.String(), "said": pl.String(), "quality": pl.String()})
#: Symbol of the row that says what is configured, and the keys of other tables and files in it.
SETTINGS = ""
_TABLES, _FILES = "tables", "files"


@dataclass(frozen=True)
class Market:
    """Tables of the stage `market_data`, as far as a strategy needs them; rows of other symbols do no harm.

    Attributes
    ----------
    tables
        Tables by the key of their files: those of which nothing else follows, see `received_tables`.
    files
        Hashes of files that are in no table, by key.
    """

    bars: pl.DataFrame
    quarantine: pl.DataFrame
    memberships: pl.DataFrame
    instruments: pl.DataFrame
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def settings_of(configuration: Configuration) -> dict[str, Any]:
    """Return what is configured of a market: start, sources without where they are, and universes."""
    sources = [
        {key: value for key, value in stated(source).items() if key not in _PLACES}
        for source in configuration.market_data
    ]
    universe = {
        name: each if isinstance(each, str | list) else stated(each) for name, each in configuration.universe.items()
    }
    return {"start": configuration.start, "market_data": sources, "universe": universe}


def last_received(market: Market, symbols: Iterable[str], end: dt.date) -> dt.date | None:
    """Return the last session of symbols up to `end`; None without one.

    Parameters
    ----------
    market, symbols
        What was received, and the symbols that are asked about.
    end
        Last session that counts.
    """
    own = market.bars.filter(pl.col("symbol").is_in(sorted(set(symbols))), pl.col("session") <= end)
    last = own["session"].max()
    return last if isinstance(last, dt.date) else None


def received(
    market: Market, traded: Sequence[str], behind: Sequence[str], until: dt.date | None, settings: Mapping[str, Any]
) -> pl.DataFrame:
    """Return what is on record of a market up to a session.

    Parameters
    ----------
    traded, behind
        Symbols of the strategy, and others that bear on what it does.
    until
        The last session that counts; None: nothing was received.
    settings
        See `settings_of`.

    Returns
    -------
    DataFrame
        symbol (empty: the settings), said and quality (JSON); ascending by symbol. Of symbols with a bar by then.
    """
    beside: dict[str, Any] = {}
    if until is not None and (market.tables or market.files):
        in_force = last_in_force(market.bars.filter(pl.col("symbol").is_in(list(traded)))["session"], until)
        tables = {key: marks_of(of_symbols(table, traded), in_force) for key, table in market.tables.items()}
        beside = {_TABLES: tables, _FILES: dict(market.files)}
    rows: list[tuple[str, str, str | None]] = [(SETTINGS, canonical({**settings, **beside}), None)]
    if until is not None:
        known = pl.col("symbol").is_in(sorted({*traded, *behind})), pl.col("session") <= until
        bars = market.bars.filter(*known).sort("symbol", "session")
        refused = market.quarantine.filter(*known).sort("symbol", "session", "occurrence")
        quality = _quality(bars, refused)
        listed = {row["symbol"]: row for row in market.instruments.iter_rows(named=True)}
        spells = _spells(market.memberships, until)
        own = set(traded)
        for (name,), part in bars.partition_by("symbol", as_dict=True, maintain_order=True).items():
            symbol = str(name)
            said = {
                "traded": symbol in own,
                "memberships": spells.get(symbol, []),
                **_reference(listed.get(symbol, {}), until),
                "bars": _marks(part),
            }
            rows.append((symbol, canonical(said), quality.get(symbol)))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("symbol")


def changes(old: pl.DataFrame, new: pl.DataFrame, until: dt.date | None, holdout: dt.date) -> list[str]:
    """Return in words what differs of two states of a market, both up to the same session; empty for nothing.

    Parameters
    ----------
    old, new
        See `received`.
    holdout
        First session of the holdout.
    """
    before, after = (dict(frame.select("symbol", "said").iter_rows()) for frame in (old, new))
    configured, today = json.loads(before.pop(SETTINGS)), json.loads(after.pop(SETTINGS))
    tables, tables_today = (each.pop(_TABLES, {}) for each in (configured, today))
    files, files_today = (each.pop(_FILES, {}) for each in (configured, today))
    found = list(_of_settings(configured, today))
    if until is not None:  # a file that is named now and was not is a change of the plan
        for key in sorted({*tables} & {*tables_today}):
            found += table_changes(key, tables[key], tables_today[key], until)
    found += [f"{key}: changed" for key in sorted({*files} & {*files_today}) if files[key] != files_today[key]]
    said, now = ({name: json.loads(text) for name, text in each.items()} for each in (before, after))
    for label, traded in (("universe", True), ("symbols behind it", False)):
        one, two = ({name for name, each in side.items() if each["traded"] == traded} for side in (said, now))
        found += _named(label, "removed", one - two) + _named(label, "added", two - one)
    both = sorted({*said} & {*now})
    spikes = {name: _sessions(text, "spike") for name, text in new.select("symbol", "quality").iter_rows()}
    for label in ("memberships", "sector", "exchange", "delisting"):
        found += _named(label, "changed", {name for name in both if said[name][label] != now[name][label]})
    pairs = {name: (said[name]["bars"], now[name]["bars"], spikes[name]) for name in both}
    return found + list(_of_bars(pairs, until, holdout))


def quality_changes(old: pl.DataFrame, new: pl.DataFrame, until: dt.date | None) -> list[str]:
    """Return in words whether flags or quarantined bars differ, as a reviewed override or another version makes them.

    Those of the last days may: what a bar was is known when the next one arrives.

    Parameters
    ----------
    old, new
        What is on record of a market, and what is so now: symbol, quality.
    until
        Last session that is compared, less `LATE_DAYS`; None: nothing was received.
    """
    if until is None:
        return []
    settled = until - dt.timedelta(days=LATE_DAYS)
    both = old.join(new, on="symbol", suffix="_new").select("symbol", "quality", "quality_new")
    differing = {
        symbol
        for symbol, one, two in both.iter_rows()
        if one != two and _sessions(one, until=settled) != _sessions(two, until=settled)
    }
    return _named("flags or quarantine", "changed", differing)


def _sessions(quality: str | None, reason: str | None = None, until: dt.date = dt.date.max) -> set[str]:
    """Sessions with flags or reasons, each with all of them; with `reason`: sessions that have it, alone."""
    rows = json.loads(quality) if quality else []
    if reason is not None:
        return {session for session, why in rows if reason in why}
    return {canonical(row) for row in rows if row[0] <= until.isoformat()}


def _named(label: str, what: str, names: set[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(sorted(names)[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")
    return [f"{label}: {len(names)} symbol{'s' if len(names) > 1 else ''} {what}: {shown}"]


def _of_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*old, *new}):
        before, after = (json.dumps(each.get(key), sort_keys=True) for each in (old, new))
        if before != after:
            shown = " -> ".join(each if len(each) <= 60 else f"{each[:56]} ..." for each in (before, after))
            yield f"{key}: {shown}"


def _of_bars(
    pairs: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], set[str]]], until: dt.date | None, holdout: dt.date
) -> Iterator[str]:
    """What differs of bars, before the holdout and in it: how many, and the first of them.

    A symbol whose newest bar was late then may have later ones by now, and that bar may have turned out to be a spike.
    """
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    start, end = _number(holdout), None if until is None else _number(until)
    for symbol, (old, new, spikes) in sorted(pairs.items()):
        if old == new:
            continue
        (days, marks), (days_new, marks_new) = _read(old), _read(new)
        common, at, at_new = np.intersect1d(days, days_new, assume_unique=True, return_indices=True)
        is_late = end is not None and days.size > 0 and days[-1] >= end - LATE_DAYS
        added, removed = np.setdiff1d(days_new, days), np.setdiff1d(days, days_new)
        is_same_length = not added.size and not removed.size
        if is_late:
            added = added[added < days[-1]]
            removed = removed[[day != days[-1] or _day(day).isoformat() not in spikes for day in removed]]
        differing = {"changed": common[marks[at] != marks_new[at_new]], "removed": removed, "added": added}
        if is_same_length and not differing["changed"].size:
            differing["changed"] = common[-1:]  # one of them is, and its mark is the same by chance
        for what, each in differing.items():
            for day in each:
                place = "bars before the holdout" if day < start else "bars of the holdout"
                found.setdefault((place, what), []).append((int(day), symbol))
    for place, what in sorted(found):
        day, symbol = min(found[place, what])
        number = len(found[place, what])
        yield f"{place}: {number} {what}, first {symbol} {_day(day)}"


def _marks(bars: pl.DataFrame) -> dict[str, Any]:
    """Bars of one symbol in short: a hash of all values, and of each bar its day and a mark to know it by."""
    values = np.column_stack([bars[name].to_numpy().astype("<f8") for name in _VALUES]) + 0.0  # no negative zero
    days = bars["session"].to_physical().to_numpy().astype("<i8")
    digest = hashlib.sha256(days.tobytes() + np.ascontiguousarray(values).tobytes()).hexdigest()
    gaps = np.minimum(np.diff(days, prepend=days[0]), 2**16 - 1)
    return {"hash": digest, "first": int(days[0]), "gaps": _text(gaps), "marks": _text(_mixed(values))}


def _mixed(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """16 bits of each row, by the finaliser of SplitMix64 (Steele, Lea and Flood 2014) over its columns."""
    mixed = np.full(values.shape[0], 0x9E3779B97F4A7C15, dtype=np.uint64)
    for column in np.ascontiguousarray(values.T).view(np.uint64):
        mixed ^= column
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return mixed >> np.uint64(48)


def _text(values: NDArray[Any]) -> str:
    return base64.b64encode(values.astype("<u2").tobytes()).decode()


def _read(said: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Days since 1970 and marks of the bars of one symbol."""
    gaps, marks = (
        np.frombuffer(base64.b64decode(said[key]), dtype="<u2").astype(np.int64) for key in ("gaps", "marks")
    )
    return said["first"] + np.cumsum(gaps), marks


def _quality(bars: pl.DataFrame, refused: pl.DataFrame) -> dict[str, str]:
    """Flags and reasons of the bars that have any, by symbol."""
    marked = bars.filter(pl.col("flags").list.len() > 0).select("symbol", "session", why=pl.col("flags"))
    rows = pl.concat([marked, refused.select("symbol", "session", why=pl.col("reasons"))])
    found: dict[str, list[list[Any]]] = {}
    for symbol, session, why in rows.sort("symbol", "session", maintain_order=True).iter_rows():
        found.setdefault(symbol, []).append([session.isoformat(), sorted(why or ())])
    return {symbol: canonical(each) for symbol, each in found.items()}


def _reference(listed: Mapping[str, Any], until: dt.date) -> dict[str, Any]:
    """Sector, exchange, and the delisting if it was known by then."""
    gone = listed.get("delisted")
    known = ("delisted", "delisting_value", "delisting_unit", "delisting_reason")
    delisting = [listed.get(key) for key in known] if gone is not None and gone <= until else None
    return {"sector": listed.get("sector"), "exchange": listed.get("exchange"), "delisting": delisting}


def _spells(memberships: pl.DataFrame, until: dt.date) -> dict[str, list[list[dt.date | None]]]:
    """First and last session of each spell of each symbol, as known at `until`."""
    known = memberships.filter(pl.col("start") <= until).with_columns(
        pl.when(pl.col("end") <= until).then("end").alias("end")
    )
    spells = known.sort("symbol", "start").group_by("symbol", maintain_order=True).agg(pl.concat_list("start", "end"))
    return dict(spells.iter_rows())


def _day(number: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=int(number))


def _number(day: dt.date) -> int:
    return (day - _EPOCH).days
