"""Looks at a holdout: what one may be made for, what it was worth when it was made, and what was seen.

All that bears on a look's worth is decided from the records before it, in the transaction that writes it: whether the
holdout had been exposed before the registration, whether it is a further look, its part of the batch's error rate, and
whether the registration was known outside of the folder before the holdout began.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.config.sections import Interval
from trading_assets.protocol.batches import Member, batch_of, batch_of_imported, is_of, share_of
from trading_assets.protocol.exposures import Contents, exposures_of
from trading_assets.protocol.prices import IDEA_ASSET, NO_IDEA, Idea, looks_before, price_of
from trading_assets.protocol.records import Entry, Record
from trading_assets.protocol.tables import RETURNS, TEXTS
from trading_assets.warehouse.errors import block

#: Exposures that are written out in a look; the number of all of them is beside it.
SHOWN = 5


class LookRefusedError(Exception):
    """The holdout has been seen, what is to be evaluated has changed since, and no reason is given."""


@dataclass(frozen=True, eq=False)
class LookRequest:
    """One evaluation of a holdout that is about to be made.

    Attributes
    ----------
    registration_hash
        Hash of the look which the registration goes on from; its own if there is none.
    content
        The registration, canonical JSON.
    universe_returns
        Equal-weight returns of the universe.
    idea
        What is looked at, see `Idea`.
    own_returns
        Daily returns of the strategy on train and validation (session, value), by which the idea is known under other
        names; None: not known.
    changed
        What differs from the registration that was looked at last, in words.
    product_version
        Version of trading_assets that looks.
    """

    configuration: str
    strategy: str
    registration_hash: str
    config_hash: str
    holdout: Interval
    symbols: Sequence[str]
    content: str
    universe_returns: pl.DataFrame
    idea: Idea = NO_IDEA
    own_returns: pl.DataFrame | None = None
    override: str | None = None
    changed: Sequence[str] = ()
    product_version: str | None = None

    @property
    def member(self) -> Member:
        """Configuration and strategy."""
        return self.configuration, self.strategy


def looks_of(records: Sequence[Record], member: Member) -> list[Record]:
    """Return the looks at a strategy's holdout, the first one first."""
    return [r for r in records if r.kind == "look" and (r.configuration, r.subject) == member]


def look_of(records: Sequence[Record], member: Member, registration_hash: str) -> Record | None:
    """Return the look at a registration; None if there was none.

    Parameters
    ----------
    records
        Records of the protocol, oldest first.
    member
        Names of the configuration and of the strategy.
    registration_hash
        Hash of the registration.
    """
    found = (r for r in looks_of(records, member) if r.payload["registration_hash"] == registration_hash)
    return next(found, None)


def registered_since(records: Sequence[Record], member: Member, is_same: Callable[[Record], bool]) -> Record | None:
    """Return the record from which on a registration stood as it stands now; None if it is not on record.

    Whoever changes it and changes it back has had another one in between: it stands since it came back. So does one
    whose market was changed, see `record_registrations`.

    Parameters
    ----------
    is_same
        Whether a record of an earlier registration of the strategy says the same as what is registered now.
    """
    found = None
    for record in reversed(records):
        if record.kind == "registration" and (record.configuration, record.subject) == member:
            if "plan_hash" not in record.payload:
                continue
            if not is_same(record):
                break
            found = record
            if record.payload.get("changed"):
                break
    return found


def _before(records: Sequence[Record], configuration: str, since: Record | None) -> list[Record]:
    """Records that were there before a registration was, as far as they are not its own doing.

    Scores of a model that only registrations unlock come before these in the same run, and so do bars that they unlock
    for features of a user's own. They are of the very state that is registered, see `trading_assets.protocol.opened`:
    nothing was changed after they were seen.
    """
    if since is None:
        return list(records)
    return [
        record
        for record in records
        if record.row < since.row
        and not (
            record.configuration == configuration
            and record.payload.get("opened_by")
            and record.payload.get("state", "") == since.payload.get("state")
        )
    ]


