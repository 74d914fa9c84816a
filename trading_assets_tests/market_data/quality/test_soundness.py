from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.market_data.quality.soundness import faults, missing_sessions

DAYS = [dt.date(2024, 1, day) for day in (2, 3, 4, 5)]
SESSIONS = pl.DataFrame({"calendar": "XNYS", "session": DAYS})
INSTRUMENTS = pl.DataFrame(
    {"symbol": ["A", "B"], "calendar": "XNYS", "first_session": DAYS[0], "last_session": [DAYS[3], DAYS[1]]}
)


def bars(**changes: list[object]) -> pl.DataFrame:
    prices = {f"{kind}{name}": [10.0, 10.0] for kind in ("", "adj_") for name in ("open", "high", "low", "close")}
    return pl.DataFrame({"symbol": ["A", "A"], "session": DAYS[:2], **prices} | changes)


def test_each_fault_is_counted_by_itself() -> None:
    def found(**changes: list[object]) -> list[int]:
        return list(faults(bars(**changes), INSTRUMENTS, SESSIONS).values())

    assert found() == [0, 0, 0, 0]
    assert found(adj_close=[10.0, float("inf")]) == [1, 0, 0, 0]
    assert found(close=[11.0, 10.0]) == [0, 1, 0, 0]
    assert found(session=[DAYS[0], DAYS[0]]) == [0, 0, 1, 0]
    assert found(session=[DAYS[0], dt.date(2024, 1, 6)]) == [0, 0, 0, 1]


def test_missing_sessions_lie_between_the_first_and_the_last_bar() -> None:
    """A has 2 of its 4 sessions, B none of its 2."""
    found = missing_sessions([bars()], INSTRUMENTS, SESSIONS)
    assert found.rows() == [("B", 2, 2), ("A", 4, 2)]
