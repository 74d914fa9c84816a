"""What a look costs an idea that was looked at before: holdouts are many, and each of them is another chance.

Whoever looks at one idea on ten spans finds a lucky one. So looks at an idea share what may be spent on it, however
far apart their holdouts are: the k-th has the part 1 / k^2 of its batch's error rate. The first keeps all of it, and
all of them together have at most pi^2 / 6 of it: 8.2 % of 5 %. A rate that is spent along a sequence whose end nobody
knows has to be summable: alpha spending (Lan and DeMets 1983), alpha investing (Foster and Stine 2008), and the
sequences of Javanmard and Montanari (2018). Nothing is earned back by a success.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.config.sections import Interval
from trading_assets.protocol.batches import Member, batch_on_record, members_of, overlap
from trading_assets.protocol.exposures import SAME_MARKET, Contents, evaluations
from trading_assets.protocol.records import Record
from trading_assets.protocol.universe_returns import correlation

#: Strategies in one market whose daily returns correlate more than this, in size, are one idea, whatever their code is.
SAME_IDEA = 0.9
#: What the evidence is of that has the returns by which an idea is known: those on train and validation.
IDEA_ASSET = "idea"
#: How version 0.1.0 called the modules of shipped strategies.
_FIRST_FOLDER = "trading_assets.strategies."


@dataclass(frozen=True)
class Idea:
    """What tells one idea from another, whatever its parameters, its name and its holdout are.

    Attributes
    ----------
    type
        Identity of the strategy's module.
    code
        Hash of a user's own code, whatever its modules are called; empty for a shipped strategy.
    """

    type: str
    code: str = ""

    def is_that_of(self, other: Idea) -> bool:
        """Return whether both are of one module, or of a copy of it."""
        return (bool(self.type) and self.type == other.type) or (bool(self.code) and self.code == other.code)


#: Of a look that does not say it.
NO_IDEA = Idea("")


def looks_before(
    records: Sequence[Record],
    member: Member,
    idea: Idea,
    holdout: Interval,
    symbols: Sequence[str],
    universe_returns: pl.DataFrame,
    contents: Contents,
    own_returns: pl.DataFrame | None = None,
) -> int:
    """Count the looks that share a price with one that is about to be made.

    Those at the same idea in the same market, on whatever sessions: of its module, a copy of it, or its name in the
    configuration, as a module may be edited and renamed, or of what earned the same on train and validation, as both
    may be; and those at any idea that saw sessions of the same holdout, of the same configuration or in the same
    market. Looks of one batch are one, as they have shared one rate; looks of the own batch are none, and so are
    further looks at the own holdout, which are never a `go`.

    Parameters
    ----------
    member
        Configuration and strategy that looks.
    symbols, universe_returns
        Symbols of the strategy's universe, and their equal-weight returns.
    own_returns
        Daily returns of the strategy on train and validation: session, value. None: not known.
    """
    own = members_of(batch_on_record(records, member, holdout))
    found: set[int] = set()
    for record, said in evaluations(records, contents.texts):
        other, seen = (record.configuration, record.subject or ""), _holdout(said)
        same_sessions = overlap(seen, holdout)
        if record.kind != "look" or (same_sessions and (other == member or other in own)):
            continue
        same_market = bool(set(symbols) & set(said["symbols"])) or _correlate(
            universe_returns, contents.returns.get(record.row)
        )
        same_idea = same_market and (
            other == member
            or idea.is_that_of(idea_of(record, records, contents))
            or _earn_alike(own_returns, _returns_of(record, records, contents))
        )
        if same_idea or (same_sessions and (same_market or record.configuration == member[0])):
            batch = batch_on_record(records, other, seen)
            found.add(record.row if batch is None else batch.row)
    return len(found)


def price_of(looks: int) -> float:
    """Return the part of its error rate that a look has after so many others: 1 / k^2 for the k-th.

    Examples
    --------
    >>> price_of(0), price_of(1), round(price_of(2), 4)
    (1.0, 0.25, 0.1111)
    """
    return 1 / (looks + 1) ** 2


def idea_of(look: Record, records: Sequence[Record], contents: Contents) -> Idea:
    """Return the idea that a look was at; of one that does not say it, by the registration that it was made for.

    Parameters
    ----------
    look, records
        Record of the look, and all records of the protocol.
    contents
        Texts of registrations by the row of their record.
    """
    if "idea" in look.payload:
        return Idea(*look.payload["idea"])
    said = [look, *(r for r in records if r.kind == "registration" and "imported" in r.payload)]
    for each in said:
        if (
            each.payload.get("registration_hash") == look.payload.get("registration_hash")
            and each.row in contents.texts
        ):
            found = str(json.loads(contents.texts[each.row]).get("type", ""))
            return Idea(found.removeprefix(_FIRST_FOLDER))
    return NO_IDEA


def returns_of_ideas(records: Sequence[Record]) -> list[Record]:
    """Return the records that have the returns of what was looked at."""
    return [r for r in records if r.kind == "evidence" and r.payload.get("asset") == IDEA_ASSET]


def _returns_of(look: Record, records: Sequence[Record], contents: Contents) -> pl.DataFrame | None:
    """Daily returns on train and validation of what was looked at; None where an earlier version looked."""
    of = (look.configuration, look.subject, look.payload.get("registration_hash"))
    for each in returns_of_ideas(records):
        if (each.configuration, each.subject, each.payload["registration_hash"]) == of:
            return contents.returns.get(each.row)
    return None


def _earn_alike(one: pl.DataFrame | None, other: pl.DataFrame | None) -> bool:
    """Whether two strategies are one idea by what they earn, on the same sessions or one of them a few later."""
    if one is None or other is None:
        return False
    measured = correlation(one, other, dt.date.min, dt.date.max)
    return measured is not None and abs(measured) > SAME_IDEA


def _correlate(one: pl.DataFrame, other: pl.DataFrame | None) -> bool:
    """Whether two universes are one market in what sessions they have in common, holdout or not."""
    measured = None if other is None else correlation(one, other, dt.date.min, dt.date.max)
    return measured is not None and abs(measured) > SAME_MARKET


def _holdout(said: Mapping[str, Any]) -> Interval:
    return Interval(start=said["start"], end=said["end"])
