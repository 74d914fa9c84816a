"""Put registrations, exposures and looks on record, each decided from the records under the lock that writes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.protocol.batches import Member
from trading_assets.protocol.exposures import EVALUATIONS, Contents, new_exposures
from trading_assets.protocol.looks import LookRequest, decide_look, look_of, registered_since
from trading_assets.protocol.prices import returns_of_ideas
from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.records import Entry, Record
from trading_assets.protocol.tables import RECEIVED, RETURNS, TEXTS
from trading_assets.warehouse.errors import WarehouseError, block

#: How often a look is decided anew because another process put something on record meanwhile.
_ATTEMPTS = 20


class _OvertakenError(Exception):
    """There are records now whose contents were not read."""


def contents_of(protocol: Protocol, records: Sequence[Record]) -> Contents:
    """Read what registrations, exposures and looks refer to."""
    named = [record for record in records if record.kind in (*EVALUATIONS, "registration")] + returns_of_ideas(records)
    rows = protocol.contents(RETURNS, named).select("record", "session", "value")
    returns = {int(key[0]): frame.drop("record") for key, frame in rows.partition_by("record", as_dict=True).items()}
    told = [record for record in named if record.kind in ("registration", "look")]
    texts: Mapping[int, str] = dict(protocol.contents(TEXTS, told).select("record", "text").iter_rows())
    return Contents(returns, texts)


def record_exposures(protocol: Protocol, exposures: Sequence[Entry], now: dt.datetime) -> None:
    """Put evaluations on record whose very same is not; to be called before their results can be seen.

    Parameters
    ----------
    protocol, exposures
        Protocol of the data folder, and what is evaluated.
    now
        Time of the records, UTC.
    """
    protocol.append_decided(lambda records: new_exposures(records, protocol.configuration, exposures), now=now)


@dataclass(frozen=True)
class Registering:
    """A registration that goes on record if it is not there as it stands.

    Attributes
    ----------
    entry
        Without what is computed for new ones alone.
    returns
        Computes the equal-weight returns of its universe.
    received
        Computes what was received of its market, and what the payload says of it.
    changed
        Says in words what of its market differs from what the last record of the strategy has; nothing where that has
        none.
    """

    entry: Entry
    returns: Callable[[], pl.DataFrame]
    received: Callable[[], tuple[Mapping[str, object], pl.DataFrame]] | None = None
    changed: Callable[[Record], Sequence[str]] | None = None


def record_registrations(protocol: Protocol, registrations: Iterable[Registering], now: dt.datetime) -> None:
    """Put registrations on record that are not there as they stand now, all of them together.

    One whose market has changed is registered anew: its record says `changed`, and it stands since then.

    Parameters
    ----------
    protocol, registrations
        Protocol of the data folder, and what is registered now.
    now
        Time of the records, UTC.
    """
    known = protocol.read()
    entries: list[tuple[Entry, bool]] = []
    for each in registrations:
        entry, last = each.entry, last_registration(known, (protocol.configuration, each.entry.subject or ""))
        changed = [] if last is None or each.changed is None else list(each.changed(last))
        if not changed and _stands(last, entry):
            continue
        payload, contents = {**entry.payload}, {**entry.contents, RETURNS: each.returns()}
        if each.received is not None:
            payload["received"], contents[RECEIVED] = each.received()
        if changed:
            payload["changed"] = changed
        entries.append((Entry(entry.kind, entry.subject, payload, contents), bool(changed)))
    if not entries:
        return

    def decide(records: Sequence[Record]) -> list[Entry]:
        own = protocol.configuration
        written = {r.subject for r in records[len(known) :] if r.kind == "registration" and r.configuration == own}
        return [
            each
            for each, has_changed in entries
            if (has_changed and each.subject not in written)
            or not _stands(last_registration(records, (own, each.subject or "")), each)
        ]

    protocol.append_decided(decide, now=now)


def record_upgrade(protocol: Protocol, strategy: str, upgrade: Mapping[str, object], now: dt.datetime) -> None:
    """Put on record that another version of the product carries a registration on, unless it is the last that did.

    Parameters
    ----------
    upgrade
        old_hash, new_hash, old_version, new_version, reason.
    """

    def decide(records: Sequence[Record]) -> list[Entry]:
        own = (r for r in reversed(records) if r.kind == "upgrade" and r.subject == strategy)
        last = next((r.payload for r in own if r.configuration == protocol.configuration), None)
        same = last is not None and all(last[key] == upgrade[key] for key in ("new_hash", "new_version"))
        return [] if same else [Entry("upgrade", strategy, upgrade)]

    protocol.append_decided(decide, now=now)


def make_look(
    protocol: Protocol, request: LookRequest, is_same: Callable[[Record, str], bool], now: dt.datetime
) -> tuple[tuple[Record, ...], Record]:
    """Put a look on record before it is made, unless it was made before.

    Parameters
    ----------
    is_same
        Whether a record of an earlier registration, and its text, say the same as what is registered now.

    Returns
    -------
    All records then, and that of the look.

    Raises
    ------
    LookRefusedError
        See `decide_look`.
    """
    for _ in range(_ATTEMPTS):
        known = protocol.read()
        contents, last = contents_of(protocol, known), len(known)

        def decide(records: Sequence[Record], contents: Contents = contents, last: int = last) -> list[Entry]:
            if any(record.kind in (*EVALUATIONS, "registration") for record in records[max(last, 1) :]):
                raise _OvertakenError
            since = registered_since(
                records, request.member, lambda record: is_same(record, contents.texts.get(record.row, ""))
            )
            return decide_look(records, request, since, contents)

        try:
            protocol.append_decided(decide, now=now)
        except _OvertakenError:
            continue
        records = protocol.read()
        made = look_of(records, request.member, request.registration_hash)
        if made is not None:
            return records, made
    raise WarehouseError(
        block(
            f"no look at {request.strategy} could be decided: others wrote to the protocol all the time",
            file=protocol.path,
            what_to_do="run this step again; nothing was written",
        )
    )


def last_registration(records: Sequence[Record], member: Member) -> Record | None:
    """Return the last record of a strategy's plan; None before one."""
    for record in reversed(records):
        is_own = record.kind == "registration" and (record.configuration, record.subject) == member
        if is_own and "plan_hash" in record.payload:
            return record
    return None


def _stands(last: Record | None, entry: Entry) -> bool:
    """Whether the last registration of a strategy on record says what a new one does of plan and weight."""
    return last is not None and all(last.payload.get(key) == entry.payload.get(key) for key in ("plan_hash", "weight"))
