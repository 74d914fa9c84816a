"""What doing less would have earned on the same sessions: the curves a strategy is held against.

Every baseline starts with the strategy's starting equity at the close of its first session: the strategy
decides there for the first time and cannot earn before either. None of them pays costs; cash earns the risk-free rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

BASELINES = ("cash", "benchmark", "exposure_matched", "equal_weight")

#: A symbol without a bar for longer than this cannot be bought (weekends and holidays are shorter).
STALE = "10d"


@dataclass(frozen=True)
class UniverseArrays:
    """What the symbols that a strategy may trade earn on the sessions of a run, and which of them can be bought.

    Attributes
    ----------
    returns
        (sessions, symbols), since the symbol's bar before, dividends included; NaN where there is none.
    trading
        (sessions, symbols), whether it has a bar that is not stale and is a member: nobody knew yet who would join.
    month
        (sessions,) a number that changes with the month.
    """

    returns: Floats
    trading: Flags
    month: Integers

    @classmethod
    def of(cls, sessions: pl.Series, universe: Iterable[pl.DataFrame]) -> UniverseArrays:
        """Return the arrays of some sessions.

        Parameters
        ----------
        sessions
            Ascending.
        universe
            Rows of some symbols at a time, by symbol: symbol, session, total_return (null for its first bar), member
            (of the universe at that session).
        """
        parts = [_arrays_of_part(sessions, rows) for rows in universe]
        month = (sessions.dt.year() * 12 + sessions.dt.month()).cast(pl.Int64).to_numpy()
        returns, trading = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
        return cls(returns, trading, month)


def _arrays_of_part(sessions: pl.Series, universe: pl.DataFrame) -> tuple[Floats, Flags]:
    symbols = universe["symbol"].unique().sort()
    axes = sessions.to_frame("session").join(symbols.to_frame("symbol"), how="cross").sort("session", "symbol")
    bars = universe.drop_nulls("total_return").sort("session", "symbol")
    returns = axes.join(bars, on=["session", "symbol"], how="left", maintain_order="left")["total_return"]
    trading = axes.join_asof(
        bars.select("symbol", "session", "member"),
        on="session",
        by="symbol",
        tolerance=STALE,
        check_sortedness=False,
    )
    shape = (sessions.len(), symbols.len())
    return (
        returns.cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(shape),
        trading["member"].fill_null(False).to_numpy().reshape(shape),
    )


def compare(
    strategy: str,
    equity: pl.DataFrame,
    universe: UniverseArrays,
    *,
    starting_equity: float,
    benchmark: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the baseline curves on exactly the sessions of a strategy's curve.

    Parameters
    ----------
    equity
        session, equity, cash, risk_free: rows of one split of `backtests.equity`, in session order.
    universe
        Returns of the symbols that the strategy may trade, on these sessions.
    starting_equity
        Quote currency.
    benchmark
        session, benchmark_return. Without it the two baselines that need it are left out.

    Returns
    -------
    polars.DataFrame
        strategy, baseline, session, equity, daily_return, ordered by baseline and session.
    """
    sessions, rates = equity.select("session"), _filled(equity["risk_free"])
    factors = {
        "cash": buy_and_hold(rates),
        "equal_weight": equal_weight(universe.returns, universe.trading, universe.month),
    }
    if benchmark is not None:
        aligned = sessions.join(benchmark, on="session", how="left", maintain_order="left")
        returns = _filled(aligned["benchmark_return"])
        factors["benchmark"] = buy_and_hold(returns)
        factors["exposure_matched"] = exposure_matched(returns, net_exposure(equity), rates)
    return pl.concat(
        sessions.select(
            pl.lit(strategy).alias("strategy"),
            pl.lit(name).alias("baseline"),
            "session",
            pl.Series("equity", starting_equity * factors[name], dtype=pl.Float64),
        ).with_columns(daily_return=pl.col("equity") / pl.col("equity").shift(1, fill_value=starting_equity) - 1)
        for name in sorted(factors)
    )


