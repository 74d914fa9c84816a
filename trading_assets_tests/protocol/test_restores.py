"""A restore that may have forgotten looks or trials costs the `go` of what was there to be tried, and no other."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.folder_state import folder_state
from trading_assets.protocol.restores import caps_of_restores, forgetful_restores, record_restore

NOON = dt.datetime(2026, 11, 21, 12)


def restored(data: Path, lost: int | None) -> tuple[Record, ...]:
    protocol = Protocol(data, "a")
    protocol.append("look", "trend", {"start": "2020-01-01"}, now=NOON)
    record_restore(protocol, copied=2, made_at=NOON, lost=lost, cause="the file was damaged", now=NOON)
    return protocol.read()


@pytest.mark.parametrize(("lost", "said"), [(3, "3 records after it are lost"), (None, "nobody knows which records")])
def test_verdict_after_a_restore_that_lost_records_is_at_best_conditional(
    tmp_path: Path, lost: int | None, said: str
) -> None:
    records = restored(tmp_path, lost)
    (cap,) = caps_of_restores(records, dt.date(2020, 1, 1))
    assert said in cap
    assert "restored on 2026-11-21 from a copy of 2026-11-21" in cap
    assert any(said in line for line in folder_state(records))


def test_only_a_verdict_whose_trials_all_begin_later_is_not_capped(tmp_path: Path) -> None:
    """Trials are lost with the records: also of a look that the copy has, and of a holdout after the restore."""
    records = restored(tmp_path, None)
    assert caps_of_restores(records, dt.date(2026, 11, 22)) == []
    assert caps_of_restores(records, dt.date(2026, 11, 21)) != []


def test_restore_that_lost_nothing_caps_nothing(tmp_path: Path) -> None:
    records = restored(tmp_path, 0)
    assert forgetful_restores(records) == []
    assert caps_of_restores(records, dt.date(2020, 1, 1)) == []
