"""What was switched off by hand, and for how long: steps of the rollout of a source of features, on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from trading_assets.config import Configuration
from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.records import Record

#: Action of a record that is a step of the rollout, kind of its subject, and the stage at which nothing is used.
MOVE, FEATURE, OFF = "rollout", "feature", "off"


@dataclass(frozen=True)
class SwitchedOff:
    """A time in which nothing of a provider is used; `end` is None while it lasts. UTC."""

    provider: str
    start: dt.datetime
    end: dt.datetime | None = None


def switched_off_on(records: Iterable[Record], configuration: str) -> list[SwitchedOff]:
    """Return the times in which providers were switched off, in order of their beginning.

    Parameters
    ----------
    records, configuration
        Records of the protocol, and the name of the configuration.
    """
    found: list[SwitchedOff] = []
    for each in records:
        kind, _, provider = (each.subject or "").partition("/")
        if (each.kind, each.configuration, kind) != ("account", configuration, FEATURE):
            continue
        lasting = [other for other in found if other.provider == provider and other.end is None]
        if each.payload["stage"] == OFF and not lasting:
            found.append(SwitchedOff(provider, each.recorded_at))
        elif each.payload["stage"] != OFF:
            for other in lasting:
                found[found.index(other)] = SwitchedOff(provider, other.start, each.recorded_at)
    return found


def switched_off(configuration: Configuration) -> list[SwitchedOff]:
    """Return when providers of a configuration were switched off; nothing is read where it has none."""
    if not configuration.alternative_data:
        return []
    return switched_off_on(Protocol.of(configuration).read(), configuration.name)
