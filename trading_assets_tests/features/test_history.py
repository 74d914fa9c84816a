from __future__ import annotations

import math

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.features.history import (
    in_order,
    is_in_order,
    is_in_order_of_keys,
    usable_for_signals,
    with_defined,
)
from trading_assets.market_data.quality import EXTREME_MOVE
from trading_assets_tests.features.by_hand import bars


def test_rows_come_by_symbol_and_session() -> None:
    rows = pl.concat([bars([1.0, 2.0], symbol="BBB"), bars([3.0, 4.0])])
    assert in_order(rows.reverse())["adj_close"].to_list() == [3.0, 4.0, 1.0, 2.0]


def test_nothing_but_numbers_is_defined() -> None:
    """1 / 0 and 0 / 0 are null; groups do not see each other."""
    rows = pl.DataFrame({"symbol": ["a", "a", "b"], "x": [1.0, 0.0, 2.0], "y": [0.0, 0.0, 4.0]})
    defined = with_defined(rows, {"ratio": pl.col("x") / pl.col("y"), "before": pl.col("x").shift(1)}, ["symbol"])
    assert defined["ratio"].to_list() == [None, None, 0.5]
    assert defined["before"].to_list() == [None, 1.0, None]
    assert not any(value is not None and math.isnan(value) for value in defined["ratio"])


def test_an_extreme_move_is_not_usable() -> None:
    rows = pl.DataFrame({"flags": [[], [EXTREME_MOVE.name], ["gap_event"]]}, schema={"flags": pl.List(pl.String)})
    assert rows.select(usable_for_signals()).to_series().to_list() == [True, False, True]


@given(st.lists(st.tuples(st.sampled_from(["A", "B", "AB"]), st.integers(0, 3)), max_size=6))
def test_rows_are_in_order_as_sorting_has_them(keys: list[tuple[str, int]]) -> None:
    rows = pl.DataFrame(keys, schema={"symbol": pl.String, "session": pl.Int64}, orient="row")
    assert is_in_order(rows) == (keys == sorted(keys))
    assert is_in_order_of_keys(rows) == (keys == sorted(set(keys)))
