"""Who is champion by a person's word: pinned, promoted or rolled back, on record with its day, its author and why.

The record has the time of the machine that wrote it, in a chain that can only grow: nobody decides yesterday who was to
be champion then. A decision acts from the first session after its day, and is part of what is registered. It is of a
model as it was then, see `model_identity`: another one under its name has nobody's word.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from trading_assets.config import Configuration
from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.records import Record
from trading_assets.protocol.settings_identity import model_identity, section_identity

#: A pin holds whatever tests say; after the others tests go on, by sessions from then on.
Action = Literal["pin", "promote", "rollback"]
ACTIONS: tuple[str, ...] = get_args(Action)


@dataclass(frozen=True)
class HandDecision:
    """A person's word on who is champion.

    Attributes
    ----------
    champion, action
        Name of the champion in the configuration, and what was asked for.
    candidate, pinned
        Who is champion from then on, and whether tests are without effect: of a rollback what was so before.
    day
        Day on which it went on record, UTC: it acts from the first session after it.
    by, reason
        Who decided, and why.
    settings
        What the candidate was then, see `model_identity`; some records have that of its section alone. None in those of
        earlier versions, which act whatever it is now.
    """

    champion: str
    action: str
    candidate: str
    pinned: bool
    day: dt.date
    by: str
    reason: str
    settings: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it: a part of registrations and of what steps are computed from."""
        said = {key: value for key, value in vars(self).items() if key != "settings" or value is not None}
        return {**said, "day": self.day.isoformat()}

    def as_reason(self) -> str:
        """Return why somebody is champion, where it has acted."""
        return f"{self.action} by {self.by} on {self.day}: {self.reason}"

    def in_words(self) -> str:
        """Return it as a sentence without its end."""
        return f"{self.action} of {self.candidate} as champion {self.champion}, {self.by} on {self.day}: {self.reason}"


def record_decision(protocol: Protocol, decision: HandDecision, now: dt.datetime) -> HandDecision:
    """Put a decision on record, and return it as it stands there, with the day of the record.

    Parameters
    ----------
    protocol, decision
        Protocol of the data folder, and what is decided; its day is that of `now`, or of a later record before it.
    now
        Time of the record, UTC.
    """
    said = {key: value for key, value in decision.plain().items() if key not in ("champion", "day")}
    record = protocol.append("decision", decision.champion, said, now=now)
    return _decision_of(record)


def decisions_on(records: Iterable[Record], configuration: str, champions: Sequence[str]) -> list[HandDecision]:
    """Return what was decided by hand of some champions of a configuration, oldest first.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, champions
        Name of the configuration, and names of its champions.
    """
    own = (each for each in records if each.kind == "decision" and each.configuration == configuration)
    return [_decision_of(each) for each in own if each.subject in champions]


def decisions_of(configuration: Configuration, champions: Sequence[str]) -> list[HandDecision]:
    """Return what is on record and stands, see `void_decisions_of`; nothing is read where there is no champion."""
    return [each for each in _on_record(configuration, champions) if _stands(configuration, each)]


def void_decisions_of(configuration: Configuration, champions: Sequence[str]) -> list[HandDecision]:
    """Return what is on record of candidates that are other models since, see `model_identity`."""
    return [each for each in _on_record(configuration, champions) if not _stands(configuration, each)]


def _on_record(configuration: Configuration, champions: Sequence[str]) -> list[HandDecision]:
    return decisions_on(Protocol.of(configuration).read(), configuration.name, champions) if champions else []


def _stands(configuration: Configuration, decision: HandDecision) -> bool:
    if decision.settings is None or decision.candidate not in configuration.models:
        return True
    # Either says by its form what it is of: no hash of a section is one of all that a model is made of.
    identities = (model_identity, section_identity)
    return any(decision.settings == each(configuration, decision.candidate) for each in identities)


def decisions_behind(configuration: Configuration, strategy: str, until: dt.date = dt.date.max) -> list[HandDecision]:
    """Return what was decided by hand of the champions that a strategy or a member of it may read.

    Parameters
    ----------
    configuration, strategy
        Configuration, and the name of one of its strategies.
    until
        Last day of what is asked for: a decision of that day or later acts on none of it.
    """
    found = decisions_of(configuration, configuration.champions_behind(strategy))
    return [each for each in found if each.day < until]


def _decision_of(record: Record) -> HandDecision:
    said = record.payload
    return HandDecision(
        champion=record.subject or "",
        action=said["action"],
        candidate=said["candidate"],
        pinned=said["pinned"],
        day=record.recorded_at.date(),
        by=said["by"],
        reason=said["reason"],
        settings=said.get("settings"),
    )
