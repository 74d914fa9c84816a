"""What counts as a run of an account: what its own runs published, under its configuration, and nothing else."""

from __future__ import annotations

import datetime as dt
from typing import Any

from trading_assets.protocol import Record
from trading_assets.trading.runs_on_record import runs_on_record

RUN = {"account": "s-1", "through": "2026-03-04", "follows": 0}


def record(payload: dict[str, Any], kind: str = "evidence", configuration: str = "c") -> Record:
    return Record(1, kind, dt.datetime(2026, 3, 4), configuration, None, payload, "")


def test_the_runs_of_an_account_are_returned_in_order() -> None:
    later = RUN | {"through": "2026-03-05", "left": True}
    others = [
        record(RUN | {"account": "s-2"}),
        record(RUN, configuration="other"),
        record({"action": "open", "account": "s-1"}, kind="account"),
        record({"account": "s-1", "asset": "of something that publishes no session"}),
    ]
    assert runs_on_record([record(RUN), *others, record(later)], "c", "s-1") == [RUN, later]
    assert runs_on_record(others, "c", "s-1") == []