def decide_look(
    records: Sequence[Record],
    request: LookRequest,
    since: Record | None,
    contents: Contents,
) -> list[Entry]:
    """Return what a look adds to the protocol: its batch, if that is not on record, and itself.

    The first look at a holdout needs nothing, whatever was looked at on other sessions before; that has its price, see
    `trading_assets.protocol.prices`. A look at another registration on sessions that were looked at needs an override,
    and each override is good for one: a reason that is on record already does not excuse the next change.

    Parameters
    ----------
    since
        The record from which on the registration stood, see `registered_since`; None: all on record was before it.
    contents
        Contents of the records.

    Returns
    -------
    list of Entry
        Empty if this registration has been looked at.

    Raises
    ------
    LookRefusedError
        The registration differs from those that were looked at, and there is no new reason for it.
    """
    earlier = looks_of(records, request.member)
    is_imported = any("imported" in record.payload for record in earlier)
    imported = batch_of_imported(records, request.configuration) if is_imported else None
    if look_of(records, request.member, request.registration_hash) is not None:
        return [imported] if imported else []
    here = [each for each in earlier if is_of(each, request.holdout)]
    if here:
        _assert_excused(here, request)
    before = _before(records, request.configuration, since)
    seen = exposures_of(before, request.holdout, request.universe_returns, request.symbols, contents)
    batch = imported
    if batch is None and share_of(records, request.member, request.holdout) is None:
        batch = batch_of(records, request.member, contents.returns, None if since is None else since.row)
    looks = looks_before(
        records,
        request.member,
        request.idea,
        request.holdout,
        request.symbols,
        request.universe_returns,
        contents,
        request.own_returns,
    )
    payload = {
        "stage": "holdout",
        "registration_hash": request.registration_hash,
        "config_hash": request.config_hash,
        "look": len(earlier) + 1,
        "of_holdout": len(here) + 1,
        "idea": [request.idea.type, request.idea.code],
        "looks_before": looks,
        "price": price_of(looks),
        "override": request.override if here else None,
        "changed": list(request.changed),
        "product_version": request.product_version,
        "start": request.holdout.start.isoformat(),
        "end": request.holdout.end.isoformat(),
        "symbols": sorted(set(request.symbols)),
        "market_changed": [] if since is None else list(since.payload.get("changed", [])),
        "received": None if since is None else since.payload.get("received"),
        "registered": None if since is None else since.recorded_at.isoformat(timespec="seconds"),
        "exposures": len(seen),
        "exposed_by": [str(each) for each in seen[:SHOWN]],
        "prospective": is_prospective(records, since, request.holdout),
    }
    own = {RETURNS: request.universe_returns, TEXTS: pl.DataFrame({"text": [request.content]})}
    known_by = [] if request.own_returns is None else [_returns_of_idea(request, request.own_returns)]
    return [*([batch] if batch else []), *known_by, Entry("look", request.strategy, payload, own)]


def _returns_of_idea(request: LookRequest, returns: pl.DataFrame) -> Entry:
    payload = {"asset": IDEA_ASSET, "registration_hash": request.registration_hash}
    return Entry("evidence", request.strategy, payload, {RETURNS: returns})


def is_prospective(records: Sequence[Record], since: Record | None, holdout: Interval) -> bool:
    """Return whether a head that covers the registration was exported before the first session of the holdout.

    Parameters
    ----------
    records
        Records of the protocol.
    since
        Record from which on the registration stood, see `registered_since`; None: it is not on record.
    holdout
        Locked span; days are compared in UTC.
    """
    if since is None:
        return False
    return any(r.kind == "export" and r.row > since.row and r.recorded_at.date() < holdout.start for r in records)


def unseen_since(records: Sequence[Record]) -> dt.date | None:
    """Return the day on which the protocol of the folder begins; None before it does."""
    return records[0].recorded_at.date() if records else None


def standing(records: Sequence[Record], look: Record) -> str:
    """Return in words what a look is worth: prospective or not, and since when, or by whom, its holdout was seen."""
    if "imported" in look.payload:
        made = str(look.payload["imported"]["evaluated_at"])[:10]
        return f"retrospective; looked at on {made} by a version that kept no protocol of the folder"
    when = "prospective" if look.payload.get("prospective") else "retrospective"
    count, shown = look.payload.get("exposures", 0), look.payload.get("exposed_by", [])
    if count:
        more = f"; and {count - len(shown)} more" if count > len(shown) else ""
        return f"{when}; seen before its registration: {'; '.join(shown)}{more}{_on_market(look)}"
    return f"{when}; unseen in this folder since {unseen_since(records)}{_on_market(look)}"


