"""Spells of the universe, both ends inclusive."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.analytics.members import only_members

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=k) for k in range(6)]


def test_rows_within_spells_stay() -> None:
    rows = pl.DataFrame({"symbol": ["A"] * 6 + ["B"] * 6, "session": DAYS * 2, "value": range(12)})
    spells = pl.DataFrame(
        {"symbol": ["A", "A"], "start": [DAYS[0], DAYS[4]], "end": [DAYS[1], None]},
        schema={"symbol": pl.String, "start": pl.Date, "end": pl.Date},
    )
    assert only_members(rows, spells)["value"].to_list() == [0, 1, 4, 5]
    assert only_members(rows, spells.clear()).equals(rows)
