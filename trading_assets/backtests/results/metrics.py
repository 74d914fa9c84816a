"""What a curve of daily returns and its trades amount to: one definition of each metric.

Returns are fractions per session; the first one is measured against the initial capital. Whatever is not
defined (no trades, zero variance, no benchmark) is None, never NaN, infinity or a silent zero. Losses
(`daily_loss_99`, `var_95`, `cvar_95`) are positive numbers; drawdowns are negative, as in `backtests.equity`.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

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

#: A standard deviation below this is the rounding of a constant.
_NO_SPREAD = 1e-14


def summarise(
    equity: pl.DataFrame,
    trades: pl.DataFrame,
    *,
    periods_per_year: int,
    benchmark: pl.DataFrame | None = None,
    best_trades: int = 3,
) -> dict[str, float | None]:
    """All metrics of a curve and its trades.

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
        "trades_per_month": _ratio(ordered.height, 12 * years),
        "longest_losing_run": longest_losing_run(pnl),
        "turnover": _ratio(notional, None if capital is None else capital * years),
        "turnover_cost": _ratio(cost, None if capital is None else capital * years),
        "cost_bps": _ratio(1e4 * cost, notional),
        "break_even_bps": _ratio(1e4 * (float(pnl.sum()) + cost), notional),
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


def total_return(returns: Floats) -> float | None:
    """Compound return: prod(1 + r) - 1."""
    return float(np.prod(1.0 + returns) - 1.0) if returns.size else None


def annual_return(returns: Floats, periods: float) -> float | None:
    """Compound annual growth rate: prod(1 + r) ** (periods / n) - 1 (GIPS); -1 after a total loss."""
    total = total_return(returns)
    if total is None or total < -1:
        return None
    # Logarithms, because a few sessions of a large gain overflow the power.
    exponent = math.log1p(total) * periods / returns.size if total > -1 else -math.inf
    return math.expm1(exponent) if exponent < 700 else None


def volatility(returns: Floats, periods: float) -> float | None:
    """Annualised sample deviation: std(r, ddof=1) x sqrt(periods)."""
    return float(np.std(returns, ddof=1) * math.sqrt(periods)) if returns.size > 1 else None


def sharpe(excess: Floats, periods: float) -> float | None:
    """Mean excess return over its sample deviation x sqrt(periods) (Sharpe 1994)."""
    deviation = _spread(excess)
    return None if deviation is None else float(excess.mean() / deviation * math.sqrt(periods))


def sortino(excess: Floats, periods: float) -> float | None:
    """Mean excess return over the downside deviation, annualised (Sortino and Price 1994); None if no loss.

    The downside deviation is sqrt(mean(min(excess, 0) ** 2)) over all sessions, not only the losing ones.
    """
    if excess.size < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return None if downside < _NO_SPREAD else float(excess.mean()) * math.sqrt(periods) / downside


def calmar(returns: Floats, periods: float) -> float | None:
    """Annual return over the size of the deepest drawdown (Young 1991, over the whole curve)."""
    return _ratio(annual_return(returns, periods), _size(max_drawdown(returns)))


def drawdowns(returns: Floats) -> Floats:
    """Curve over its highest value so far, the initial capital included, minus 1: (n,), at most 0."""
    curve = np.cumprod(1.0 + returns)
    peak = np.maximum(np.maximum.accumulate(curve), 1.0)
    return np.asarray(curve / peak - 1.0, dtype=np.float64)


def max_drawdown(returns: Floats) -> float | None:
    """Deepest of `drawdowns`; 0 when the curve never falls."""
    return float(drawdowns(returns).min()) if returns.size else None


def max_drawdown_sessions(returns: Floats) -> float | None:
    """Sessions from the peak before the deepest drawdown until it is regained, or to the end.

    A peak that is the initial capital stands one session before the first return. Of equally deep
    drawdowns the first counts.
    """
    if not returns.size:
        return None
    depth = drawdowns(returns)
    trough = int(depth.argmin())
    if depth[trough] == 0:
        return 0.0
    before = np.flatnonzero(depth[:trough] == 0)
    after = np.flatnonzero(depth[trough:] == 0)
    peak = int(before[-1]) if before.size else -1
    end = trough + int(after[0]) if after.size else returns.size - 1
    return float(end - peak)


def value_at_risk(returns: Floats, tail: float) -> float | None:
    """Historical 1-session value at risk: minus the `tail` quantile (linear), positive for a loss."""
    return -float(np.quantile(returns, tail)) if returns.size else None


