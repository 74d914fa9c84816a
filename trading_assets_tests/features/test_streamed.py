"""Features computed some symbols at a time are those computed at once, to the bit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config.sections import AssetClass
from trading_assets.features.catalog import FEATURES
from trading_assets.features.daily import daily_features
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.streamed import stream_features
from trading_assets.warehouse.put_aside import PutAside
from trading_assets_tests.features.markets import flagged, market

BARS = market(symbols=("AAA", "BBB", "CCC", "DDD", "EEE"), sessions=330).select(*BAR_COLUMNS)
BENCHMARKS: dict[AssetClass, str] = {"equity": "CCC"}
#: BBB leaves for good on the way, DDD comes late, EEE is never a member.
SPELLS = [("AAA", 0, None), ("BBB", 0, 200), ("CCC", 0, None), ("DDD", 150, None)]


def universe() -> pl.DataFrame:
    days = BARS["session"].unique().sort()
    lines = [(symbol, days[start], None if end is None else days[end]) for symbol, start, end in SPELLS]
    return pl.DataFrame(lines, schema={"symbol": pl.String, "start": pl.Date, "end": pl.Date}, orient="row")


@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1, 1], [2, 3], [4, 1]])
@pytest.mark.parametrize("with_members", [True, False])
def test_batches_give_the_rows_of_all_symbols_at_once(tmp_path: Path, sizes: list[int], with_members: bool) -> None:
    """The span begins within a year and ends in another, an extreme move of the benchmark lies in it."""
    days = BARS["session"].unique().sort()
    span = (days[120], days[320])
    bars = flagged(BARS, "CCC", days[200])
    members = universe() if with_members else None
    expected = daily_features(bars, BENCHMARKS, universe=members).filter(pl.col("session").is_between(*span))
    symbols = bars["symbol"].unique().sort().to_list()
    batches, start = [], 0
    for size in sizes:
        batches.append(bars.filter(pl.col("symbol").is_in(symbols[start : start + size])))
        start += size
    with PutAside(tmp_path) as aside:
        found = stream_features(
            batches,
            bars.filter(symbol="CCC"),
            BENCHMARKS,
            FEATURES,
            universe=members,
            span=span,
            aside=aside,
        )
        rows = list(found)
    assert len(rows) == len(sizes)
    assert pl.concat(rows).equals(expected, null_equal=True)
    assert dt.date(span[0].year, 12, 31) < span[1]


def test_a_market_without_members_in_the_span_has_no_place_in_a_cross_section(tmp_path: Path) -> None:
    days = BARS["session"].unique().sort()
    nobody = universe().with_columns(start=pl.lit(days[-1] + dt.timedelta(days=9)), end=pl.lit(None, pl.Date))
    with PutAside(tmp_path) as aside:
        [found] = stream_features(
            [BARS],
            BARS.clear(),
            {},
            FEATURES,
            universe=nobody,
            span=(days[300], days[310]),
            aside=aside,
        )
    assert found["rank_return_20"].null_count() == found.height > 0
    assert found["return_20"].null_count() == 0