def buy_and_hold(returns: Floats) -> Floats:
    """Return the growth of a purchase at the first close, (n,), from close-to-close returns (n,); NaN: no change.

    Examples
    --------
    The return of the first session was earned before its close.

    >>> buy_and_hold(np.array([0.5, 0.1, np.nan])).round(4)
    array([1. , 1.1, 1.1])
    """
    earned = np.where(np.isnan(returns), 0.0, returns)
    earned[:1] = 0.0
    return np.asarray(np.cumprod(1.0 + earned))


def exposure_matched(returns: Floats, exposure: Floats, rates: Floats) -> Floats:
    """Return the growth of the benchmark, held at the strategy's net exposure of the evening before, the rest in cash.

    What is left of a strategy's result beyond this curve is not explained by how much it was invested: a book that is
    as long as short is compared with cash.

    Parameters
    ----------
    returns
        (n,) of the benchmark, close to close.
    exposure
        (n,) see `net_exposure`.
    rates
        (n,) what cash earned since the session before.

    Examples
    --------
    Half of the equity is invested at the close of the first session: 1 + 0.5 x 0.1.

    >>> exposure_matched(np.array([0.0, 0.1]), exposure=np.array([0.5, 0.0]), rates=np.zeros(2)).round(4)
    array([1.  , 1.05])
    """
    return buy_and_hold(rates + of_evening_before(exposure) * (returns - rates))


def of_evening_before(exposure: Floats) -> Floats:
    """Return the exposure of the evening before each session, (..., n): none before the first."""
    before = np.zeros_like(exposure)
    before[..., 1:] = exposure[..., :-1]
    return before


def net_exposure(equity: pl.DataFrame) -> Floats:
    """Return long less short positions as a fraction of equity, (n,), at each close: what is not cash; 0 without.

    Parameters
    ----------
    equity
        equity, cash: quote currency. The proceeds of short sales are in the cash.
    """
    level, cash_held = equity["equity"].to_numpy(), equity["cash"].to_numpy()
    return np.where(level > 0, 1.0 - np.divide(cash_held, level, out=np.ones_like(level), where=level > 0), 0.0)


def equal_weight(returns: Floats, trading: Flags, month: Integers) -> Floats:
    """Return the growth of the universe at equal weights, set at the first close and again at the last of each month.

    Between those closes the weights drift. The symbols `trading` at the close of a rebalancing are held
    until the next; one that stops trading keeps its value till then.

    Parameters
    ----------
    returns
        (n, symbols), NaN where a symbol has none.
    trading
        (n, symbols), whether the symbol can be bought at that close.
    month
        (n,) a number that changes with the month.

    Returns
    -------
    numpy.ndarray
        (n,)

    Examples
    --------
    >>> returns = np.array([[0.0, 0.0], [0.2, 0.1], [0.0, 0.0]])
    >>> equal_weight(returns, trading=np.ones((3, 2), dtype=np.bool_), month=np.array([1, 1, 1])).round(4)
    array([1.  , 1.15, 1.15])
    """
    curve = np.ones(month.size)
    if not month.size:
        return curve
    rebalanced = np.unique([0, *np.flatnonzero(np.diff(month))])
    for start, end in zip(rebalanced, [*rebalanced[1:], month.size - 1], strict=True):
        held = trading[start]
        own = returns[start + 1 : end + 1][:, held]
        own[np.isnan(own)] = 0.0
        growth = np.cumprod(1.0 + own, axis=0)
        curve[start + 1 : end + 1] = curve[start] * (growth.mean(axis=1) if held.any() else 1.0)
    return curve


def equal_weight_returns(universe: UniverseArrays) -> Floats:
    """Return the daily returns of the universe at equal weights, (n,): 0 on the first session."""
    curve = equal_weight(universe.returns, universe.trading, universe.month)
    before = np.concatenate([np.ones(min(1, curve.size)), curve[:-1]])
    return np.asarray(curve / before - 1.0)


def _filled(values: pl.Series) -> Floats:
    return values.cast(pl.Float64).fill_null(0.0).to_numpy()