def expected_shortfall(returns: Floats, tail: float) -> float | None:
    """Conditional value at risk: minus the mean of the floor(tail (n - 1)) + 1 worst returns."""
    worst = np.sort(returns)[: int((returns.size - 1) * tail) + 1]
    return -float(worst.mean()) if returns.size else None


def recovery_factor(returns: Floats) -> float | None:
    """Total return over the size of the deepest drawdown."""
    return _ratio(total_return(returns), _size(max_drawdown(returns)))


def expectancy_without_best(r_multiples: Floats, best: int) -> float | None:
    """Mean R without the `best` largest; None if nothing is left."""
    return mean(np.sort(r_multiples)[: max(r_multiples.size - best, 0)])


def profit_factor(pnl: Floats) -> float | None:
    """Sum of the profits over the sum of the losses; None without a loss."""
    return _ratio(float(pnl[pnl > 0].sum()), -float(pnl[pnl < 0].sum()))


def win_rate(pnl: Floats) -> float | None:
    """Fraction of the trades that made money."""
    return float(np.mean(pnl > 0)) if pnl.size else None


def longest_losing_run(pnl: Floats) -> float | None:
    """Most losing trades in a row; `pnl` in order of exit."""
    longest = run = 0
    for value in pnl:
        run = run + 1 if value < 0 else 0
        longest = max(longest, run)
    return float(longest) if pnl.size else None


def traded_notional(trades: pl.DataFrame) -> float:
    """Notional of both fills of every trade, quote currency."""
    both = _column(trades, "quantity") * (_column(trades, "entry_price") + _column(trades, "exit_price"))
    return float(both.sum())


def paid_cost(trades: pl.DataFrame) -> float:
    """Fees, slippage with its rounding to the tick, and borrowing of every trade: what was paid, quote currency."""
    names = ("entry_fee", "exit_fee", "borrow_cost", "slippage_cost")
    return float(sum(_column(trades, name).sum() for name in names))


def correlation(returns: Floats, benchmark: Floats) -> float | None:
    """Pearson's correlation of the returns; None if either is constant."""
    if _spread(returns) is None or _spread(benchmark) is None:
        return None
    return float(np.clip(np.corrcoef(returns, benchmark)[0, 1], -1.0, 1.0))


def beta(returns: Floats, benchmark: Floats) -> float | None:
    """Covariance of the returns over the benchmark's variance; None if the benchmark is constant."""
    if _spread(benchmark) is None:
        return None
    centred = benchmark - benchmark.mean()
    return float(np.mean((returns - returns.mean()) * centred) / np.mean(centred**2))


def alpha(excess: Floats, benchmark_excess: Floats, periods: float) -> float | None:
    """Jensen's alpha: (1 + mean(excess - beta x benchmark excess)) ** periods - 1."""
    slope = beta(excess, benchmark_excess)
    if slope is None:
        return None
    daily = float(np.mean(excess - slope * benchmark_excess))
    exponent = periods * math.log1p(daily) if daily > -1 else -math.inf
    return math.expm1(exponent) if exponent < 700 else None


def information_ratio(returns: Floats, benchmark: Floats, periods: float) -> float | None:
    """Sharpe ratio of the difference to the benchmark (Grinold and Kahn 1999)."""
    return sharpe(returns - benchmark, periods)


def minimum_detectable_sharpe(sessions: int, periods: float) -> float | None:
    """Smallest true Sharpe that a one-sided 5 % test finds with 80 % power in a curve of this length.

    Solves s = z sqrt((1 + s ** 2 / 2) / n), the standard error of Lo (2002, eq. 9) for independent
    normal returns, with z = z(0.95) + z(0.80); annualised by sqrt(periods).
    """
    z = NormalDist().inv_cdf(0.95) + NormalDist().inv_cdf(0.80)
    remaining = sessions - z**2 / 2
    return z / math.sqrt(remaining) * math.sqrt(periods) if remaining > 0 else None


def mean(values: Floats) -> float | None:
    """Arithmetic mean; None of nothing."""
    return float(values.mean()) if values.size else None


def _excess(equity: pl.DataFrame) -> Floats:
    name = "excess_return" if "excess_return" in equity.columns else "daily_return"
    return equity[name].cast(pl.Float64).fill_null(0.0).to_numpy()


def _spread(values: Floats) -> float | None:
    deviation = float(np.std(values, ddof=1)) if values.size > 1 else 0.0
    return deviation if deviation > _NO_SPREAD else None


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    return numerator / denominator if numerator is not None and denominator else None


def _size(value: float | None) -> float | None:
    return None if value is None else -value


def _column(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).to_numpy()


def _defined(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
