from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.market_data import bar_windows
from trading_assets.market_data.bar_windows import by_parts, distinct, following, parts_of, previous, repeated

ROWS = pl.DataFrame({"symbol": ["a", "a", "a", "b"], "x": [1, 2, 3, 4]})


def test_the_bars_beside_a_bar_are_of_its_symbol() -> None:
    found = ROWS.select(before=previous("x"), two=previous("x", 2), after=following(pl.col("x") * 10))
    assert found["before"].to_list() == [None, 1, 2, None]
    assert found["two"].to_list() == [None, None, 1, None]
    assert found["after"].to_list() == [20, 30, None, None]


def test_every_row_of_a_repeated_key_is_marked_null_included() -> None:
    rows = pl.DataFrame({"k": ["a", "a", "b", None, None]})
    assert rows.select(repeated(["k"])).to_series().to_list() == [True, True, False, True, True]
    assert rows.head(1).select(repeated(["k"])).to_series().to_list() == [False]


def test_distinct_rows_wherever_they_are() -> None:
    rows = pl.DataFrame({"k": [1, 1, 2, 1], "x": [0, 0, 0, 0]})
    assert sorted(distinct(rows, ["k"])["k"]) == [1, 2]


@given(st.lists(st.integers(1, 9), max_size=8), st.integers(1, 20))
def test_parts_are_whole_symbols_of_at_least_so_many_bars(bars: list[int], least: int) -> None:
    """Some symbols, each with some bars; the last part has what is left."""
    rows = pl.DataFrame({"symbol": [f"{at}" for at, count in enumerate(bars) for _ in range(count)]}, {"symbol": str})
    rows = rows.with_columns(x=pl.int_range(pl.len()))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bar_windows, "_ROWS", least)
        parts = list(parts_of(rows))
        assert by_parts(rows, lambda part: part.select("x")).equals(rows.select("x"))
    assert pl.concat(parts).equals(rows)
    assert sum(part["symbol"].n_unique() for part in parts) == len(bars)
    assert all(part.height >= least for part in parts[:-1])
