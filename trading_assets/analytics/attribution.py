"""The return of a run as a sum that is exact: parts of each session in whole millionths of the quote currency."""

from __future__ import annotations

import polars as pl

from trading_assets.analytics.tables import ATTRIBUTION, CONTRIBUTIONS

#: A millionth of the quote currency: sums of whole numbers have no rounding.
UNIT = 1e-6
#: Of the starting equity: what sums of floats may be off, as for the accounting identity of a backtest.
TOLERANCE = 1e-9
#: Earned by cash, beside the account; and what no part explains, which a blocking check refuses.
INTEREST, UNEXPLAINED = "interest", "unexplained"
#: What a total is split by, and the column of `analytics.attribution` behind it.
DIMENSIONS = {
    "part": "part",
    "symbol": "symbol",
    "sector": "sector",
    "side": "side",
    "trigger": "trigger",
    "exit reason": "exit_reason",
    "year": "year",
}


def attribute(
    parts: pl.DataFrame, equity: pl.DataFrame, trades: pl.DataFrame, *, starting_equity: float
) -> pl.DataFrame:
    """Return the rows of `analytics.attribution` of one run.

    A part is rounded to a whole millionth. What rounding leaves of a session is added to the session's largest part,
    so that the parts of each session are its change of equity in millionths, and all of them the whole change. What is
    more than rounding has a row of its own, `unexplained`.

    Parameters
    ----------
    parts
        Rows of `profit_parts`.
    equity
        Rows of `backtests.equity` of the run.
    trades
        A row a round trip: trade_id, symbol, sector, side, trigger, exit_reason (null while it is open).
    starting_equity
        Quote currency.

    Returns
    -------
    polars.DataFrame
        By the key of the table.
    """
    curve = equity.sort("session").select("session", "strategy", "split", whole=_whole("equity"), interest="interest")
    start = round(starting_equity / UNIT)
    change = curve.select("session", change=pl.col("whole") - pl.col("whole").shift(1, fill_value=start))
    cells = parts.select("trade_id", "session", "part", "profit", millionths=_whole("profit"))
    cells = cells.sort("session", "trade_id", "part")
    made = cells.group_by("session").agg(pl.col("millionths").sum(), cells=pl.len())
    left = change.join(made, on="session", how="left").select(
        "session",
        left=pl.col("change") - pl.col("millionths").fill_null(0),
        rounding=pl.col("cells").fill_null(0) + round(TOLERANCE * starting_equity / UNIT),
    )
    is_rounding = (pl.col("left").abs() <= pl.col("rounding")) & pl.col("cells").is_not_null()
    left = left.join(made.select("session", "cells"), on="session", how="left").with_columns(is_rounding=is_rounding)
    largest = pl.col("profit").abs().arg_max() == pl.int_range(pl.len())
    adjusted = (
        cells.with_columns(is_largest=largest.over("session"))
        .join(left.filter("is_rounding").select("session", "left"), on="session", how="left", maintain_order="left")
        .with_columns(pl.col("millionths") + pl.when("is_largest").then(pl.col("left")).otherwise(0).fill_null(0))
        .select("trade_id", "session", "part", "millionths")
    )
    beside = [
        left.filter(~pl.col("is_rounding"), pl.col("left") != 0).select(
            "session", part=pl.lit(UNEXPLAINED), millionths="left"
        ),
        curve.select("session", part=pl.lit(INTEREST), millionths=_whole("interest")),
    ]
    rows = pl.concat([adjusted, *(each.with_columns(trade_id=pl.lit("")) for each in beside)], how="diagonal")
    run = {"strategy": equity["strategy"][0], "split": equity["split"][0]}
    return ATTRIBUTION.conform(
        rows.filter(pl.col("millionths") != 0)
        .join(trades, on="trade_id", how="left", maintain_order="left")
        .with_columns(amount=pl.col("millionths") * UNIT, **{name: pl.lit(value) for name, value in run.items()})
    ).sort(ATTRIBUTION.key)


def _whole(column: str) -> pl.Expr:
    """In whole millionths; what an earlier version left null is 0."""
    return (pl.col(column).fill_null(0.0) / UNIT).round(0).cast(pl.Int64)


def contributions(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `analytics.contributions`: the same total by each of `DIMENSIONS`.

    Parameters
    ----------
    rows
        Rows of `analytics.attribution`. What is null counts as `none`; an open trade has the exit reason `open`.
    """
    is_cash = pl.col("trade_id") == ""
    named = rows.with_columns(
        year=pl.col("session").dt.year().cast(pl.String),
        exit_reason=pl.when(is_cash).then(pl.lit("none")).otherwise(pl.col("exit_reason").fill_null("open")),
    )
    found = [
        named.group_by("strategy", "split", name=pl.col(column).fill_null("none"))
        .agg(pl.col("millionths").sum())
        .with_columns(dimension=pl.lit(dimension))
        for dimension, column in DIMENSIONS.items()
    ]
    total = pl.concat(found, how="diagonal").with_columns(amount=pl.col("millionths") * UNIT)
    return CONTRIBUTIONS.conform(total).sort(CONTRIBUTIONS.key)


def residuals(rows: pl.DataFrame, equity: pl.DataFrame, *, starting_equity: float) -> pl.DataFrame:
    """Return the sessions at which the parts are not the change of equity and the interest, in whole millionths.

    Parameters
    ----------
    rows, equity
        Rows of `analytics.attribution` and of `backtests.equity` of one run.
    starting_equity
        Quote currency.

    Returns
    -------
    polars.DataFrame
        session, residual (millionths of the quote currency), `unexplained` among it; none if all is explained.
    """
    start = round(starting_equity / UNIT)
    explained = rows.filter(pl.col("part") != UNEXPLAINED).group_by("session").agg(pl.col("millionths").sum())
    return (
        equity.sort("session")
        .select("session", whole=_whole("equity"), interest=_whole("interest"))
        .with_columns(change=pl.col("whole") - pl.col("whole").shift(1, fill_value=start) + pl.col("interest"))
        .join(explained, on="session", how="full", coalesce=True)
        .select("session", residual=pl.col("change").fill_null(0) - pl.col("millionths").fill_null(0))
        .filter(pl.col("residual") != 0)
        .sort("session")
    )
