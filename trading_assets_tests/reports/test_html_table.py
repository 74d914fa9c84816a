from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.reports.html_table import Cell, grid, number, percent, price


@pytest.mark.parametrize(("value", "shown"), [(0.123, "12.3%"), (-0.0001, "0.0%"), (-0.25, "-25.0%"), (0.0, "0.0%")])
def test_percentages_have_no_negative_zero(value: float, shown: str) -> None:
    assert percent(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.0, "1,234"), (0.126, "0.13"), (-0.001, "0.00"), (12345.6, "12,346"), (2e15, "2,000,000,000,000,000")],
)
def test_numbers(value: float, shown: str) -> None:
    assert number(value) == shown


def test_prices_have_the_digits_that_tell_them_apart() -> None:
    assert [price(value) for value in (1234.5, 0.00001234567)] == ["1,234.50", "1.23457e-05"]


def test_what_is_undefined_is_a_dash_and_headings_are_words() -> None:
    frame = pl.DataFrame(
        {"a_name": ["x", None], "n": [1.5, None], "ok": [True, False], "at": [dt.date(2024, 1, 2), None]}
    )
    made = grid(frame, formats={"n": percent}, heads={"at": "day"}, links={"a_name": lambda text: f"{text}.html"})
    assert [(head.text, head.number) for head in made.heads] == [
        ("a name", False),
        ("n", True),
        ("ok", False),
        ("day", False),
    ]
    assert made.rows[0] == [Cell("x", href="x.html"), Cell("150.0%", "number"), Cell("yes", "yes"), Cell("2024-01-02")]
    assert made.rows[1] == [Cell("–", "unknown"), Cell("–", "unknown number"), Cell("no", "no"), Cell("–", "unknown")]
