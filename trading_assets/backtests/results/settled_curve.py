"""The curve that metrics are of: equity with the marks made again that later bars refuted."""

from __future__ import annotations

import polars as pl


def settled(equity: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `backtests.equity` with the settled equity in the place of the equity.

    Limits act on what was known; what the strategy earned is measured without the marks at bars that the next one took
    back. Where nothing was refuted the numbers keep their bits.

    Parameters
    ----------
    equity
        Rows of one run of `backtests.equity` in session order: equity, settled_equity, daily_return.

    Returns
    -------
    polars.DataFrame
        The same rows; equity, daily_return and drawdown are those of the settled equity, `marked_return` is what
        daily_return was, and `excess_return` is daily_return with the interest on cash, less what all of the equity
        would have earned as cash: Sharpe ratios are of it. Drawdown and returns are without interest, for idle cash
        is no skill.
    """
    made_again = (pl.col("settled_equity") != pl.col("equity")).fill_null(False)
    before = pl.col("settled_equity").shift(1)
    touched = made_again | made_again.shift(1, fill_value=False)
    # Nothing is held at the first close of a run, so no mark of it is made again.
    change = pl.when(before > 0).then(pl.col("settled_equity") / before - 1)
    start = pl.col("equity").first() / (1 + pl.col("daily_return").first())
    peak = pl.max_horizontal(pl.coalesce(start, pl.col("equity").first()), pl.col("settled_equity").cum_max())
    return equity.with_columns(
        equity=pl.coalesce("settled_equity", "equity"),
        daily_return=pl.when(touched).then(change).otherwise("daily_return"),
        drawdown=pl.when(made_again.any()).then(pl.col("settled_equity") / peak - 1).otherwise("drawdown"),
        marked_return="daily_return",
    ).with_columns(excess_return=excess_return(equity))


def excess_return(equity: pl.DataFrame) -> pl.Expr:
    """Return daily_return with the interest on cash, less what all of the equity would have earned as cash.

    Parameters
    ----------
    equity
        Rows of one run in session order: equity, daily_return, and where rates are on record interest and risk_free.

    Returns
    -------
    polars.Expr
        To be evaluated on these rows; without rates on record the return itself.
    """
    if "risk_free" not in equity.columns:
        return pl.col("daily_return")
    before = pl.col("equity").shift(1)
    interest = pl.when(before > 0).then(pl.col("interest") / before).fill_null(0.0)
    return pl.col("daily_return") + interest - pl.col("risk_free").fill_null(0.0)


def without_unexplained_gains(equity: pl.DataFrame, trades: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a curve and its trades without what was gained across extreme moves that nothing on record explains.

    A session in which a held position crossed such a move earns nothing where it gained, and neither does a trade that
    met one. Losses stay.

    Parameters
    ----------
    equity
        Rows of `settled`, with `unexplained_moves`.
    trades
        Rows of `backtests.trades`.
    """
    crossed, met = pl.col("unexplained_moves") > 0, pl.col("unexplained_moves") > 0

    def no_gain(name: str, condition: pl.Expr) -> pl.Expr:
        return pl.when(condition & (pl.col(name) > 0)).then(0.0).otherwise(name).alias(name)

    return (
        equity.with_columns(no_gain(name, crossed) for name in ("daily_return", "excess_return")),
        trades.with_columns(no_gain(name, met) for name in ("pnl", "return", "r_multiple")),
    )
