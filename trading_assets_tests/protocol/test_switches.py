"""Times in which a provider was switched off, from steps on record."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from trading_assets.protocol import Protocol
from trading_assets.protocol.switches import MOVE, SwitchedOff, switched_off_on


def test_a_time_begins_with_off_and_ends_with_the_next_full(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "small")
    days = [dt.datetime(2026, 1, day) for day in (1, 2, 3, 4, 5)]
    said = [("feature/news", "off"), ("feature/news", "off"), ("strategy/news", "off"), ("feature/macro", "off")]
    for day, (subject, stage) in zip(days, [*said, ("feature/news", "full")], strict=True):
        protocol.append("account", subject, {"action": MOVE, "stage": stage}, now=day)
    found = switched_off_on(protocol.read(), "small")
    assert found == [SwitchedOff("news", days[0], days[4]), SwitchedOff("macro", days[3])]
    protocol.append("account", "feature/news", {"action": MOVE, "stage": "off"}, now=days[4])
    assert switched_off_on(protocol.read(), "small")[-1] == SwitchedOff("news", days[4])
    assert switched_off_on(protocol.read(), "another") == []
