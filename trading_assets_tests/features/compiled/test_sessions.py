"""Cross-sections: groups by asset class and session, whatever the order of the rows."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from trading_assets.features.compiled.expression import col
from trading_assets.features.compiled.sessions import over_sessions

DAY = dt.date(2020, 1, 1)


def test_ranks_are_within_the_class_and_the_session() -> None:
    draw = np.random.default_rng(0)
    rows = pl.DataFrame(
        {
            "asset_class": draw.choice(["equity", "crypto"], 300),
            "session": [DAY + dt.timedelta(days=int(number)) for number in draw.integers(0, 30, 300)],
            "x": pl.Series(draw.choice([1.0, 2.0, 3.0, np.nan], 300)).fill_nan(None),
        }
    )
    found = over_sessions(rows, {"rank": col("x").rank(), "count": col("x").count()})
    expected = rows.select(
        rank=pl.col("x").rank("average").over("asset_class", "session"),
        count=pl.col("x").count().over("asset_class", "session").cast(pl.Float64),
    )
    np.testing.assert_array_equal(found["rank"], expected["rank"].fill_null(np.nan).to_numpy())
    np.testing.assert_array_equal(found["count"], expected["count"].to_numpy())


def test_sessions_a_century_apart_are_found_as_well() -> None:
    """More days than fit into 16 bits."""
    days = [DAY, dt.date(1800, 1, 1), DAY]
    rows = pl.DataFrame({"asset_class": ["a"] * 3, "session": days, "x": [2.0, 5.0, 1.0]})
    assert over_sessions(rows, {"rank": col("x").rank()})["rank"].tolist() == [2.0, 1.0, 1.0]


def test_no_rows_have_no_ranks() -> None:
    rows = pl.DataFrame(schema={"asset_class": pl.String, "session": pl.Date, "x": pl.Float64})
    assert over_sessions(rows, {"rank": col("x").rank()})["rank"].size == 0
