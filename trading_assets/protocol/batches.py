"""Batches: strategies that are registered together share one error rate, whatever the order in which they are judged.

Whoever registers twenty strategies and looks at each of them finds a lucky one. So the registrations that wait for
their first look when one of them is made are one batch of m, and each is judged at the rate of 5 % times its weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import polars as pl

from trading_assets.config.sections import Interval
from trading_assets.config.verdict import ALPHA
from trading_assets.protocol.exposures import SAME_MARKET, Contents, exposures_of
from trading_assets.protocol.records import Entry, Record
from trading_assets.protocol.universe_returns import SCHEMA as RETURNS_SCHEMA
from trading_assets.protocol.universe_returns import correlation

#: Name of the configuration, and of the strategy.
Member = tuple[str, str]


@dataclass(frozen=True)
class Share:
    """What a strategy is judged at.

    Attributes
    ----------
    members
        Strategies of its batch.
    weight
        Part of the error rate that the strategy has; the weights of a batch sum to at most 1.
    """

    members: int
    weight: float

    @property
    def alpha(self) -> float:
        """Its error rate."""
        return ALPHA * self.weight


@dataclass(frozen=True)
class Waiting:
    """A registration on record: without a look and without a batch on its holdout it waits.

    Attributes
    ----------
    plan
        Hash of what was decided.
    is_anew
        Whether the market had changed since the one before.
    """

    member: Member
    holdout: Interval
    symbols: frozenset[str]
    row: int
    weight: float | None
    plan: str | None = None
    is_anew: bool = False


def waiting(records: Sequence[Record]) -> list[Waiting]:
    """Return the registrations that wait for their first look, in the order in which they were last recorded."""
    latest: dict[Member, Waiting] = {}
    for member, history in _histories(records).items():
        if not _is_done(records, member, history[-1].holdout):
            latest[member] = history[-1]
    return sorted(latest.values(), key=lambda each: each.row)


def batch_of(
    records: Sequence[Record], member: Member, returns: Mapping[int, pl.DataFrame], since: int | None = None
) -> Entry:
    """Return the record of the batch that a strategy's first look makes.

    All registrations of its configuration that wait, and those of other configurations whose holdout is, in part, the
    same: the same sessions, and a shared symbol or universes that correlate. What was registered and then left out
    counts, too: it could have been looked at. Weights and members are those of the moment in which something of the
    batch's holdout was first seen by anybody after it was registered, by its own signals for example: what was changed,
    moved elsewhere or left out since may have been for what was seen. A strategy that was registered after that moment
    has the part of one among all, and takes none away from the others.

    Parameters
    ----------
    member
        The strategy; it is registered and waits.
    returns
        Equal-weight returns of universes by the rows of their registrations and evaluations.
    since
        Row from which on its registration stands; None: as far back as its plan is the same.
    """
    histories = _histories(records)
    first = histories[member][-1]
    stands = since or _since(histories[member])
    seen = _first_seen(records, first, stands, returns)
    together = _together(records, histories, first, returns, seen)
    group = [
        (each, _first_seen(records, each, _since(_until(histories[each.member], seen)), returns)) for each in together
    ]
    frozen = min((row for _, row in group), default=seen)
    if frozen < stands:
        count = len({each.member for each in together} | {member})
        return _entry({member: 1 / count}, {member: first.holdout}, count)
    together = _together(records, histories, first, returns, min(frozen, seen))
    return _entry(
        weights_of({each.member: each.weight for each in together}), {each.member: each.holdout for each in together}
    )


def _together(
    records: Sequence[Record],
    histories: Mapping[Member, Sequence[Waiting]],
    first: Waiting,
    returns: Mapping[int, pl.DataFrame],
    before: float,
) -> list[Waiting]:
    """Registrations, as they were before a row, of one batch with that of a strategy, in the order of their records."""
    found = []
    for member, history in histories.items():
        known = _until(history, before)
        if not known or _is_done(records, member, known[-1].holdout):
            continue
        if member[0] == first.member[0] or _same(first, known[-1], returns):
            found.append(known[-1])
    return sorted(found, key=lambda each: each.row)


def _until(history: Sequence[Waiting], before: float) -> Sequence[Waiting]:
    return [each for each in history if each.row < before]


def _since(history: Sequence[Waiting]) -> int:
    """Row from which on the last registration of a strategy stands."""
    row = history[-1].row
    for each in reversed(history):
        if each.plan != history[-1].plan:
            break
        row = each.row
        if each.is_anew:
            break
    return row


def _first_seen(
    records: Sequence[Record], registered: Waiting, since: int, returns: Mapping[int, pl.DataFrame]
) -> float:
    """Row of the first evaluation after a registration that saw sessions of its holdout; infinite if there is none."""
    later = [record for record in records if record.row > since]
    own = returns.get(registered.row)
    found = exposures_of(
        later,
        registered.holdout,
        pl.DataFrame(schema=RETURNS_SCHEMA) if own is None else own,
        sorted(registered.symbols),
        Contents(returns, {}),
    )
    return min((each.record.row for each in found), default=math.inf)


def _histories(records: Sequence[Record]) -> dict[Member, list[Waiting]]:
    """Registrations on record by strategy, in the order of the records."""
    found: dict[Member, list[Waiting]] = {}
    for record in records:
        if record.kind == "registration" and "holdout" in record.payload:
            start, end = record.payload["holdout"]
            found.setdefault(_member(record), []).append(
                Waiting(
                    _member(record),
                    Interval(start=start, end=end),
                    frozenset(record.payload["symbols"]),
                    record.row,
                    record.payload.get("weight"),
                    record.payload.get("plan_hash"),
                    bool(record.payload.get("changed")),
                )
            )
    return found


def _is_done(records: Sequence[Record], member: Member, holdout: Interval) -> bool:
    """Whether a strategy has been looked at on a holdout, or is of a batch there."""
    looked = any(r.kind == "look" and _member(r) == member and is_of(r, holdout) for r in records)
    return looked or share_of(records, member, holdout) is not None


def overlap(one: Interval, other: Interval) -> bool:
    """Return whether two spans have a day in common."""
    return max(one.start, other.start) <= min(one.end, other.end)


def is_of(look: Record, holdout: Interval) -> bool:
    """Return whether a look was at sessions of a holdout; one of an earlier version does not say, and may have been."""
    if "start" not in look.payload:
        return True
    return overlap(Interval(start=look.payload["start"], end=look.payload["end"]), holdout)


def batch_of_imported(records: Sequence[Record], configuration: str) -> Entry | None:
    """Return the batch of looks that were imported from a configuration's warehouse of an earlier version.

    Who was looked at there counts, and nobody had a weight: m is their number. None if there were none, or if the
    batch is on record.
    """
    known = _shares(records)
    looked = sorted(
        {_member(r) for r in records if r.kind == "look" and r.configuration == configuration} - known.keys()
    )
    return _entry(weights_of(dict.fromkeys(looked))) if looked else None


def share_of(records: Sequence[Record], member: Member, holdout: Interval | None = None) -> Share | None:
    """Return what a strategy is judged at on a holdout; None before it is of a batch.

    Parameters
    ----------
    holdout
        None: the one that it was last looked at on.
    """
    if holdout is None:
        last = next((r for r in reversed(records) if r.kind == "look" and _member(r) == member), None)
        if last is not None and "start" in last.payload:
            holdout = Interval(start=last.payload["start"], end=last.payload["end"])
    for share, of in _shares(records).get(member, ()):
        if holdout is None or of is None or overlap(of, holdout):
            return share
    return None


def batch_on_record(records: Sequence[Record], member: Member, holdout: Interval) -> Record | None:
    """Return the record of the batch that a strategy is of on a holdout; None before it is of one.

    Parameters
    ----------
    records
        Records of the protocol, oldest first.
    member
        Names of the configuration and of the strategy.
    holdout
        Span that the batch has to overlap; a batch without spans counts for every one.
    """
    for record in records:
        if record.kind == "batch":
            for each in record.payload["members"]:
                of = Interval(start=each["holdout"][0], end=each["holdout"][1]) if "holdout" in each else None
                if (each["configuration"], each["strategy"]) == member and (of is None or overlap(of, holdout)):
                    return record
    return None


def members_of(batch: Record | None) -> frozenset[Member]:
    """Return the strategies of a batch; none of none."""
    if batch is None:
        return frozenset()
    return frozenset((each["configuration"], each["strategy"]) for each in batch.payload["members"])


def alpha_of(records: Sequence[Record], member: Member) -> float:
    """Return the error rate that a strategy is judged at: its part of its batch's, at the price of its idea.

    See `trading_assets.protocol.prices`. Before it is of a batch, and before a look, the whole.
    """
    share = share_of(records, member)
    last = next((r for r in reversed(records) if r.kind == "look" and _member(r) == member), None)
    price = 1.0 if last is None else float(last.payload.get("price", 1.0))
    return (ALPHA if share is None else share.alpha) * price


def weights_of(stated: Mapping[Member, float | None]) -> dict[Member, float]:
    """Return the weights of a batch.

    Those that are stated are kept, and the others share what they leave. Of several configurations they can leave
    nothing, or sum to more than 1: the others then get 1 / m, and all are divided by their sum.
    """
    total = sum(weight for weight in stated.values() if weight is not None)
    others = sum(weight is None for weight in stated.values())
    rest = (1 - total) / others if others and total < 1 else 1 / len(stated)
    weights = {member: rest if weight is None else weight for member, weight in sorted(stated.items())}
    scale = max(1.0, sum(weights.values()))
    return {member: weight / scale for member, weight in weights.items()}


def _entry(
    weights: Mapping[Member, float],
    holdouts: Mapping[Member, Interval] = MappingProxyType({}),
    count: int | None = None,
) -> Entry:
    """The record of a batch of `count` strategies, of which one that came too late to share is recorded alone."""
    members: list[dict[str, Any]] = [
        {
            "configuration": member[0],
            "strategy": member[1],
            "weight": weight,
            "alpha": ALPHA * weight,
            **({"holdout": [holdouts[member].start, holdouts[member].end]} if member in holdouts else {}),
        }
        for member, weight in weights.items()
    ]
    return Entry("batch", None, {"m": count or len(members), "members": members})


def _shares(records: Sequence[Record]) -> dict[Member, list[tuple[Share, Interval | None]]]:
    """Shares on record, each with its holdout; on one holdout the first batch of a strategy is the one that counts."""
    found: dict[Member, list[tuple[Share, Interval | None]]] = {}
    for record in records:
        if record.kind == "batch":
            for each in record.payload["members"]:
                share = Share(int(record.payload["m"]), float(each["weight"]))
                of = Interval(start=each["holdout"][0], end=each["holdout"][1]) if "holdout" in each else None
                found.setdefault((each["configuration"], each["strategy"]), []).append((share, of))
    return found


def _same(one: Waiting, other: Waiting, returns: Mapping[int, pl.DataFrame]) -> bool:
    """Whether two holdouts are of the same sessions and of the same market."""
    if not overlap(one.holdout, other.holdout):
        return False
    start, end = max(one.holdout.start, other.holdout.start), min(one.holdout.end, other.holdout.end)
    if one.symbols & other.symbols:
        return True
    first, second = (returns.get(each.row) for each in (one, other))
    if first is None or second is None:
        return False
    measured = correlation(first, second, start, end)
    return measured is not None and abs(measured) > SAME_MARKET


def _member(record: Record) -> Member:
    return record.configuration, record.subject or ""
