"""What cash earned from one session to the next, as known on the evening between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

DAYS_A_YEAR = 360


def accrued(sessions: Sequence[dt.date], rates: pl.DataFrame) -> NDArray[np.float64]:
    """Return what one unit of cash earned since the session before, (sessions,), a fraction; 0 for the first.

    The last rate of a day before that evening, for it was published by then, times the calendar days / 360.

    Parameters
    ----------
    sessions
        Ascending.
    rates
        Rows of `market_data.risk_free`: session, rate. None: cash earns nothing.
    """
    earned = np.zeros(len(sessions))
    if rates.is_empty():
        return earned
    evenings = pl.DataFrame({"session": sessions}, schema={"session": pl.Date})
    known = evenings.join_asof(
        rates.sort("session"), on="session", strategy="backward", allow_exact_matches=False, check_sortedness=False
    )["rate"].fill_null(0.0)
    days = evenings["session"].diff().dt.total_days().to_numpy()
    earned[1:] = known.to_numpy()[:-1] * days[1:] / DAYS_A_YEAR
    return earned
