"""Does the money add up? Identities between the tables of a run."""

from __future__ import annotations

import polars as pl

#: Of equity: sums of a few thousand floats.
TOLERANCE = 1e-9


def accounting_errors(
    trades: pl.DataFrame,
    equity: pl.DataFrame,
    open_positions: pl.DataFrame,
    fills: pl.DataFrame,
    *,
    starting_equity: float,
) -> pl.DataFrame:
    """Return the identities that do not hold, by strategy and split.

    ``parts``: cash and positions are equity at every close (with short positions, whose value is negative: what is
    not cash is within the gross exposure). ``cash``: never negative, unless a short position cost more than there
    was. ``returns``: each leads from one equity to the next. ``positions``: what is open at the end is worth what is
    not cash. ``pnl``: trades and open positions explain the change from the starting equity. ``fees``: those of the
    trades are those of their fills.

    Parameters
    ----------
    trades, equity, open_positions, fills
        Rows of these tables of `backtests`, of the same runs.
    starting_equity
        Quote currency.

    Returns
    -------
    polars.DataFrame
        strategy, split, identity, error (the largest, quote currency); no rows if the money adds up.
    """
    run = ["strategy", "split"]
    before = pl.col("equity").shift(1).over(run).fill_null(starting_equity)
    held = open_positions.filter(pl.col("entry_session").is_not_null())
    sides = pl.concat([trades.select(*run, "side"), held.select(*run, "side")])
    shorts = sides.group_by(run).agg(shorts=(pl.col("side") == "short").any())
    invested, gross = pl.col("equity") - pl.col("cash"), pl.col("gross_exposure") * pl.col("equity")
    curves = (
        equity.join(shorts, on=run, how="left")
        .sort(*run, "session")
        .with_columns(pl.col("shorts").fill_null(False))
        .with_columns(
            parts=pl.when("shorts")
            .then(pl.when(pl.col("equity") > 0).then((invested.abs() - gross).clip(lower_bound=0)).otherwise(0.0))
            .otherwise((gross - invested).abs()),
            below_zero=pl.when("shorts").then(0.0).otherwise((-pl.col("cash")).clip(lower_bound=0)),
            returns=(before * (1 + pl.col("daily_return")) - pl.col("equity")).abs(),
        )
        .group_by(run, maintain_order=True)
        .agg(pl.col("parts", "below_zero", "returns").max(), pl.col("equity", "cash").last())
    )
    value = pl.col("quantity") * pl.col("last_price") * pl.when(side="short").then(-1.0).otherwise(1.0)
    paid = trades.group_by(run).agg(pl.col("pnl").sum(), fees=(pl.col("entry_fee") + pl.col("exit_fee")).sum())
    filled = fills.join(trades, on="trade_id", how="semi").group_by(run).agg(filled=pl.col("fee").sum())
    runs = (
        curves.join(held.group_by(run).agg(value=value.sum(), open_pnl=pl.col("open_pnl").sum()), on=run, how="left")
        .join(paid, on=run, how="left")
        .join(filled, on=run, how="left")
        .with_columns(pl.col("value", "open_pnl", "pnl", "fees", "filled").fill_null(0.0))
    )
    return (
        runs.select(
            *run,
            "parts",
            "returns",
            cash="below_zero",
            positions=(pl.col("cash") + pl.col("value") - pl.col("equity")).abs(),
            fees=(pl.col("fees") - pl.col("filled")).abs(),
            pnl=(starting_equity + pl.col("pnl") + pl.col("open_pnl") - pl.col("equity")).abs(),
        )
        .unpivot(index=run, variable_name="identity", value_name="error")
        .filter(pl.col("error") > TOLERANCE * starting_equity)
        .sort(*run, "identity")
    )
