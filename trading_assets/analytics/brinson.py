"""Brinson-Fachler: what weights and what choices within sectors added to a benchmark with weights."""

from __future__ import annotations

import polars as pl


def brinson_fachler(sectors: pl.DataFrame) -> pl.DataFrame:
    """Return allocation, selection and interaction by sector; all of them sum to the active return.

    With weights w and returns r of the portfolio (p) and the benchmark (b), and the benchmark's total return R
    (Brinson and Fachler 1985): allocation (wp - wb) (rb - R), selection wb (rp - rb), interaction (wp - wb) (rp - rb).

    Parameters
    ----------
    sectors
        sector, weight, return, benchmark_weight, benchmark_return: fractions. Either side's weights sum to 1, cash is
        a sector. A return is null where its side holds nothing of the sector, and is then taken to be the other's.

    Returns
    -------
    polars.DataFrame
        sector, allocation, selection, interaction, active (their sum), in the order of the rows.

    Raises
    ------
    ValueError
        Weights of a side do not sum to 1.

    Examples
    --------
    The portfolio holds more of what did well, and chose badly within it.

    >>> sectors = pl.DataFrame(
    ...     {
    ...         "sector": ["oil", "tech"],
    ...         "weight": [0.2, 0.8],
    ...         "return": [0.0, 0.05],
    ...         "benchmark_weight": [0.5, 0.5],
    ...         "benchmark_return": [0.0, 0.10],
    ...     }
    ... )
    >>> [round(value, 4) for value in brinson_fachler(sectors).select("allocation", "selection").sum().row(0)]
    [0.03, -0.025]
    """
    for side in ("weight", "benchmark_weight"):
        weights = float(sectors[side].sum())
        if abs(weights - 1.0) > 1e-9:
            raise ValueError(f"{side}: sums to {weights:g}, expected 1 (cash is a sector, too)")
    own = pl.coalesce("return", "benchmark_return").fill_null(0.0)
    theirs = pl.coalesce("benchmark_return", "return").fill_null(0.0)
    total = (pl.col("benchmark_weight") * theirs).sum()
    more = pl.col("weight") - pl.col("benchmark_weight")
    return sectors.select(
        "sector",
        allocation=more * (theirs - total),
        selection=pl.col("benchmark_weight") * (own - theirs),
        interaction=more * (own - theirs),
    ).with_columns(active=pl.sum_horizontal("allocation", "selection", "interaction"))
