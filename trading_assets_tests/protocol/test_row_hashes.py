"""Hashes of rows that come in batches are those of all rows at once."""

from __future__ import annotations

import datetime as dt
import itertools

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.features.tables import DAILY
from trading_assets.protocol.row_hashes import RowHashes
from trading_assets.protocol.written_rows import hash_by_month, hash_whole, hashes_by_month

FIRST, LAST = dt.date(2020, 1, 30), dt.date(2020, 4, 1)
VALUES = st.one_of(st.none(), st.floats(-1, 1))


@settings(max_examples=30)
@given(
    values=st.lists(st.tuples(VALUES, VALUES), min_size=30, max_size=30),
    cuts=st.lists(st.integers(0, 10), max_size=4),
)
def test_the_batches_say_nothing(values: list[tuple[float | None, float | None]], cuts: list[int]) -> None:
    """Ten symbols with three sessions each, in January, February and on the first of April; cut between symbols."""
    sessions = (FIRST, dt.date(2020, 2, 1), LAST)
    keys = [(f"S{symbol}", session) for symbol in range(10) for session in sessions]
    lines = [(*key, *own, f"text of {key[0]}") for key, own in zip(keys, values, strict=True)]
    rows = pl.DataFrame(
        lines,
        schema={"symbol": pl.String, "session": pl.Date, "one": pl.Float64, "two": pl.Float64, "text": pl.String},
        orient="row",
    )
    hashes = hashes_by_month(DAILY, FIRST, LAST)
    bounds = [0, *sorted(cuts), 10]
    for start, end in itertools.pairwise(bounds):
        hashes.add(rows[start * 3 : end * 3])
    assert hashes.rows() == hash_by_month(DAILY, rows, FIRST, LAST)
    assert hashes.rows().parts["2020-03"] == hash_by_month(DAILY, rows.clear(), FIRST, LAST).parts["2020-03"]


def test_a_part_of_its_own_is_hashed_in_batches_too() -> None:
    rows = pl.DataFrame({"symbol": ["A", "B"], "session": [FIRST, LAST], "one": [None, 1.0]})
    hashes = RowHashes(DAILY, pl.lit("mine"), ["mine"])
    for each in rows.iter_slices(1):
        hashes.add(each)
    assert hashes.rows() == hash_whole(DAILY, rows, "mine")
