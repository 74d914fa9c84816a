"""Does the money add up? Identities between the tables of a run."""

from __future__ import annotations

import polars as pl

#: Of equity: sums of a few thousand floats.
TOLERANCE = 1e-9


def accounting_errors(
    trades: pl.DataFrame, equity: pl.DataFrame, open_positions: pl.DataFrame, *, starting_equity: float
) -> pl.DataFrame:
    """Identities that do not hold, by strategy and split.

    ``parts``: cash and positions are equity at every close. ``cash``: never negative. ``returns``: each leads
    from one equity to the next. ``positions``: what is open at the end is worth what is not cash.
    ``pnl``: trades and open positions explain the change from the starting equity.

    Returns
    -------
    polars.DataFrame
        strategy, split, identity, error (the largest, quote currency); no rows if the money adds up.
    """
    run = ["strategy", "split"]
    before = pl.col("equity").shift(1).over(run).fill_null(starting_equity)
    curves = (
        equity.sort(*run, "session")
        .with_columns(
            parts=(pl.col("cash") + pl.col("gross_exposure") * pl.col("equity") - pl.col("equity")).abs(),
            below_zero=(-pl.col("cash")).clip(lower_bound=0),
            returns=(before * (1 + pl.col("daily_return")) - pl.col("equity")).abs(),
        )
        .group_by(run, maintain_order=True)
        .agg(pl.col("parts", "below_zero", "returns").max(), pl.col("equity", "cash").last())
    )
    held = open_positions.filter(pl.col("entry_session").is_not_null())
    value = pl.col("quantity") * pl.col("last_price")
    runs = (
        curves.join(held.group_by(run).agg(value=value.sum(), open_pnl=pl.col("open_pnl").sum()), on=run, how="left")
        .join(trades.group_by(run).agg(pnl=pl.col("pnl").sum()), on=run, how="left")
        .with_columns(pl.col("value", "open_pnl", "pnl").fill_null(0.0))
    )
    return (
        runs.select(
            *run,
            "parts",
            "returns",
            cash="below_zero",
            positions=(pl.col("cash") + pl.col("value") - pl.col("equity")).abs(),
            pnl=(starting_equity + pl.col("pnl") + pl.col("open_pnl") - pl.col("equity")).abs(),
        )
        .unpivot(index=run, variable_name="identity", value_name="error")
        .filter(pl.col("error") > TOLERANCE * starting_equity)
        .sort(*run, "identity")
    )
