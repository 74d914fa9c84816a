"""The statistics of an account by session: what is told of it, and the three tests with their levels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.results.return_metrics import sharpe
from trading_assets.backtests.results.settled_curve import excess_return
from trading_assets.trading.divergence.betting import (
    CLIP,
    Floats,
    cut,
    ever_reached,
    late_evidence,
    predictable_scale,
    wealth,
)
from trading_assets.trading.divergence.fill_bets import late_evidence_of_fills, wealth_of_fills
from trading_assets.trading.divergence.promise import Promise, sessions_held
from trading_assets.trading.divergence.slippage import excess_by_session
from trading_assets.trading.divergence.tables import DIVERGENCE
from trading_assets.trading.divergence.tracking import LiveCurve
from trading_assets.trading.opening import Opening

#: Probability of a false alarm, ever: of slippage and of live less paper, and of the Sharpe ratio.
ALPHA, SLOW_ALPHA = 0.01, 0.05
#: Least mean number of bets until a false alarm of what looks for late changes: ten years of sessions.
AVERAGE_RUN = 2520
#: Level of each test.
LEVELS = {
    "slippage_wealth": 1.0 / ALPHA,
    "slippage_late": float(AVERAGE_RUN),
    "live_wealth": 1.0 / ALPHA,
    "live_late": float(AVERAGE_RUN),
    "sharpe_wealth": 1.0 / SLOW_ALPHA,
}
#: Sessions that differ before the first bet on live less paper, and after which one of them counts half.
FIRST_DIFFERING, _HALF_LIFE = 5, 20.0
#: A return of 1 bp: scale of differences before any; a millionth of that is none.
_BASIS_POINT = 1e-4
_NO_DIFFERENCE = 1e-12


@dataclass(frozen=True)
class Told:
    """A statistic by session: values (NaN: none yet) and what is behind each."""

    values: Floats
    observations: Floats


def statistics_of(
    opening: Opening, curve: LiveCurve, slippage: pl.DataFrame, promise: Promise, equity: pl.DataFrame
) -> pl.DataFrame:
    """Return the rows of `trading.divergence` of an account, by its sessions that were held to the broker's books.

    Each follows from the sessions up to its own alone.

    Parameters
    ----------
    opening, curve
        Account, and its curve beside the broker's.
    slippage
        Rows of `trading.slippage` of the account.
    promise
        What its holdout promised.
    equity
        Rows of `trading.equity` of the same sessions: positions, equity, daily_return, risk_free, interest.
    """
    told = {**_of_slippage(curve, slippage), **_of_tracking(curve, promise), **_of_returns(curve, promise, equity)}
    frames = []
    for name, each in told.items():
        level = LEVELS.get(name)
        alarm = np.zeros(len(curve.sessions), bool)
        if level is not None:
            alarm = ever_reached(np.nan_to_num(each.values, nan=0.0), level)
        frames.append(
            pl.DataFrame(
                {
                    "session": pl.Series(curve.sessions, dtype=pl.Date),
                    "value": each.values,
                    "alarm": alarm,
                    "observations": each.observations.astype(np.int64),
                }
            ).with_columns(statistic=pl.lit(name), level=pl.lit(level, pl.Float64))
        )
    rows = pl.concat(frames).with_columns(
        strategy=pl.lit(opening.strategy), account=pl.lit(opening.account), label=pl.lit(opening.label)
    )
    return DIVERGENCE.conform(rows.select(list(DIVERGENCE.columns))).fill_nan(None).sort(DIVERGENCE.key)


def live_bets(differences: Floats) -> Floats:
    """Return what is bet on in each session: how much less live earned than paper, in a scale of what was before.

    A session without a difference is no evidence; before `FIRST_DIFFERING` that differ nothing is bet.

    Parameters
    ----------
    differences
        (sessions,) what the broker's books made more than the account, as a share of its equity.
    """
    is_other = np.abs(differences) > _NO_DIFFERENCE
    other = np.where(is_other, differences, math.nan)
    scale = predictable_scale(other, _BASIS_POINT, _HALF_LIFE, _NO_DIFFERENCE)
    before: NDArray[np.int64] = np.cumsum(is_other) - is_other
    return np.asarray(np.where(is_other & (before >= FIRST_DIFFERING), -differences / scale, math.nan))


def promise_bets(returns: Floats, is_held: NDArray[np.bool_], promise: Promise) -> Floats:
    """Return what is bet on in each session: how far a return, as the promise is of, is below the promised mean.

    The promise is the mean of the very same: returns of sessions in which something was held, in one scale, cut. So
    returns that are rare or skewed break it no sooner than others. It is brought within the cut on both sides, so that
    `wealth` cuts nothing more.

    Parameters
    ----------
    returns
        (sessions,) of the broker's books, without interest.
    is_held
        (sessions,) whether something was held: nothing is bet otherwise.
    promise
        Without a mean nothing is bet.
    """
    if promise.mean is None or not promise.scale:
        return np.full(returns.size, math.nan)
    below = promise.mean - cut(returns / promise.scale)
    return np.asarray(np.where(is_held, below * CLIP / (CLIP + abs(promise.mean)), math.nan))


def _of_slippage(curve: LiveCurve, slippage: pl.DataFrame) -> dict[str, Told]:
    bets = excess_by_session(slippage, curve.sessions)
    by_day = dict(slippage.group_by("session").len().iter_rows())
    fills = np.cumsum([by_day.get(day, 0) for day in curve.sessions]).astype(np.float64)
    return {
        "slippage_paid_bps": Told(_mean_by_session(slippage, "paid_bps", curve), fills),
        "slippage_modelled_bps": Told(_mean_by_session(slippage, "modelled_bps", curve), fills),
        "slippage_wealth": Told(wealth_of_fills(bets), fills),
        "slippage_late": Told(late_evidence_of_fills(bets), fills),
    }


def _mean_by_session(slippage: pl.DataFrame, column: str, curve: LiveCurve) -> Floats:
    found: dict[object, list[float]] = {}
    for day, value in slippage.select("session", column).iter_rows():
        found.setdefault(day, []).append(value)
    return np.array([math.fsum(found[day]) / len(found[day]) if day in found else math.nan for day in curve.sessions])


def _of_tracking(curve: LiveCurve, promise: Promise) -> dict[str, Told]:
    differences = curve.differences
    bets = live_bets(differences)
    count = np.arange(1, differences.size + 1, dtype=np.float64)
    betted = np.cumsum(~np.isnan(bets)).astype(np.float64)
    mean = np.cumsum(differences) / count
    spread = np.cumsum(differences**2) - count * mean**2
    error = np.sqrt(np.maximum(spread, 0.0) / np.maximum(count - 1.0, 1.0) * promise.periods)
    return {
        "live_equity": Told(curve.live, count),
        "tracking_difference": Told(differences, count),
        "tracking_error": Told(np.where(count > 1, error, math.nan), count),
        "live_wealth": Told(wealth(bets), betted),
        "live_late": Told(late_evidence(bets), betted),
    }


def _of_returns(curve: LiveCurve, promise: Promise, equity: pl.DataFrame) -> dict[str, Told]:
    returns = curve.live_returns
    at_broker = equity.with_columns(daily_return=pl.Series(returns))
    excess: Floats = at_broker.select(excess_return(at_broker)).to_series().to_numpy()
    so_far = [sharpe(excess[: place + 1], promise.periods) for place in range(excess.size)]
    bets = promise_bets(returns, sessions_held(equity), promise)
    money = wealth(bets) if promise.mean is not None else np.full(excess.size, math.nan)
    return {
        "live_sharpe": Told(np.array(so_far, np.float64), np.arange(1, excess.size + 1, dtype=np.float64)),
        "sharpe_wealth": Told(money, np.cumsum(~np.isnan(bets)).astype(np.float64)),
    }
