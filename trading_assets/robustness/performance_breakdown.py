"""When the result was made, and by how little of it: kinds of months, drawdowns, the best trades and days.

Everything here sorts a finished run after the fact; no rule could have traded on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.results import metrics, return_metrics
from trading_assets.robustness.stress.benchmark_months import DOWN, FLAT, UP, kinds_of_months
from trading_assets.robustness.tables import BREAKDOWN

if TYPE_CHECKING:
    from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.results.settled_curve import settled

Floats = NDArray[np.float64]

MONTHS, HOLDINGS, TRADES, SESSIONS = "months", "holdings", "trades", "sessions"
#: Depth from which on a drawdown is looked at, and the mean correlation to be warned of (trading rules, section 7).
DEEP, ONE_BET = 0.05, 0.70
#: Sessions of the correlation, as of the correlation limit (trading rules, section 4).
WINDOW = 20
#: A standard deviation below this is the rounding of a constant.
_NO_SPREAD = 1e-14
BEST_TRADES = (1, 3, 5, 10)
BEST_SESSIONS = (1, 5, 10)
#: Share of the trades that counts as the best ones.
TOP = 0.05

Condition = Mapping[str, float | None]


def breakdown_rows(
    run: Result, returns: pl.DataFrame, levels: pl.DataFrame, *, split: str, periods_per_year: int
) -> pl.DataFrame:
    """Return the rows of `robustness.breakdown` of one run.

    Parameters
    ----------
    run
        Run whose equity, trades and open positions are looked at.
    returns
        session, and a column for each symbol that it may hold: adjusted close-to-close returns, NaN where there is none
    levels
        session, close: the benchmark's adjusted closes, by session. May be empty: then months have no kind.
    split
        Name of the span in the tables.
    """
    curve = settled(run.equity)
    found: dict[str, Mapping[str, Condition]] = {
        MONTHS: by_kind_of_month(curve, kinds_of_months(levels), periods_per_year),
        HOLDINGS: correlation_in_drawdowns(curve, holdings_of(run), returns),
        TRADES: without_best_trades(run.trades),
        SESSIONS: without_best_sessions(curve, periods_per_year),
    }
    name = run.equity["strategy"][0]
    lines = [
        (name, split, topic, condition, statistic, value)
        for topic, of_topic in found.items()
        for condition, statistics in of_topic.items()
        for statistic, value in statistics.items()
    ]
    return pl.DataFrame(lines, schema=BREAKDOWN.empty().schema, orient="row")


def by_kind_of_month(equity: pl.DataFrame, months: pl.DataFrame, periods_per_year: int) -> dict[str, Condition]:
    """Return what the run made of each kind of month, as if nothing lay between its months.

    months, sessions; benchmark_return and mean_return (of a month, fractions), total_return (compounded), sharpe (a
    year), positive_months (fraction), worst_month, max_drawdown (negative fraction).

    Parameters
    ----------
    equity
        session, daily_return and excess_return (fractions; null counts as 0), in session order.
    months
        month (its first day), benchmark_return, kind: see `kinds_of_months`.
    periods_per_year
        Sessions a year, for the Sharpe ratio.
    """
    rows = equity.select(
        "session", pl.col("daily_return", "excess_return").fill_null(0.0), month=pl.col("session").dt.truncate("1mo")
    ).join(months, on="month", maintain_order="left")
    found: dict[str, Condition] = {}
    for kind in (UP, DOWN, FLAT):
        own = rows.filter(kind=kind)
        by_month = own.group_by("month", maintain_order=True).agg(
            ((1 + pl.col("daily_return")).product() - 1).alias("return"), pl.col("benchmark_return").first()
        )
        daily, monthly = own["daily_return"].to_numpy(), by_month["return"].to_numpy()
        found[kind] = {
            "months": float(by_month.height),
            "sessions": float(own.height),
            "benchmark_return": return_metrics.mean(by_month["benchmark_return"].to_numpy()),
            "mean_return": return_metrics.mean(monthly),
            "total_return": return_metrics.total_return(daily) if daily.size else None,
            "sharpe": return_metrics.sharpe(own["excess_return"].to_numpy(), periods_per_year),
            "positive_months": float(np.mean(monthly > 0)) if monthly.size else None,
            "worst_month": float(monthly.min()) if monthly.size else None,
            "max_drawdown": return_metrics.max_drawdown(daily) if daily.size else None,
        }
    return found


def holdings_of(run: Result) -> pl.DataFrame:
    """Return what was held at the close of each session: symbol, session."""
    spells = pl.concat(
        [
            run.trades.select("symbol", first="entry_session", end="exit_session"),
            run.open_positions.drop_nulls("entry_session").select(
                "symbol", first="entry_session", end=pl.lit(None, pl.Date)
            ),
        ]
    )
    sessions = run.equity.select("session").sort("session")
    held = spells.join_where(
        sessions,
        pl.col("session") >= pl.col("first"),
        pl.col("end").is_null() | (pl.col("session") < pl.col("end")),
    )
    return held.select("symbol", "session").unique().sort("session", "symbol")


def correlation_in_drawdowns(
    equity: pl.DataFrame, holdings: pl.DataFrame, returns: pl.DataFrame
) -> dict[str, Condition]:
    """Measure whether holdings are one bet when it matters.

    On each session with two holdings or more, the mean pairwise correlation of their daily returns over the last
    `WINDOW` sessions; its mean over the sessions in a drawdown deeper than `DEEP`, and over all others. A holding
    without a return on each of those sessions is left out.

    Parameters
    ----------
    equity
        session, drawdown (negative fraction) of the run.
    holdings
        symbol, session: see `holdings_of`.
    returns
        session, and a column of daily returns for each symbol; null or NaN where there is none.

    Returns
    -------
    For ``drawdown`` and ``other``: the number of sessions with a correlation, and its mean; None without any.
    """
    deep = equity.select("session", deep=pl.col("drawdown") < -DEEP).sort("session")
    table = deep.select("session").join(returns, on="session", how="left", maintain_order="left").drop("session")
    place = {symbol: column for column, symbol in enumerate(table.columns)}
    panel = table.fill_null(np.nan).to_numpy()
    held: dict[object, list[int]] = {
        session: [place[symbol] for symbol in symbols if symbol in place]
        for session, symbols in holdings.group_by("session").agg("symbol").iter_rows()
    }
    values: dict[bool, list[float]] = {True: [], False: []}
    for row, (session, is_deep) in enumerate(deep.iter_rows()):
        if row + 1 < WINDOW:
            continue
        own = panel[row + 1 - WINDOW : row + 1, held.get(session, [])]
        correlation = mean_pairwise_correlation(own[:, ~np.isnan(own).any(axis=0)])
        if correlation is not None:
            values[is_deep].append(correlation)
    return {
        name: {
            "sessions": float(len(values[is_deep])),
            "mean_correlation": return_metrics.mean(np.array(values[is_deep])),
        }
        for name, is_deep in (("drawdown", True), ("other", False))
    }


def mean_pairwise_correlation(returns: Floats) -> float | None:
    """Return the mean of the correlations of all pairs of columns; None with fewer than two that move.

    The sum of k standardised series has the variance k + k (k - 1) x mean correlation.

    Examples
    --------
    The correlations of three series are 1, -1 and -1.

    >>> series = np.array([0.01, -0.02, 0.03])
    >>> round(mean_pairwise_correlation(np.column_stack([series, 2 * series, -series])), 4)
    -0.3333
    """
    deviations = returns.std(axis=0)
    moving = returns[:, deviations > _NO_SPREAD]
    count = moving.shape[1]
    if count < 2:
        return None
    standardised = (moving - moving.mean(axis=0)) / moving.std(axis=0)
    return float((standardised.sum(axis=1).var() - count) / (count * (count - 1)))


def without_best_trades(trades: pl.DataFrame) -> dict[str, Condition]:
    """Return the result with and without the best trades, by profit; a trade without a profit is none of them.

    trades, profit (quote currency), expectancy_r, profit_factor, win_rate; of all also top_share: what the best
    `TOP` of the trades (one at least) earned, over the profit of all; None without a profit.

    Examples
    --------
    Three trades earn 100 in all; the best one alone earned 80 of it.

    >>> trades = pl.DataFrame(
    ...     {"symbol": ["A", "B", "C"], "pnl": [80.0, 50.0, -30.0], "r_multiple": [2.0, 1.0, -1.0]}
    ... ).with_columns(entry_session=pl.date(2024, 1, 2))
    >>> found = without_best_trades(trades)
    >>> found["all"]["top_share"], found["without best 1"]["profit"]
    (0.8, 20.0)
    """
    ranked = trades.sort("pnl", "symbol", "entry_session", descending=[True, False, False])
    found: dict[str, Condition] = {"all": _of_trades(ranked)}
    if ranked.height:
        profit = ranked["pnl"].to_numpy()
        top, total = float(profit[: max(1, round(TOP * profit.size))].sum()), float(profit.sum())
        found["all"] = {**found["all"], "top_share": top / total if total > 0 else None}
    for count in BEST_TRADES:
        if count < ranked.height:
            winners = int((ranked["pnl"] > 0).sum())
            found[f"without best {count}"] = _of_trades(ranked.slice(min(count, winners)))
    return found


def without_best_sessions(equity: pl.DataFrame, periods_per_year: int) -> dict[str, Condition]:
    """Return total_return and sharpe of the run, and of the run whose best sessions earn nothing."""
    curve = equity.sort("session").select(pl.col("daily_return", "excess_return").fill_null(0.0))
    returns, excess = curve["daily_return"].to_numpy(), curve["excess_return"].to_numpy()
    order = np.argsort(-returns, kind="stable")
    found: dict[str, Condition] = {}
    for count in (0, *BEST_SESSIONS):
        if count > returns.size:
            break
        kept = returns.copy()
        kept[order[:count]] = np.minimum(kept[order[:count]], 0.0)
        found[f"without best {count}" if count else "all"] = {
            "total_return": return_metrics.total_return(kept),
            "sharpe": return_metrics.sharpe(excess + (kept - returns), periods_per_year),
        }
    return found


def _of_trades(trades: pl.DataFrame) -> Condition:
    profit = trades["pnl"].to_numpy()
    return {
        "trades": float(trades.height),
        "profit": float(profit.sum()),
        "expectancy_r": return_metrics.mean(trades["r_multiple"].drop_nulls().to_numpy()),
        "profit_factor": metrics.profit_factor(profit),
        "win_rate": metrics.win_rate(profit),
    }
