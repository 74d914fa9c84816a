from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from trading_assets.robustness.stress.benchmark_months import BEAR, RANGE, benchmark_levels, classify_months, in_months
from trading_assets_tests.backtests.frames import bars_of

# session, high, low, close, ma_200
LEVELS = [
    # January: the mean is not full yet; 104 / 95 - 1 = 9.5 %: a range.
    (dt.date(2020, 1, 2), 104.0, 96.0, 100.0, None),
    (dt.date(2020, 1, 31), 103.0, 95.0, 97.0, None),
    # February: below its mean in the middle, above it on the last session: no bear; 110 / 100 - 1 = 10 %: no range.
    (dt.date(2020, 2, 14), 105.0, 100.0, 101.0, 102.0),
    (dt.date(2020, 2, 28), 110.0, 101.0, 109.0, 102.0),
    # March: below on the last session: bear; 108 / 90 - 1 = 20 %.
    (dt.date(2020, 3, 2), 108.0, 104.0, 107.0, 103.0),
    (dt.date(2020, 3, 31), 100.0, 90.0, 92.0, 102.0),
    # April: begun only; bear and range.
    (dt.date(2020, 4, 1), 93.0, 90.0, 91.0, 101.0),
]


def levels(rows: list[tuple[dt.date, float, float, float, float | None]] = LEVELS) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["session", "high", "low", "close", "ma_200"], orient="row")


def test_months_by_hand() -> None:
    found = classify_months(levels())
    assert found["month"].to_list() == [dt.date(2020, month, 1) for month in (1, 2, 3, 4)]
    assert found[BEAR].to_list() == [None, False, True, True]
    assert found[RANGE].to_list() == [True, False, False, True]


def test_a_month_does_not_know_the_next() -> None:
    for end in range(1, len(LEVELS) + 1):
        part = classify_months(levels(LEVELS[:end]))
        whole = classify_months(levels())
        complete = part.filter(pl.col("month") < LEVELS[end - 1][0].replace(day=1))
        assert complete.equals(whole.head(complete.height))


@pytest.mark.parametrize(("kind", "expected"), [(BEAR, [4, 5, 6]), (RANGE, [0, 1, 6])])
def test_rows_of_the_months_of_a_kind(kind: str, expected: list[int]) -> None:
    frame = levels().with_row_index()
    assert in_months(frame, "session", classify_months(frame), kind)["index"].to_list() == expected


def index_bars(closes: list[float], **changes: list[float]) -> pl.DataFrame:
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(len(closes))]
    return bars_of("B", np.array(closes), days, "index").with_columns(
        **{name: pl.Series(values) for name, values in changes.items()}
    )


def test_without_a_benchmark_no_month_is_of_a_kind() -> None:
    """Two hundred sessions at 100, then one of 90, below their mean of 99.95."""
    bars = index_bars([100.0] * 200 + [90.0])
    none = classify_months(benchmark_levels(bars, None, dt.date(2020, 12, 31)))
    assert none.is_empty()
    assert in_months(levels(), "session", none, BEAR).is_empty()
    one = classify_months(benchmark_levels(bars, "B", dt.date(2020, 12, 31)))
    assert one[BEAR].to_list() == [None] * 6 + [True]
    assert classify_months(benchmark_levels(bars, "B", dt.date(2019, 1, 1))).is_empty()


def test_months_follow_the_splits_of_the_benchmark_and_not_its_dividends() -> None:
    """100 for 210 sessions, then 98 ex a dividend of 2 (a total return of 0): below the mean of prices. Two for one."""
    closes = [100.0] * 210 + [98.0] * 10
    ex = [0.0] * 210 + [2.0] + [0.0] * 9
    total = [100.0] * 220
    paid = index_bars(closes, cash_dividend=ex, adj_close=total, adj_high=total, adj_low=total)
    found = classify_months(benchmark_levels(paid, "B", dt.date(2020, 12, 31)))
    assert found[BEAR].to_list()[-1] is True
    halved = index_bars(
        [100.0] * 210 + [49.0] * 10, split_ratio=[1.0] * 210 + [2.0] + [1.0] * 9, high=[101.0] * 210 + [49.5] * 10
    )
    split = classify_months(benchmark_levels(halved, "B", dt.date(2020, 12, 31)))
    assert split.select(BEAR, RANGE).rows() == found.select(BEAR, RANGE).rows()
