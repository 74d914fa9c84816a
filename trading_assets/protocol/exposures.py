"""Which evaluations on record have seen a holdout: by sessions and symbols, or by returns, never by names alone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.config.sections import Interval
from trading_assets.protocol.record import Record
from trading_assets.protocol.universe_returns import correlation

#: Universes whose equal-weight returns correlate more than this, in size, are one market.
SAME_MARKET = 0.7
#: Kinds of records that say that something was evaluated.
EVALUATIONS = ("exposure", "look")


@dataclass(frozen=True)
class Exposure:
    """An evaluation that saw sessions of a holdout.

    Attributes
    ----------
    record
        What is on record of it.
    stage
        What it was: backtests, sensitivity, models, signals, holdout, ...
    first, last
        Sessions of the holdout that it may have seen.
    shared
        Symbols that both have, ascending.
    correlation
        Of the equal-weight returns of the two universes; None where symbols are shared, or where it was not needed.
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
    returns: Mapping[str, pl.DataFrame],
) -> list[Exposure]:
    """Find the evaluations that have seen a holdout.

    Parameters
    ----------
    records
        Those of the protocol that count: who was registered before them passes only earlier ones.
    universe_returns
        Of the universe whose holdout it is, see `equal_weight_returns`; it may be shorter than the holdout.
    symbols
        That it trades.
    returns
        Those of the universes on record, by the hash that records name; one that is missing is compared by symbols.

    Returns
    -------
    list of Exposure
        In the order of the records.
    """
    own = set(symbols)
    found = []
    for record, payload in evaluations(records):
        first, last = max(_day(payload["start"]), holdout.start), min(_day(payload["end"]), holdout.end)
        if first > last or not _has_session(universe_returns, first, last):
            continue
        shared = tuple(sorted(own & set(payload["symbols"])))
        other = returns.get(payload.get("universe") or "")
        measured = None
        if not shared and other is not None:
            measured = correlation(universe_returns, other, first, last)
        if shared or (measured is not None and abs(measured) > SAME_MARKET):
            found.append(Exposure(record, str(payload["stage"]), first, last, shared, measured))
    return found


def evaluations(records: Sequence[Record]) -> Iterator[tuple[Record, Mapping[str, Any]]]:
    """Yield the records of evaluations, each with its stage, start, end, symbols and universe.

    A look that was imported from an earlier version says none of them: its registration does.
    """
    contents = {
        record.payload.get("registration_hash"): record.payload.get("content")
        for record in records
        if record.kind == "registration"
    }
    for record in records:
        if record.kind not in EVALUATIONS:
            continue
        if "symbols" in record.payload:
            yield record, record.payload
        elif content := contents.get(record.payload.get("registration_hash")):
            registered = json.loads(content)
            start, end = registered["splits"]["holdout"]
            seen = {"stage": "holdout", "start": start, "end": end, "symbols": sorted(registered["universe"])}
            yield record, {**record.payload, **seen}


def overlap(one: Interval, other: Interval) -> Interval | None:
    """Return the days that two spans share; None for none."""
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Interval(start=start, end=end) if start <= end else None


def is_on_record(records: Sequence[Record], configuration: str, subject: str, payload: Mapping[str, Any]) -> bool:
    """Return whether the very same exposure is on record: it is written once."""
    return any(
        record.kind == "exposure"
        and record.configuration == configuration
        and record.subject == subject
        and record.payload == payload
        for record in records
    )


def exposure_payload(
    stage: str, start: dt.date, end: dt.date, symbols: Sequence[str], universe: str | None
) -> dict[str, Any]:
    """Return what a record of an exposure says.

    Parameters
    ----------
    universe
        Hash of the universe's equal-weight returns.
    """
    return {
        "stage": stage,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "symbols": sorted(set(symbols)),
        "universe": universe,
    }


def _has_session(universe_returns: pl.DataFrame, first: dt.date, last: dt.date) -> bool:
    """Whether the universe has a session between two days; not known, so assumed, beyond its last return."""
    known = universe_returns["session"]
    end = known.max()
    if not isinstance(end, dt.date) or last > end:
        return True
    return bool(known.is_between(first, last).any())


def _day(value: str | dt.date) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
