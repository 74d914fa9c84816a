"""How many bets a run made: what its evidence is counted in.

Round trips are not: who trims a position a hundred times, or buys a hundred names that move as one, has not been right
or wrong a hundred times.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Two names with fewer common sessions are taken for one: nobody knows how alike they are.
LEAST_COMMON_SESSIONS = 20
#: What trades together: a pair is one name, else a symbol is.
_NAME = pl.coalesce("pair_id", "symbol").alias("name")


def count_bets(fills: pl.DataFrame, trades: pl.DataFrame, bars: pl.DataFrame) -> float:
    """Count the bets of a run.

    Of each name, traded notional / (2 x mean |position| at the closes at which it was held): a purchase and its sale
    are one, a trim by a tenth is a twentieth. What was traded in a session in n names whose returns have a mean
    correlation of rho (below 0 counts as 0; of names held short with the other sign) is worth n / (1 + (n - 1) rho) at
    most: as many as there are independent ones among them.

    Parameters
    ----------
    fills, trades
        Rows of `backtests.fills` and `backtests.trades` of one run; a position without a trade is still open.
    bars
        symbol, session, close (raw), split_ratio of the symbols over the run; sessions without a close are left out.

    Returns
    -------
    float
        0 without a fill.

    Examples
    --------
    A purchase and its sale are one bet: 100 were traded, and 50 were held at each close.

    >>> days = pl.Series(["2024-01-02", "2024-01-03", "2024-01-04"]).str.to_date()
    >>> bars = pl.DataFrame({"session": days}).with_columns(symbol=pl.lit("A"), close=10.0, split_ratio=1.0)
    >>> fills = pl.DataFrame(
    ...     {
    ...         "fill_id": ["1", "2"],
    ...         "trade_id": ["t", "t"],
    ...         "pair_id": pl.Series([None, None], dtype=pl.String),
    ...         "symbol": ["A", "A"],
    ...         "session": [days[0], days[2]],
    ...         "side": ["buy", "sell"],
    ...         "quantity": [5.0, 5.0],
    ...         "price": [10.0, 10.0],
    ...     }
    ... )
    >>> count_bets(fills, pl.DataFrame({"trade_id": ["t"], "exit_session": [days[2]]}), bars)
    1.0
    """
    if fills.is_empty():
        return 0.0
    units = pl.col("split_ratio").fill_null(1.0).cum_prod().over("symbol")
    prices = (
        bars.sort("symbol", "session")
        .with_columns(units_of_one=units)
        .filter(pl.col("close").is_not_null())
        .select("symbol", "session", "close", "units_of_one")
    )
    held = _held(fills, trades, prices)
    sizes = held.group_by("name", "session").agg(pl.col("value").abs().sum()).filter(pl.col("value") > 0)
    mean_size = sizes.sort("name", "session").group_by("name", maintain_order=True).agg(size=pl.col("value").mean())
    notional = pl.col("quantity") * pl.col("price")
    traded = (
        fills.with_columns(_NAME, notional=notional)
        .sort("name", "session", "fill_id")
        .group_by("session", "name", maintain_order=True)
        .agg(pl.col("notional").sum())
        .join(mean_size, on="name", how="left")
        # Sold before its first close: what was bought is all that is known of its size.
        .with_columns(size=pl.col("size").fill_null(pl.col("notional").max().over("name")))
        .filter(pl.col("size") > 0)
        .with_columns(part=pl.col("notional") / (2 * pl.col("size")))
        .sort("session", "name")
    )
    names, correlations = _correlations(held, prices)
    place = {name: row for row, name in enumerate(names)}
    total = 0.0
    for _, together in traded.group_by("session", maintain_order=True):
        rows = [place[name] for name in together["name"] if name in place]
        n, rho = together.height, _mean_correlation(correlations, rows, together.height)
        total += min(float(together["part"].sum()), n / (1 + (n - 1) * rho))
    return total


def _held(fills: pl.DataFrame, trades: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Value of each leg at each close between its first fill and its exit: name, symbol, session, value (signed)."""
    signed = pl.when(pl.col("side") == "buy").then(pl.col("quantity")).otherwise(-pl.col("quantity"))
    known = prices.select("symbol", "session", "units_of_one").sort("session")
    legs = fills.with_columns(_NAME).sort("session").join_asof(known, on="session", by="symbol", check_sortedness=False)
    changes = (
        legs.with_columns(units=signed / pl.col("units_of_one").fill_null(1.0))
        .group_by("trade_id", "name", "symbol", "session")
        .agg(pl.col("units").sort_by("fill_id").sum())
    )
    spans = (
        changes.group_by("trade_id", "name", "symbol")
        .agg(first=pl.col("session").min())
        .join(trades.select("trade_id", "exit_session"), on="trade_id", how="left")
    )
    is_held = pl.col("exit_session").is_null() | (pl.col("session") < pl.col("exit_session"))
    places = ["trade_id", "symbol", "session"]
    closes = (
        spans.join(prices, on="symbol")
        .filter(pl.col("session") >= pl.col("first"), is_held)
        .join(changes.select(*places, "units"), on=places, how="left")
        .sort(places)
    )
    return closes.with_columns(
        value=pl.col("units").fill_null(0.0).cum_sum().over("trade_id", "symbol")
        * pl.col("units_of_one")
        * pl.col("close")
    ).select("name", "symbol", "session", "value")


def _correlations(held: pl.DataFrame, prices: pl.DataFrame) -> tuple[list[str], Floats]:
    """Names and the correlations of their returns, each leg by the side that it was held on; NaN where unknown."""
    sides = held.group_by("name", "symbol").agg(side=pl.col("value").sum().sign()).sort("name", "symbol")
    adjusted = prices.with_columns(level=pl.col("close") * pl.col("units_of_one")).sort("symbol", "session")
    change = (pl.col("level") / pl.col("level").shift(1).over("symbol") - 1).alias("change")
    moves = adjusted.with_columns(change).filter(pl.col("change").is_finite())
    of_names = (
        sides.join(moves, on="symbol")
        .group_by("name", "session")
        .agg(change=(pl.col("side") * pl.col("change")).sort_by("symbol").mean())
    )
    if of_names.is_empty():
        return [], np.empty((0, 0))
    wide = of_names.pivot("name", index="session", values="change", sort_columns=True).sort("session").drop("session")
    return wide.columns, _pairwise(wide.to_numpy().astype(np.float64))


def _pairwise(returns: Floats) -> Floats:
    """Correlation of each two columns on their common rows; NaN where they are few, or one does not vary."""
    there = (~np.isnan(returns)).astype(np.float64)
    values = np.where(there > 0, returns, 0.0)
    n, sums, squares = there.T @ there, values.T @ there, (values**2).T @ there
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = values.T @ values / n - sums * sums.T / n**2
        variance = squares / n - (sums / n) ** 2
        found = covariance / np.sqrt(
            np.where(variance > 0, variance, np.nan) * np.where(variance > 0, variance, np.nan).T
        )
    return np.asarray(np.where(n >= LEAST_COMMON_SESSIONS, np.clip(found, -1.0, 1.0), np.nan))


def _mean_correlation(correlations: Floats, rows: list[int], names: int) -> float:
    """Mean over the pairs of names, 0 to 1; a pair of which it is unknown counts as 1."""
    pairs = names * (names - 1) / 2
    if not pairs:
        return 0.0
    upper = correlations[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)]
    known = upper[~np.isnan(upper)]
    return float(np.clip((known.sum() + pairs - known.size) / pairs, 0.0, 1.0))
