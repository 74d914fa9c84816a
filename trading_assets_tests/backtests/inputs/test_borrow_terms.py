"""Borrow rates on record become rates and flags by session and symbol."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.backtests.inputs.borrow_terms import borrow_terms
from trading_assets.market_data.reference.borrow_rates import NO_BORROW_RATES, SCHEMA

D = dt.date
DAYS = [D(2020, 1, 2), D(2020, 1, 3), D(2020, 1, 6), D(2020, 1, 7)]


def test_without_rates_all_pay_the_constant() -> None:
    bps, borrowable = borrow_terms(NO_BORROW_RATES, ["A", "B"], DAYS, 50.0)
    assert bps.tolist() == [[50.0, 50.0]]
    assert borrowable.tolist() == [[True, True]]


def test_rates_without_a_date_take_one_row() -> None:
    rates = pl.DataFrame([("B", None, 300.0, True), ("Z", D(2020, 1, 3), 9.0, True)], schema=SCHEMA, orient="row")
    bps, _ = borrow_terms(rates, ["A", "B"], DAYS, 50.0)
    assert bps.tolist() == [[50.0, 300.0]]


def test_a_rate_is_in_force_from_the_close_of_its_session() -> None:
    """From Saturday the 4th is from Monday the 6th on; where nothing is lent any more the last rate is still paid."""
    rows = [
        ("A", D(2020, 1, 4), 700.0, True),
        ("B", None, 10.0, True),
        ("B", D(2020, 1, 3), None, False),
        ("B", D(2020, 1, 7), 80.0, True),
        ("B", D(2021, 1, 1), 1.0, False),
    ]
    bps, borrowable = borrow_terms(pl.DataFrame(rows, schema=SCHEMA, orient="row"), ["A", "B"], DAYS, 50.0)
    assert bps.T.tolist() == [[50.0, 50.0, 700.0, 700.0], [10.0, 10.0, 10.0, 80.0]]
    assert borrowable.T.tolist() == [[True] * 4, [True, False, False, True]]
