"""What a run saw: bars, and the rates that decide what it earned."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.backtests.inputs.data_hash import data_hash, hash_with_rates
from trading_assets.features.alternative import Publications
from trading_assets.market_data.tables import BORROW_RATES, PUBLICATIONS, RISK_FREE
from trading_assets_tests.backtests.frames import frames
from trading_assets_tests.features.published import published

END = dt.date(2001, 12, 31)
CASH = pl.DataFrame({"session": [dt.date(2001, 1, 3), dt.date(2001, 6, 1)], "rate": [0.01, 0.02]})
LENT = BORROW_RATES.conform(
    pl.DataFrame(
        {
            "symbol": ["AAA", "ZZZ"],
            "row": [0, 0],
            "session": [None, None],
            "borrow_bps": [50.0, 10.0],
            "borrowable": [True, True],
        },
        schema_overrides={"session": pl.Date},
    )
)


def hashed(cash: pl.DataFrame = CASH, lent: pl.DataFrame = LENT) -> str:
    return hash_with_rates([frames(300).bars], ["AAA", "BBB"], END, cash, lent)


def test_without_rates_it_is_that_of_the_bars() -> None:
    """So that what was recorded before there were rates stays what it was."""
    assert hashed(RISK_FREE.empty(), BORROW_RATES.empty()) == data_hash([frames(300).bars], ["AAA", "BBB"], END)
    assert hashed(RISK_FREE.empty(), LENT.filter(symbol="ZZZ")) == hashed(RISK_FREE.empty(), BORROW_RATES.empty())


@pytest.mark.parametrize(
    ("cash", "lent", "same"),
    [
        (CASH.with_columns(rate=pl.lit(-0.01)), LENT, False),
        (CASH.head(1), LENT, False),
        (CASH, LENT.with_columns(borrow_bps=pl.when(symbol="AAA").then(0.0).otherwise("borrow_bps")), False),
        (CASH, LENT.with_columns(borrowable=pl.col("symbol") != "AAA"), False),
        (CASH, LENT.filter(symbol="AAA"), True),
        (pl.concat([CASH, pl.DataFrame({"session": [END + dt.timedelta(days=1)], "rate": [0.5]})]), LENT, True),
        (pl.concat([CASH, pl.DataFrame({"session": [END], "rate": [0.5]})]), LENT, True),  # published too late
        (CASH.reverse(), LENT.reverse(), True),
    ],
)
def test_each_rate_that_acts_counts_and_no_other(cash: pl.DataFrame, lent: pl.DataFrame, same: bool) -> None:
    assert (hashed(cash, lent) == hashed()) is same


def test_what_was_published_counts_and_where_it_was_read_does_not() -> None:
    of = frames(300).instruments
    rows = published(*(("AAA", at, at, at.date(), 1.5) for at in (dt.datetime(2001, 3, 1), dt.datetime(2001, 4, 1))))

    def with_rows(changed: pl.DataFrame) -> str:
        bars, symbols = [frames(300).bars], ["AAA", "BBB"]
        return hash_with_rates(bars, symbols, END, CASH, LENT, Publications.of(changed, of))

    same = with_rows(rows)
    assert same != hashed()
    assert with_rows(rows.reverse().with_columns(source_file=pl.lit("moved.csv"), source_line=7)) == same
    later = dt.datetime.combine(END + dt.timedelta(days=1), dt.time(10))
    assert with_rows(pl.concat([rows, published(("AAA", later, later, later.date(), 9.0))])) == same
    for name, value in (("value", 2.0), ("published_at", dt.datetime(2001, 3, 2)), ("session", dt.date(2001, 3, 2))):
        assert with_rows(rows.with_columns(pl.lit(value).alias(name)).unique(PUBLICATIONS.key)) != same, name
