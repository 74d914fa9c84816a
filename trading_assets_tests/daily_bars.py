"""Bars of a symbol from its opens and closes."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


def daily_bars(
    symbol: str, days: pl.Series, opens: NDArray[np.float64], closes: NDArray[np.float64], volume: NDArray[np.float64]
) -> pl.DataFrame:
    """Return bars whose high and low are three thousandths beyond the higher and the lower of open and close."""
    return pl.DataFrame(
        {
            "symbol": symbol,
            "session": days,
            "open": opens,
            "high": np.maximum(opens, closes) * 1.003,
            "low": np.minimum(opens, closes) * 0.997,
            "close": closes,
            "volume": volume,
        }
    )
