"""What a symbol made in the sessions after a close, as far as a run has seen them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

#: Sessions after the close.
HORIZONS = (1, 2, 3, 5, 10, 20, 40, 60)


def forward_returns(bars: pl.DataFrame, horizons: Sequence[int] = HORIZONS) -> pl.DataFrame:
    """Return what each symbol makes from a close to the close `h` of its bars later.

    Parameters
    ----------
    bars
        symbol, session, adj_close: bars up to the last session that may be looked at. What ends after it is null.
    horizons
        Bars.

    Returns
    -------
    polars.DataFrame
        symbol, session, and a column ``after_<h>`` for each horizon (fraction), by symbol and session.

    Examples
    --------
    >>> bars = pl.DataFrame({"symbol": ["A"] * 3, "session": [1, 2, 3], "adj_close": [10.0, 11.0, 12.1]})
    >>> [None if value is None else round(value, 4) for value in forward_returns(bars, [1])["after_1"]]
    [0.1, 0.1, None]
    """
    close = pl.col("adj_close")
    return bars.sort("symbol", "session").select(
        "symbol",
        "session",
        *((close.shift(-h).over("symbol") / close - 1).alias(f"after_{h}") for h in horizons),
    )
