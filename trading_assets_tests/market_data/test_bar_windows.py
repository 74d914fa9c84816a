from __future__ import annotations

import polars as pl

from trading_assets.market_data.bar_windows import distinct, following, previous, repeated

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
