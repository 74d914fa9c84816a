"""Is the best of several strategies better than nothing, given how many were looked at?"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Fewer common sessions than this say nothing.
LEAST_SESSIONS = 60


def reality_check(
    returns: NDArray[np.float64], *, block_sessions: int, resamples: int, seed: int
) -> dict[str, float | None]:
    """p-values of the hypothesis that no strategy earns more than cash.

    Parameters
    ----------
    returns
        (sessions, strategies): daily returns on common sessions; cash earns 0.
    block_sessions
        Mean length of a block of the stationary bootstrap.

    Returns
    -------
    spa_p
        Hansen's test of superior predictive ability (2005), the consistent p-value of the studentised statistic.
    reality_check_p
        White's reality check (2000): the same without studentising, and every strategy, however bad, in the null.
    Both None where a strategy's returns do not vary, or there are fewer than `LEAST_SESSIONS`.
    """
    from arch.bootstrap import SPA

    sessions, strategies = returns.shape
    if sessions < LEAST_SESSIONS or not strategies or float(np.std(returns, axis=0).min()) == 0.0:
        return {"spa_p": None, "reality_check_p": None}
    cash = np.zeros(sessions)

    def p_value(kind: str, *, studentize: bool) -> float:
        # The test is of losses, so a gain is a negative loss.
        test = SPA(cash, -returns, block_size=block_sessions, reps=resamples, studentize=studentize, seed=seed)
        test.compute()
        return float(test.pvalues[kind])

    return {
        "spa_p": p_value("consistent", studentize=True),
        "reality_check_p": p_value("upper", studentize=False),
    }


def common_returns(curves: pl.DataFrame) -> NDArray[np.float64]:
    """Returns (sessions, strategies) between the sessions that all curves have.

    Where one trades on days that another does not, its return is that from common session to common session.

    Parameters
    ----------
    curves
        strategy, session, equity at the close, above 0 unless the strategy lost everything.

    Returns
    -------
    One row fewer than there are common sessions; the strategies by name. 0 after a total loss.
    """
    wide = curves.pivot("strategy", index="session", values="equity", sort_columns=True).sort("session").drop_nulls()
    equity = wide.drop("session").to_numpy().astype(np.float64)
    before, after = equity[:-1], equity[1:]
    growth = np.divide(after, before, out=np.ones_like(after), where=before > 0)
    return np.asarray(growth - 1.0, dtype=np.float64)
