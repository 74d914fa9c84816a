"""Which evaluations on record have seen a holdout: by sessions and symbols, or by returns, never by names alone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import polars as pl

from trading_assets.config.canonical import canonical
from trading_assets.config.sections import Interval
from trading_assets.protocol.contents import content_rows
from trading_assets.protocol.records import CONTENTS_KEY, Entry, Record
from trading_assets.protocol.tables import RETURNS
from trading_assets.protocol.universe_returns import correlation

#: Universes whose equal-weight returns correlate more than this, in size, are one market.
SAME_MARKET = 0.7
#: Kinds of records that say that something was evaluated.
EVALUATIONS = ("exposure", "look")


@dataclass(frozen=True)
class Contents:
    """What records refer to, by their rows.

    Attributes
    ----------
    returns
        Equal-weight returns of the universes of exposures, looks and registrations.
    texts
        Contents of registrations, and of the looks at them, JSON.
    """

    returns: Mapping[int, pl.DataFrame]
    texts: Mapping[int, str]


NO_CONTENTS = Contents({}, {})


@dataclass(frozen=True)
class Exposure:
    """An evaluation that saw sessions of a holdout.

    Attributes
    ----------
    record
        What is on record of it.
    stage
        What it was: backtests, sensitivity, models, features, signals, holdout, ...
    first, last
        Sessions of the holdout that it may have seen.
    shared
        Symbols that both have, ascending.
    correlation
        Correlation of the equal-weight returns of the two universes; None where symbols are shared, or not needed.
    """

    record: Record
    stage: str
    first: dt.date
    last: dt.date
    shared: tuple[str, ...]
    correlation: float | None

    def __str__(self) -> str:
        if self.shared:
            names = ", ".join(self.shared[:3]) + (" ..." if len(self.shared) > 3 else "")
            why = f"{len(self.shared)} shared symbol{'s' if len(self.shared) > 1 else ''}: {names}"
        else:
            why = f"correlation {self.correlation:.2f}"
        who = f"{self.record.configuration}/{self.record.subject or '*'}"
        return f"{who} ({self.stage}) saw {self.first} to {self.last} on {self.record.recorded_at:%Y-%m-%d}, {why}"


def exposures_of(
    records: Sequence[Record],
    holdout: Interval,
    universe_returns: pl.DataFrame,
    symbols: Sequence[str],
    contents: Contents,
) -> list[Exposure]:
    """Find the evaluations that have seen a holdout.

    Parameters
    ----------
    records
        Records of the protocol that count: who was registered before them passes only earlier ones.
    universe_returns
        Returns of the universe whose holdout it is, see `equal_weight_returns`; it may be shorter than the holdout.
    symbols
        Symbols that the strategy trades.
    contents
        Contents of the records; a universe whose returns are missing is compared by symbols alone. One of the same
        symbols whose returns do not agree is another one: a ticker is not the instrument.

    Returns
    -------
    list of Exposure
        In the order of the records.
    """
    own = set(symbols)
    found = []
    for record, payload in evaluations(records, contents.texts):
        first, last = max(_day(payload["start"]), holdout.start), min(_day(payload["end"]), holdout.end)
        if first > last or not _has_session(universe_returns, first, last):
            continue
        shared = tuple(sorted(own & set(payload["symbols"])))
        other = contents.returns.get(record.row)
        measured = None
        # Of the same symbols the returns are the same, or the names are those of other instruments. Where only some
        # are shared, the means of two universes cannot tell.
        if other is not None and (not shared or own == set(payload["symbols"])):
            measured = correlation(universe_returns, other, first, last)
        if (shared and measured is None) or (measured is not None and abs(measured) > SAME_MARKET):
            found.append(Exposure(record, str(payload["stage"]), first, last, shared, None if shared else measured))
    return found


def evaluations(records: Sequence[Record], texts: Mapping[int, str]) -> Iterator[tuple[Record, Mapping[str, Any]]]:
    """Yield the records of evaluations, each with its stage, start, end and symbols.

    A look that was imported from an earlier version says none of them: its registration does.

    Parameters
    ----------
    texts
        Contents of registrations by the rows of their records.
    """
    registrations = {
        record.payload.get("registration_hash"): texts.get(record.row)
        for record in records
        if record.kind == "registration" and "imported" in record.payload
    }
    for record in records:
        if record.kind not in EVALUATIONS:
            continue
        if "symbols" in record.payload:
            yield record, record.payload
        elif content := registrations.get(record.payload.get("registration_hash")):
            registered = json.loads(content)
            start, end = registered["splits"]["holdout"]
            seen = {"stage": "holdout", "start": start, "end": end, "symbols": sorted(registered["universe"])}
            yield record, {**record.payload, **seen}


def exposure(
    stage: str,
    subject: str,
    start: dt.date,
    end: dt.date,
    symbols: Sequence[str],
    universe_returns: pl.DataFrame,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Entry:
    """Return what goes on record of an evaluation, before its results are.

    Parameters
    ----------
    stage
        What it is, see `Exposure`.
    subject
        Strategy or model, or modules of features.
    start, end
        Sessions that it sees, both inclusive.
    symbols
        Symbols that the strategy trades, or is trained on.
    universe_returns
        Returns of these symbols, see `equal_weight_returns`.
    more
        What else there is to say of it.
    """
    payload = {
        "stage": stage,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "symbols": sorted(set(symbols)),
        **more,
    }
    return Entry("exposure", subject, payload, {RETURNS: universe_returns})


def new_exposures(records: Sequence[Record], configuration: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return those exposures whose very same is not on record: each is written once.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration
        Name of the configuration that the exposures are of.
    entries
        Exposures to record.
    """
    known = {_identity(r.configuration, r.subject, r.payload) for r in records if r.kind == "exposure"}
    found = []
    for each in entries:
        hashes = {table.name: content_rows(table, frame)[0] for table, frame in each.contents.items()}
        identity = _identity(configuration, each.subject, {**each.payload, CONTENTS_KEY: hashes})
        if identity not in known:
            known.add(identity)
            found.append(each)
    return found


def _identity(configuration: str, subject: str | None, payload: Mapping[str, Any]) -> str:
    return canonical([configuration, subject, payload])


def _has_session(universe_returns: pl.DataFrame, first: dt.date, last: dt.date) -> bool:
    """Whether the universe has a session between two days; not known, so assumed, beyond its last return."""
    known = universe_returns["session"]
    end = known.max()
    if not isinstance(end, dt.date) or last > end:
        return True
    return bool(known.is_between(first, last).any())


def _day(value: str | dt.date) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
