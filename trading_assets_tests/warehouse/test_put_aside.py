"""Rows that wait on disk: they come back as they went, replace as one frame does, and half of them replaces nothing."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import polars as pl
import pytest

from trading_assets.warehouse import Column, ContractError, Sessions, Table, Warehouse, Whole
from trading_assets.warehouse.put_aside import Batches, PutAside

DAY = dt.date(2020, 1, 1)
JANUARY = Sessions(DAY, dt.date(2020, 1, 31))
LEVELS = Table(
    name="features.levels",
    description="levels",
    key=("symbol", "session"),
    columns={
        "symbol": Column(pl.String, "symbol"),
        "session": Column(pl.Date, "session"),
        "level": Column(pl.Float64, "level", nullable=True),
    },
    extra=Column(pl.Float64, "a further level", nullable=True),
)


def rows(symbols: str, level: float = 1.0, start: dt.date = DAY) -> pl.DataFrame:
    lines = [(symbol, start + dt.timedelta(days=day), level + day, -level) for symbol in symbols for day in range(3)]
    return pl.DataFrame(lines, schema=["symbol", "session", "level", "other"], orient="row")


def test_frames_come_back_by_name_in_their_order_and_may_be_taken_twice(tmp_path: Path) -> None:
    with PutAside(tmp_path / "new folder") as aside:
        for number, name in enumerate(["a", "b", "a"]):
            aside.put(name, rows("AB", number))
        for _ in range(2):
            assert pl.concat(aside.take("a")).equals(pl.concat([rows("AB", 0), rows("AB", 2)]))
        assert list(aside.take("nobody")) == []
        assert list((tmp_path / "new folder").iterdir()) == [], "a kill would leave a file that has a name"


def test_frames_of_every_type_outlive_the_file_and_cannot_change_it(tmp_path: Path) -> None:
    """Texts short and long, lists, nulls, booleans, no rows at all, and rows of several chunks."""
    row = {
        "text": ["a", None, "longer than what is kept in place"],
        "lists": [["x"], [], ["y", "z"]],
        "flag": [True, None, False],
        "number": [1.5, float("nan"), None],
        "day": [DAY, None, DAY],
        "whole": [1, 2, None],
    }
    one = pl.DataFrame(row)
    frames = [one, one.clear(), pl.concat([one, one], rechunk=False)]
    with PutAside(tmp_path) as aside:
        for frame in frames:
            aside.put("a", frame)
        taken = list(aside.take("a"))
        changed = taken[0].with_columns(whole=pl.col("whole") + 1)
        again = next(aside.take("a"))
    assert all(found.equals(frame) and found.schema == frame.schema for found, frame in zip(taken, frames, strict=True))
    assert changed["whole"].to_list() == [2, 3, None] and again.equals(one)


@pytest.mark.parametrize("parts", [["ABCD"], ["A", "BC", "D"], ["A", "B", "C", "D"], ["", "AB", "", "CD"]])
def test_batches_replace_a_slice_as_one_frame_does(tmp_path: Path, parts: list[str]) -> None:
    before = pl.concat([rows("BX"), rows("BX", 5.0, dt.date(2020, 2, 1))])
    found = []
    for name, batched in (("one", False), ("many", True)):
        warehouse = Warehouse(tmp_path / f"{name}.duckdb")
        warehouse.replace(Whole(), {LEVELS: before})
        work = warehouse.unit_of_work()
        with PutAside(tmp_path) as aside:
            batches = Batches(LEVELS, JANUARY, aside)
            for part in parts:
                stored = batches.add(rows(part, 2.0).reverse() if part else rows("A").clear())
                assert stored["symbol"].to_list() == sorted(stored["symbol"])
            work.replace(JANUARY, {LEVELS: batches if batched else rows("ABCD", 2.0)})
        assert work.heights == {LEVELS: 12}
        found.append(warehouse.read(LEVELS))
    assert found[0].equals(found[1])
    assert found[0].height == 12 + 6


def test_no_batch_at_all_empties_the_slice(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb")
    warehouse.replace(Whole(), {LEVELS: rows("AB")})
    with PutAside(tmp_path) as aside:
        warehouse.replace(JANUARY, {LEVELS: Batches(LEVELS, JANUARY, aside)})
    assert warehouse.read(LEVELS).is_empty()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (rows("B"), "does not follow"),
        (rows("A"), "does not follow"),
        (rows("C").drop("other"), "other columns"),
        (rows("C").with_columns(level=float("nan")), "finite"),
        (pl.concat([rows("C"), rows("C")]), "unique|duplicate"),
        (rows("C", start=dt.date(2020, 2, 1)), "outside of session"),
    ],
)
def test_a_batch_that_breaks_the_contract_or_does_not_follow_is_refused(
    tmp_path: Path, wrong: pl.DataFrame, said: str
) -> None:
    with PutAside(tmp_path) as aside:
        batches = Batches(LEVELS, JANUARY, aside)
        batches.add(rows("AB"))
        with pytest.raises(ContractError, match=said):
            batches.add(wrong)


def test_batches_of_another_slice_or_table_are_refused(tmp_path: Path) -> None:
    with PutAside(tmp_path) as aside, pytest.raises(ValueError, match="were checked for session"):
        Warehouse(tmp_path / "w.duckdb").replace(Whole(), {LEVELS: Batches(LEVELS, JANUARY, aside)})


def test_what_stops_in_the_middle_of_the_batches_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    """The second batch is cut off on disk: the first has been inserted by then, and the old rows taken away."""
    warehouse = Warehouse(tmp_path / "w.duckdb")
    warehouse.replace(Whole(), {LEVELS: rows("AB")})
    before, commits = warehouse.read(LEVELS), warehouse.commits(LEVELS)
    with PutAside(tmp_path) as aside:
        batches = Batches(LEVELS, JANUARY, aside)
        batches.add(rows("AB", 7.0))
        whole = aside._file.seek(0, os.SEEK_END)
        batches.add(rows("CD", 7.0))
        os.ftruncate(aside._file.fileno(), whole + 100)
        with pytest.raises(Exception, match=r"frames to write|IPC|Arrow|file"):
            warehouse.replace(JANUARY, {LEVELS: batches})
    assert warehouse.read(LEVELS).equals(before)
    assert warehouse.commits(LEVELS) == commits
    warehouse.replace(JANUARY, {LEVELS: rows("Z")})
    assert warehouse.read(LEVELS)["symbol"].unique().to_list() == ["Z"]
