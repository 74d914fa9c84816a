"""Batches: strategies that are registered together share one error rate, whatever the order in which they are judged.

Whoever registers twenty strategies and looks at each of them finds a lucky one. So the registrations that wait for
their first look when one of them is made are one batch of m, and each is judged at the rate of 5 % times its weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.config.sections import Interval
from trading_assets.config.verdict import ALPHA
from trading_assets.protocol.exposures import SAME_MARKET
from trading_assets.protocol.records import Entry, Record
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
        Its part of the error rate; the weights of a batch sum to at most 1.
    """

    members: int
    weight: float

    @property
    def alpha(self) -> float:
        """Its error rate."""
        return ALPHA * self.weight


@dataclass(frozen=True)
class Waiting:
    """A registration on record without a look and without a batch: the last one of its strategy."""

    member: Member
    holdout: Interval
    symbols: frozenset[str]
    row: int
    weight: float | None


def waiting(records: Sequence[Record]) -> list[Waiting]:
    """Return the registrations that wait for their first look, in the order in which they were last recorded."""
    done = {_member(record) for record in records if record.kind == "look"} | set(_shares(records))
    latest: dict[Member, Record] = {}
    for record in records:
        if record.kind == "registration" and "holdout" in record.payload and _member(record) not in done:
            latest.pop(_member(record), None)
            latest[_member(record)] = record
    return [
        Waiting(
            member,
            Interval(start=record.payload["holdout"][0], end=record.payload["holdout"][1]),
            frozenset(record.payload["symbols"]),
            record.row,
            record.payload.get("weight"),
        )
        for member, record in latest.items()
    ]


def batch_of(records: Sequence[Record], member: Member, returns: Mapping[int, pl.DataFrame]) -> Entry:
    """Return the record of the batch that a strategy's first look makes.

    All registrations of its configuration that wait, and those of other configurations whose holdout is, in part, the
    same: the same sessions, and a shared symbol or universes that correlate. What was registered and then left out
    counts, too: it could have been looked at.

    Parameters
    ----------
    member
        The strategy; it is registered and waits.
    returns
        Equal-weight returns of universes by the rows of their registrations.
    """
    all_waiting = {each.member: each for each in waiting(records)}
    first = all_waiting[member]
    together = [each for each in all_waiting.values() if each.member[0] == member[0] or _same(first, each, returns)]
    weights = weights_of({each.member: each.weight for each in together})
    return _entry(weights)


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


def share_of(records: Sequence[Record], member: Member) -> Share | None:
    """Return what a strategy is judged at; None before it is of a batch."""
    return _shares(records).get(member)


def alpha_of(records: Sequence[Record], member: Member) -> float:
    """Return the error rate that a strategy is judged at: the whole of it before it is of a batch."""
    share = share_of(records, member)
    return ALPHA if share is None else share.alpha


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


def _entry(weights: Mapping[Member, float]) -> Entry:
    members: list[dict[str, Any]] = [
        {"configuration": configuration, "strategy": strategy, "weight": weight, "alpha": ALPHA * weight}
        for (configuration, strategy), weight in weights.items()
    ]
    return Entry("batch", None, {"m": len(members), "members": members})


def _shares(records: Sequence[Record]) -> dict[Member, Share]:
    """Shares on record; the first batch of a strategy is the one that counts."""
    found: dict[Member, Share] = {}
    for record in records:
        if record.kind == "batch":
            for each in record.payload["members"]:
                share = Share(int(record.payload["m"]), float(each["weight"]))
                found.setdefault((each["configuration"], each["strategy"]), share)
    return found


def _same(one: Waiting, other: Waiting, returns: Mapping[int, pl.DataFrame]) -> bool:
    """Whether two holdouts are of the same sessions and of the same market."""
    start, end = max(one.holdout.start, other.holdout.start), min(one.holdout.end, other.holdout.end)
    if start > end:
        return False
    if one.symbols & other.symbols:
        return True
    first, second = (returns.get(each.row) for each in (one, other))
    if first is None or second is None:
        return False
    measured = correlation(first, second, start, end)
    return measured is not None and abs(measured) > SAME_MARKET


def _member(record: Record) -> Member:
    return record.configuration, record.subject or ""
