from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.market_data.sources.raw import SCHEMA, arrange


def test_rows_of_the_span_in_order_with_every_column() -> None:
    days = [dt.date(2024, 1, day) for day in (4, 2, 3, 3)]
    given = pl.DataFrame({"symbol": "A", "session": days, "close": [4, 2, 9, 3], "source_line": [5, 6, 8, 7]})
    found = arrange(given, dt.date(2024, 1, 2), dt.date(2024, 1, 3))
    assert found.schema == SCHEMA
    assert found["close"].to_list() == [2.0, 3.0, 9.0], "two bars of one session stay, by their lines"
    assert found["volume"].null_count() == 3
