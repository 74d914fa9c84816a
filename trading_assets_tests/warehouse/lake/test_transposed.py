"""Rows by symbol come back by month, each where it belongs, however many months are held at once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.warehouse.lake import transposed
from trading_assets.warehouse.lake.transposed import UNDATED, Transposed
from trading_assets.warehouse.put_aside import PutAside


def _frame(symbol: str, days: range) -> pl.DataFrame:
    """A row a day from 2019-12-01 on."""
    sessions = [dt.date(2019, 12, 1) + dt.timedelta(days=day) for day in days]
    return pl.DataFrame(
        {"symbol": [symbol] * len(days), "session": sessions, "day": list(days)},
        schema={"symbol": pl.String, "session": pl.Date, "day": pl.Int64},
    )


FRAMES = [_frame("A", range(0, 800, 3)), _frame("B", range(500)), _frame("C", range(0)), _frame("D", range(900, 910))]


@pytest.mark.parametrize("at_a_time", [1, 200, 100_000])
@pytest.mark.parametrize("height", [None, 777])
def test_months_have_their_rows_in_the_order_in_which_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_time: int, height: int | None
) -> None:
    monkeypatch.setattr(transposed, "_ROWS_AT_A_TIME", at_a_time)
    with PutAside(tmp_path) as aside:
        found = dict(Transposed(iter(FRAMES), "session", aside, height).take())
    rows = pl.concat(FRAMES)
    months = rows["session"].dt.strftime("%Y-%m")
    assert list(found) == sorted(set(months))
    for month, part in found.items():
        assert part.equals(rows.filter(months == month))


def test_a_single_frame_does_not_wait_on_disk(tmp_path: Path) -> None:
    with PutAside(tmp_path) as aside:
        new = Transposed(FRAMES[1], "session", aside)
        assert pl.concat(part for _, part in new.take()).equals(FRAMES[1])
        assert new.first is not None
        assert new.first.schema == FRAMES[1].schema


def test_rows_without_a_date_are_together(tmp_path: Path) -> None:
    frame = _frame("A", range(3)).with_columns(pl.when(pl.col("day") != 1).then("session").alias("session"))
    for rows in (frame, iter([frame])):
        with PutAside(tmp_path) as aside:
            found = dict(Transposed(rows, "session", aside).take())
        assert {month: part["day"].to_list() for month, part in found.items()} == {"2019-12": [0, 2], UNDATED: [1]}


def test_nothing_has_no_months(tmp_path: Path) -> None:
    with PutAside(tmp_path) as aside:
        none = Transposed(iter([]), "session", aside)
        assert none.first is None
        assert list(none.take()) == []
        empty = Transposed(iter([FRAMES[2]]), "session", aside)
        assert empty.first is not None
        assert list(empty.take()) == []
