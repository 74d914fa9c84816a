"""What a curve of daily returns and its trades amount to: one definition of each metric.

Returns are fractions per session; the first one is measured against the initial capital. Whatever is not
defined (no trades, zero variance, no benchmark) is None, never NaN, infinity or a silent zero. Losses
(`daily_loss_99`, `var_95`, `cvar_95`) are positive numbers; drawdowns are negative, as in `backtests.equity`.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.results.return_metrics import (
    alpha,
    annual_return,
    beta,
    calmar,
    correlation,
    expected_shortfall,
    information_ratio,
    max_drawdown,
    max_drawdown_sessions,
    mean,
    minimum_detectable_sharpe,
    ratio,
    recovery_factor,
    sharpe,
    sortino,
    total_return,
    value_at_risk,
    volatility,
)

Floats = NDArray[np.float64]

#: Every metric of `summarise`, in its order, with its unit.
METRICS: dict[str, str] = {
    "sessions": "sessions of the curve",
    "periods_per_year": "sessions a year, for annualisation",
    "total_return": "fraction",
    "annual_return": "compound, fraction a year",
    "volatility": "standard deviation, fraction a year",
    "sharpe": "a year",
    "sortino": "a year",
    "calmar": "annual return over the deepest drawdown",
    "max_drawdown": "deepest fall from a peak, from the initial capital on; negative fraction",
    "max_drawdown_marked": "the same with the marks that later bars refuted",
    "max_drawdown_sessions": "sessions from that peak until it was regained, or to the end",
    "daily_loss_99": "loss exceeded on 1 session of 100, fraction",
    "var_95": "loss exceeded on 1 session of 20, fraction",
    "cvar_95": "mean loss of the worst 1 of 20 sessions, fraction",
    "recovery_factor": "total return over the deepest drawdown",
    "unexplained_moves": "extreme moves without a corporate action that open positions crossed",
    "exposure": "mean gross exposure, fraction of equity",
    "trades": "closed trades",
    "expectancy_r": "mean R of a trade",
    "expectancy_r_without_best": "the same without the best trades",
    "profit_factor": "profits over losses",
    "win_rate": "fraction of trades with a profit",
    "average_hold": "sessions",
    "median_hold": "sessions",
    "trades_per_month": "closed trades a month",
    "longest_losing_run": "trades in a row with a loss, by exit",
    "turnover": "traded notional of closed trades over mean equity, a year",
    "turnover_cost": "fees, slippage and borrowing over mean equity, a year",
    "cost_bps": "fees, slippage and borrowing paid, bp of notional a side",
    "break_even_bps": "cost a side at which the trades would earn nothing, bp",
    "correlation": "to the benchmark's returns",
    "beta": "to the benchmark's returns",
    "alpha": "fraction a year",
    "information_ratio": "a year",
    "minimum_detectable_sharpe": "smallest Sharpe a curve of this length can show, a year",
}

#: What the benchmark's returns are of.
PRICE_RETURN, TOTAL_RETURN = "price return", "total return"
#: Metrics of a comparison with the benchmark.
OF_BENCHMARK = ("correlation", "beta", "alpha", "information_ratio")
#: Metrics of what is earned beyond the risk-free rate alone.
OF_RISK_FREE = ("sharpe", "sortino")


def summarise(
    equity: pl.DataFrame,
    trades: pl.DataFrame,
    *,
    periods_per_year: int,
    benchmark: pl.DataFrame | None = None,
    best_trades: int = 3,
) -> dict[str, float | None]:
    """Return all metrics of a curve and its trades.

    Parameters
    ----------
    equity
        Rows of `backtests.equity` in session order: session, equity, gross_exposure, daily_return. Any
        subset of sessions makes a curve: its returns are compounded. A null return counts as 0 (what
        follows a total loss). `marked_return`, `excess_return` (beyond the risk-free rate: Sharpe, Sortino, alpha and
        the information ratio are of it), both of a settled curve, `risk_free` and `unexplained_moves` may be there.
    trades
        Rows of `backtests.trades`. One without an R multiple is left out of the expectancies.
    periods_per_year
        Sessions a year of the curve's calendar.
    benchmark
        session, benchmark_return; over sessions where it is absent or null the curve's returns are compounded, so
        that both sides of the comparison cover the same time.
    best_trades
        How many of the best trades `expectancy_r_without_best` leaves out.

    Returns
    -------
    dict
        The names of `METRICS` in their order; None where undefined.
    """
    returns = equity["daily_return"].cast(pl.Float64).fill_null(0.0).to_numpy()
    curve = _of_curve(returns, periods_per_year, _excess(equity))
    marked = equity["marked_return" if "marked_return" in equity.columns else "daily_return"]
    curve["max_drawdown_marked"] = max_drawdown(marked.cast(pl.Float64).fill_null(0.0).to_numpy())
    if "unexplained_moves" in equity.columns:  # a move counts on its session and on that of the bar that confirms it
        curve["unexplained_moves"] = float(equity["unexplained_moves"].sum()) / 2
    curve["exposure"] = mean(equity["gross_exposure"].cast(pl.Float64).to_numpy())
    found = curve | _of_trades(equity, trades, periods_per_year, best_trades)
    found |= _of_benchmark(equity, benchmark, periods_per_year)
    return {name: _defined(found.get(name)) for name in METRICS}


def _of_curve(returns: Floats, periods: int, excess: Floats) -> dict[str, float | None]:
    return {
        "sessions": float(returns.size),
        "periods_per_year": float(periods),
        "total_return": total_return(returns),
        "annual_return": annual_return(returns, periods),
        "volatility": volatility(returns, periods),
        "sharpe": sharpe(excess, periods),
        "sortino": sortino(excess, periods),
        "calmar": calmar(returns, periods),
        "max_drawdown": max_drawdown(returns),
        "max_drawdown_sessions": max_drawdown_sessions(returns),
        "daily_loss_99": value_at_risk(returns, 0.01),
        "var_95": value_at_risk(returns, 0.05),
        "cvar_95": expected_shortfall(returns, 0.05),
        "recovery_factor": recovery_factor(returns),
        "minimum_detectable_sharpe": minimum_detectable_sharpe(returns.size, periods),
    }


def _of_trades(equity: pl.DataFrame, trades: pl.DataFrame, periods: int, best_trades: int) -> dict[str, float | None]:
    ordered = trades.sort("exit_session", "symbol", maintain_order=True)
    pnl, r = _column(ordered, "pnl"), _column(ordered.drop_nulls("r_multiple"), "r_multiple")
    hold = _column(ordered, "hold_sessions")
    notional, cost = traded_notional(ordered), paid_cost(ordered)
    years = equity.height / periods
    capital = mean(_column(equity, "equity"))
    return {
        "trades": float(ordered.height),
        "expectancy_r": mean(r),
        "expectancy_r_without_best": expectancy_without_best(r, best_trades),
        "profit_factor": profit_factor(pnl),
        "win_rate": win_rate(pnl),
        "average_hold": mean(hold),
        "median_hold": float(np.median(hold)) if hold.size else None,
        "trades_per_month": ratio(ordered.height, 12 * years),
        "longest_losing_run": longest_losing_run(pnl),
        "turnover": ratio(notional, None if capital is None else capital * years),
        "turnover_cost": ratio(cost, None if capital is None else capital * years),
        "cost_bps": ratio(1e4 * cost, notional),
        "break_even_bps": ratio(1e4 * (float(pnl.sum()) + cost), notional),
    }


def _of_benchmark(equity: pl.DataFrame, benchmark: pl.DataFrame | None, periods: int) -> dict[str, float | None]:
    if benchmark is None:
        return {}
    both, shared_periods = _beside_benchmark(equity, benchmark, periods)
    returns, reference = _column(both, "daily_return"), _column(both, "benchmark_return")
    excess, reference_excess = _column(both, "excess_return"), reference - _column(both, "risk_free")
    return {
        "correlation": correlation(returns, reference),
        "beta": beta(returns, reference),
        "alpha": alpha(excess, reference_excess, shared_periods),
        "information_ratio": information_ratio(excess, reference_excess, shared_periods),
    }


def _beside_benchmark(equity: pl.DataFrame, benchmark: pl.DataFrame, periods: int) -> tuple[pl.DataFrame, float]:
    """Returns of both between sessions that the benchmark has, and how many of these make a year.

    Where the curve has sessions that the benchmark has not (weekends of crypto beside an index), the curve's
    returns are compounded until the benchmark's next session, as the benchmark's return covers them too.
    """
    aligned = (
        equity.select(
            "session",
            pl.col("daily_return").fill_null(0.0),
            pl.Series("excess_return", _excess(equity)),
            risk_free=pl.col("risk_free").fill_null(0.0) if "risk_free" in equity.columns else 0.0,
        )
        .join(benchmark.select("session", "benchmark_return"), on="session", how="left", maintain_order="left")
        .with_row_index("row")
    )
    known = pl.col("benchmark_return").is_not_null()
    spanned = aligned.with_columns(until=pl.when(known).then("row").backward_fill()).filter(
        known.cum_sum() > 0, pl.col("until").is_not_null()
    )
    one = pl.len() == 1
    both = spanned.group_by("until", maintain_order=True).agg(
        *(
            pl.when(one).then(pl.col(name).last()).otherwise((1 + pl.col(name)).product() - 1).alias(name)
            for name in ("daily_return", "excess_return", "risk_free")
        ),
        pl.col("benchmark_return").last(),
    )
    return both, periods * both.height / spanned.height if both.height else periods


def expectancy_without_best(r_multiples: Floats, best: int) -> float | None:
    """Return the mean R without the `best` largest; None if nothing is left.

    Examples
    --------
    >>> expectancy_without_best(np.array([-1.0, 0.5, 6.0]), best=1)  # (-1 + 0.5) / 2
    -0.25
    """
    return mean(np.sort(r_multiples)[: max(r_multiples.size - best, 0)])


def profit_factor(pnl: Floats) -> float | None:
    """Return the sum of the profits over the sum of the losses; None without a loss.

    Examples
    --------
    >>> profit_factor(np.array([30.0, -10.0, 20.0, -15.0]))  # 50 / 25
    2.0
    """
    return ratio(float(pnl[pnl > 0].sum()), -float(pnl[pnl < 0].sum()))


def win_rate(pnl: Floats) -> float | None:
    """Return the fraction of the trades that made money.

    Examples
    --------
    >>> win_rate(np.array([30.0, -10.0, 0.0, 5.0]))
    0.5
    """
    return float(np.mean(pnl > 0)) if pnl.size else None


def longest_losing_run(pnl: Floats) -> float | None:
    """Return the number of losing trades in the longest row of them; `pnl` in order of exit.

    Examples
    --------
    >>> longest_losing_run(np.array([-1.0, 2.0, -1.0, -3.0, 0.0, -1.0]))
    2.0
    """
    longest = run = 0
    for value in pnl:
        run = run + 1 if value < 0 else 0
        longest = max(longest, run)
    return float(longest) if pnl.size else None


def traded_notional(trades: pl.DataFrame) -> float:
    """Return the notional of both fills of every trade, quote currency.

    Examples
    --------
    >>> traded_notional(pl.DataFrame({"quantity": [10.0], "entry_price": [100.0], "exit_price": [110.0]}))
    2100.0
    """
    both = _column(trades, "quantity") * (_column(trades, "entry_price") + _column(trades, "exit_price"))
    return float(both.sum())


def paid_cost(trades: pl.DataFrame) -> float:
    """Return what every trade paid, quote currency: fees, slippage with its rounding to the tick, and borrowing."""
    names = ("entry_fee", "exit_fee", "borrow_cost", "slippage_cost")
    return float(sum(_column(trades, name).sum() for name in names))


def _excess(equity: pl.DataFrame) -> Floats:
    name = "excess_return" if "excess_return" in equity.columns else "daily_return"
    return equity[name].cast(pl.Float64).fill_null(0.0).to_numpy()


def _column(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).to_numpy()


def _defined(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
