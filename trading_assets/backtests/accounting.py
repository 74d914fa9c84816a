"""Does the money add up? Identities between the tables of a run."""

from __future__ import annotations

import polars as pl

#: Of equity: sums of a few thousand floats.
TOLERANCE = 1e-9


def accounting_errors(
    trades: pl.DataFrame, equity: pl.DataFrame, open_positions: pl.DataFrame, *, starting_equity: float
) -> pl.DataFrame:
    """Identities that do not hold, by strategy and split.

    Cash plus the positions' share of equity is equity at every close, cash is never negative, each day's
    return leads from one equity to the next, and with nothing open at the end the change of equity is the
    pnl of the trades. Positions at the end are held against the last close: their value is its exposure.

    Returns
    -------
    polars.DataFrame
        strategy, split, identity, error (the largest, quote currency); no rows if the money adds up.
    """
    run = ["strategy", "split"]
    before = pl.col("equity").shift(1).over(run).fill_null(starting_equity)
    daily = (
        equity.sort(*run, "session")
        .with_columns(
            parts=(pl.col("cash") + pl.col("gross_exposure") * pl.col("equity") - pl.col("equity")).abs(),
            cash_below_zero=(-pl.col("cash")).clip(lower_bound=0),
            returns=(before * (1 + pl.col("daily_return")) - pl.col("equity")).abs(),
        )
        .group_by(run, maintain_order=True)
        .agg(
            pl.col("parts", "cash_below_zero", "returns").max(),
            pl.all().exclude("parts", "cash_below_zero", "returns", *run).last(),
        )
    )
    held = open_positions.filter(pl.col("entry_session").is_not_null())
    open_value = held.group_by(run).agg(value=(pl.col("quantity") * pl.col("last_price")).sum())
    booked = trades.group_by(run).agg(pnl=pl.col("pnl").sum())
    runs = (
        daily.join(open_value, on=run, how="left")
        .join(booked, on=run, how="left")
        .with_columns(pl.col("value", "pnl").fill_null(0.0))
        .with_columns(
            open_positions=(pl.col("cash") + pl.col("value") - pl.col("equity")).abs(),
            pnl_of_trades=pl.when(pl.col("positions") == 0)
            .then((starting_equity + pl.col("pnl") - pl.col("equity")).abs())
            .otherwise(0.0),
        )
    )
    identities = ["parts", "cash_below_zero", "returns", "open_positions", "pnl_of_trades"]
    return (
        runs.unpivot(identities, index=run, variable_name="identity", value_name="error")
        .filter(pl.col("error") > TOLERANCE * starting_equity)
        .sort(*run, "identity")
    )
