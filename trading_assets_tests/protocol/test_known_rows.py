from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.protocol.known_rows import KnownRows

TABLES = st.lists(st.lists(st.integers(0, 2), max_size=5), max_size=6)


def frame(values: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"value": values}, schema={"value": pl.Int64})


@given(TABLES)
def test_whatever_became_of_the_table_each_row_is_what_is_made_of_it(tables: list[list[int]]) -> None:
    known = KnownRows[tuple[int, int]]()

    def make(rows: pl.DataFrame, before: int) -> tuple[tuple[int, int], ...]:
        return tuple((before + place, value) for place, value in enumerate(rows["value"]))

    for values in tables:
        assert known.of(frame(values), make)[: len(values)] == tuple(enumerate(values))
        assert len(known.of(frame(values), make)) == len(values)


def test_rows_that_are_known_are_not_made_again() -> None:
    known, made = KnownRows[int](), list[list[int]]()

    def make(rows: pl.DataFrame, before: int) -> tuple[int, ...]:
        made.append(rows["value"].to_list())
        return tuple(rows["value"])

    for values in ([1, 2], [1, 2], [1, 2, 3], [1, 5, 3]):
        known.of(frame(values), make)
    assert made == [[1, 2], [3], [1, 5, 3]]


def test_rows_that_nothing_could_be_made_of_are_not_known() -> None:
    known = KnownRows[int]()

    def refuse(rows: pl.DataFrame, before: int) -> tuple[int, ...]:
        raise ValueError("edited")

    for _ in range(2):
        with pytest.raises(ValueError, match="edited"):
            known.of(frame([1]), refuse)
