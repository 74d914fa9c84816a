"""Which factors a strategy's return is made of, as rows: loadings, their errors, and what each of them earned."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from scipy.stats import t as student

from trading_assets.analytics.regression import regress
from trading_assets.analytics.tables import FACTOR_EXPOSURES

ALPHA = "alpha"
#: Regressions by name: on the catalogue's own factors, and on those of the user's file.
CATALOGUE, OF_FILE = "catalogue", "file"


def exposures(returns: pl.DataFrame, factors: pl.DataFrame, model: str) -> pl.DataFrame:
    """Return the rows of `analytics.factor_exposures` of one regression, without strategy and split.

    What each factor earned is its loading times the sum of its returns; alpha earned its estimate on each session.
    These sums are the sum of the returns of the sessions that all factors know.

    Parameters
    ----------
    returns
        session, excess_return (fraction).
    factors
        session, and a column of daily returns (fractions) for each factor. One that is never known is left out.
    model
        `CATALOGUE` or `OF_FILE`.

    Returns
    -------
    polars.DataFrame
        No rows where nothing can be estimated.
    """
    names = [name for name in factors.columns if name != "session" and factors[name].drop_nulls().len()]
    rows = returns.select("session", "excess_return").join(factors.select("session", *names), on="session")
    rows = rows.drop_nulls().sort("session")
    found = regress(rows["excess_return"].to_numpy(), rows.select(names).to_numpy()) if names else None
    if found is None:
        return FACTOR_EXPOSURES.empty().drop("strategy", "split")
    freedom = found.observations - len(names) - 1
    sums = [float(found.observations), *(math.fsum(rows[name].to_list()) for name in names)]
    t_values = [e / s if s > 0 else None for e, s in zip(found.estimates.tolist(), found.errors.tolist(), strict=True)]
    return pl.DataFrame(
        {
            "factor": [ALPHA, *names],
            "estimate": found.estimates,
            "error": found.errors,
            "t": t_values,
            "p": [None if t is None else float(2 * student.sf(abs(t), freedom)) for t in t_values],
            "earned": found.estimates * np.array(sums),
            "r_squared": found.r_squared,
            "sessions": found.observations,
            "lags": found.lags,
        }
    ).with_columns(model=pl.lit(model))
