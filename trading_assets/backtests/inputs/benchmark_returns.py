"""What the benchmark of a strategy earned, dividends and splits followed."""

from __future__ import annotations

import polars as pl

from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.backtests.results.metrics import PRICE_RETURN, TOTAL_RETURN


def kind_of(bars: pl.DataFrame, benchmark: str | None) -> str:
    """Return `metrics.TOTAL_RETURN`, or `metrics.PRICE_RETURN` where no dividend of the benchmark is on record."""
    pays = bars.filter(pl.col("symbol") == (benchmark or ""), pl.col("cash_dividend") != 0)
    return PRICE_RETURN if pays.is_empty() else TOTAL_RETURN


def returns_of(bars: pl.DataFrame, benchmark: str | None, axes: MarketAxes) -> pl.DataFrame:
    """Return session, close and daily_return of the benchmark on the axes' sessions; null where it has no bar.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`, those of the benchmark among them.
    benchmark
        Its symbol; None: every session is null.
    axes
        Axes of the market.
    """
    # What a unit of the evening before has become: the dividend is paid on the units before the split.
    held = pl.col("close") * pl.col("split_ratio") + pl.col("cash_dividend")
    closes = (
        bars.filter(pl.col("symbol") == (benchmark or ""))
        .sort("session")
        .select("session", "close", daily_return=held / pl.col("close").shift(1) - 1)
    )
    days = pl.DataFrame({"session": axes.sessions}, schema={"session": pl.Date})
    return days.join(closes, on="session", how="left", maintain_order="left")