def _on_market(look: Record) -> str:
    """What is to be said of the data behind a registration; empty where they are what they were."""
    if changed := look.payload.get("market_changed"):
        return f"; registered anew after a change ({'; '.join(changed)})"
    if look.payload.get("registered") and not look.payload.get("received"):
        return "; what was received before its registration is not on record"
    return ""


def history_of(records: Sequence[Record], member: Member) -> str:
    """Return a sentence on every look at a strategy's holdout; empty if there was none."""
    looks = looks_of(records, member)
    if not looks:
        return ""
    reasons = [
        f"look {each.payload['look']} after a change ({each.payload['override']})"
        for each in looks
        if each.payload.get("override")
    ]
    count = "once" if len(looks) == 1 else f"{len(looks)} times"
    said = f"The holdout has been looked at {count}{': ' + '; '.join(reasons) if reasons else ''}."
    others = int(looks[-1].payload.get("looks_before", 0))
    if others:
        before = f"{others} look{'s' if others > 1 else ''}"
        said += (
            f" After {before} at the same idea or holdout this one has 1/{(others + 1) ** 2} of its batch's error rate."
        )
    return said


def caps_of(look: Record) -> list[str]:
    """Return why the verdict on a look is at best conditional; empty if nothing of the protocol says so."""
    found = []
    if look.payload.get("exposures", 0):
        found.append("the holdout was exposed before its registration")
    if int(look.payload.get("of_holdout", look.payload["look"])) > 1:
        reason = look.payload.get("override") or "no reason given"
        found.append(f"it is look {look.payload['look']}, after a change ({reason})")
    return found


def result_payload(
    look: Record, *, verdict: str, sharpe: float | None, bets: float | None, product_version: str
) -> dict[str, Any]:
    """Return what a record of a result says: what was seen at a look.

    Parameters
    ----------
    look
        Record of the look.
    verdict
        Result of the verdict.
    sharpe, bets
        Sharpe ratio of the holdout, a year, and its bets; None where unknown.
    product_version
        Version of the product that judged.
    """
    return {
        "registration_hash": look.payload["registration_hash"],
        "look": look.payload["look"],
        "verdict": verdict,
        "sharpe": sharpe,
        "bets": bets,
        "product_version": product_version,
    }


def results_of(records: Sequence[Record], member: Member) -> list[Record]:
    """Return what was seen of a strategy's holdout, in the order of the records."""
    return [r for r in records if r.kind == "result" and (r.configuration, r.subject) == member]


def seen_but_unknown(records: Sequence[Record], member: Member) -> list[Record]:
    """Return the looks whose result is not on record: a run was stopped in between, and they count as seen."""
    known = {r.payload["registration_hash"] for r in results_of(records, member)}
    return [r for r in looks_of(records, member) if r.payload["registration_hash"] not in known]


def _assert_excused(earlier: Sequence[Record], request: LookRequest) -> None:
    given = {r.payload.get("override"): r.payload["look"] for r in reversed(earlier)}
    if request.override is not None and request.override not in given:
        return
    last = earlier[-1]
    expected = "a reason for a further look, which stays on record for ever, and caps the verdict at conditional"
    if request.override is not None:
        expected += f"; the one that is there was given for look {given[request.override]}"
    raise LookRefusedError(
        block(
            f"the holdout of {request.strategy} has been looked at, and what would be evaluated has changed since",
            key=f"registration.{request.strategy}.override",
            last_look=f"number {last.payload['look']}, {last.recorded_at:%Y-%m-%d %H:%M} UTC",
            registered_then=last.payload["registration_hash"],
            registered_now=request.registration_hash,
            **({"changed": "; ".join(request.changed)} if request.changed else {}),
            expected=expected,
            what_to_do="go back to what robustness.registrations has on record, or write down the reason",
        )
    )
