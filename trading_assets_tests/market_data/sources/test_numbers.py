from __future__ import annotations

import polars as pl
import pytest

from trading_assets.market_data.sources.numbers import to_numbers


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1.5", 1.5), (" 2 ", 2.0), ("1e3", 1000.0), ("$189.25", 189.25), ("-$4", -4.0), ("55.63M", 55_630_000.0)],
)
def test_a_cell_is_the_number_that_it_says(cell: str, number: float) -> None:
    assert to_numbers(pl.Series([cell])).to_list() == [pytest.approx(number, rel=1e-15)]


def test_what_is_no_finite_number_is_null() -> None:
    assert to_numbers(pl.Series(["", "n/a", "nan", "inf", "1,234", None])).to_list() == [None] * 6
    assert to_numbers(pl.Series([1, 2])).to_list() == [1.0, 2.0]
    assert to_numbers(pl.Series([1.0, float("inf")])).to_list() == [1.0, None]
