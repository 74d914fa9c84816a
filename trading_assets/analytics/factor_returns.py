"""Returns of the catalogue's own factors: long the highest third, short the lowest, by what the day before knew."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from trading_assets.analytics.members import only_members

MARKET = "market"
#: Factor, the column that it sorts by, and the sign under which the highest are bought.
SORTED_BY: Mapping[str, tuple[str, int]] = {
    "momentum": ("momentum_12_1", 1),
    "low_volatility": ("volatility_60", -1),
    "illiquidity": ("adv_20", -1),
}
#: Columns of `features.daily` among these.
FEATURES = ("momentum_12_1", "volatility_60")
#: Symbols that a session needs.
LEAST = 3


def factor_returns(bars: pl.DataFrame, levels: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    """Return the daily return of each of `SORTED_BY`.

    A symbol is sorted by its level at its close before; the return is that of the next session. Both sides have the
    same number of symbols, a third of those with a level and a return, in equal weights. Of equal levels the symbol
    decides.

    Parameters
    ----------
    bars
        symbol, session, adj_close.
    levels
        symbol, session, and the columns that factors sort by.
    universe
        Rows of `market_data.universe`: outside its spells a symbol is in no side. None: all always are.

    Returns
    -------
    polars.DataFrame
        session, factor, return (fraction), by both; sessions with fewer than `LEAST` symbols have no row.
    """
    ordered = bars.sort("symbol", "session").select(
        "symbol", "session", made=pl.col("adj_close") / pl.col("adj_close").shift(1).over("symbol") - 1
    )
    known = only_members(levels, universe)
    joined = ordered.join(known, on=["symbol", "session"], how="left", maintain_order="left")
    found = [_returns(joined, name, column, sign) for name, (column, sign) in SORTED_BY.items()]
    return pl.concat(found).sort("session", "factor")


def _returns(rows: pl.DataFrame, name: str, column: str, sign: int) -> pl.DataFrame:
    before = (sign * pl.col(column)).shift(1).over("symbol")
    sorted_rows = (
        rows.with_columns(level=before)
        .drop_nulls(["level", "made"])
        .filter(pl.col("level").is_finite())
        .sort("session", "level", "symbol")
        .with_columns(place=pl.int_range(pl.len()).over("session"), count=pl.len().over("session"))
        .filter(pl.col("count") >= LEAST)
        .with_columns(side=pl.col("count") // 3)
    )
    is_low, is_high = pl.col("place") < pl.col("side"), pl.col("place") >= pl.col("count") - pl.col("side")
    return (
        sorted_rows.group_by("session", maintain_order=True)
        .agg((pl.col("made").filter(is_high).mean() - pl.col("made").filter(is_low).mean()).alias("return"))
        .select("session", "return", factor=pl.lit(name))
    )
