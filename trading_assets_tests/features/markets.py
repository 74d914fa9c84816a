"""Bars for tests: random walks with plausible bars around them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl

MONDAY = dt.date(2018, 1, 1)
PRICES = ["adj_open", "adj_high", "adj_low", "adj_close"]


def market(
    symbols: Sequence[str] = ("AAA", "BBB", "CCC"),
    sessions: int = 300,
    seed: int = 0,
    asset_class: str = "equity",
    weekends: bool = False,
) -> pl.DataFrame:
    """Usable bars of symbols that move together: the first symbol is the benchmark of the others."""
    rng = np.random.default_rng(seed)
    days = pl.date_range(MONDAY, MONDAY + dt.timedelta(days=2 * sessions), "1d", eager=True)
    days = (days if weekends else days.filter(days.dt.weekday() <= 5)).head(sessions)
    common = rng.normal(0, 0.01, sessions)
    frames = []
    for symbol in symbols:
        close = rng.uniform(5, 500) * np.exp(np.cumsum(common + rng.normal(0.0003, 0.015, sessions)))
        opening = close * np.exp(rng.normal(0, 0.005, sessions))
        high = np.maximum(opening, close) * np.exp(np.abs(rng.normal(0, 0.005, sessions)))
        low = np.minimum(opening, close) * np.exp(-np.abs(rng.normal(0, 0.005, sessions)))
        frames.append(
            pl.DataFrame(
                {
                    "symbol": symbol,
                    "asset_class": asset_class,
                    "session": days,
                    "adj_open": opening,
                    "adj_high": high,
                    "adj_low": low,
                    "adj_close": close,
                    "dollar_volume": np.exp(rng.normal(16, 0.4, sessions)),
                    "flags": pl.Series([[]] * sessions, dtype=pl.List(pl.String)),
                }
            )
        )
    return pl.concat(frames).sort("symbol", "session")


def flagged(bars: pl.DataFrame, symbol: str, session: dt.date) -> pl.DataFrame:
    """The same bars with one of them flagged as an extreme move."""
    hit = (pl.col("symbol") == symbol) & (pl.col("session") == session)
    return bars.with_columns(pl.when(hit).then(pl.lit(["extreme_move"])).otherwise("flags").alias("flags"))


def scaled(bars: pl.DataFrame, factor: float | pl.Expr) -> pl.DataFrame:
    """All prices times a factor."""
    return bars.with_columns(pl.col(*PRICES, "dollar_volume") * factor)


def arrays(bars: pl.DataFrame, symbol: str) -> dict[str, np.ndarray]:
    """Columns of one symbol as arrays named open, high, low, close and dollars."""
    rows = bars.filter(pl.col("symbol") == symbol).sort("session")
    named = {name.removeprefix("adj_"): rows[name].to_numpy() for name in PRICES}
    return {**named, "dollars": rows["dollar_volume"].to_numpy()}
