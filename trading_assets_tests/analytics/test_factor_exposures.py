"""Rows of a regression: planted loadings are found, and what was earned is the whole return."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from statsmodels.api import OLS, add_constant

from trading_assets.analytics.factor_exposures import CATALOGUE, exposures

SESSIONS = 600
DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=k) for k in range(SESSIONS)]


def planted() -> tuple[pl.DataFrame, pl.DataFrame]:
    """The return is 0.0002 + 0.5 market - 0.3 size, and noise."""
    random = np.random.default_rng(1)
    market, size = random.normal(0, 0.01, (2, SESSIONS))
    made = 0.0002 + 0.5 * market - 0.3 * size + random.normal(0, 0.002, SESSIONS)
    returns = pl.DataFrame({"session": DAYS, "excess_return": made})
    return returns, pl.DataFrame({"session": DAYS, "market": market, "size": size})


def test_planted_loadings_are_found_with_the_errors_of_statsmodels() -> None:
    returns, factors = planted()
    found = exposures(returns, factors, CATALOGUE)
    rows = {row["factor"]: row for row in found.iter_rows(named=True)}
    assert rows["market"]["estimate"] == pytest.approx(0.5, abs=0.05)
    assert rows["size"]["estimate"] == pytest.approx(-0.3, abs=0.05)
    design = add_constant(factors.select("market", "size").to_numpy())
    theirs = OLS(returns["excess_return"].to_numpy(), design).fit(
        cov_type="HAC", cov_kwds={"maxlags": found["lags"][0], "use_correction": True}, use_t=True
    )
    for number, name in enumerate(("alpha", "market", "size")):
        assert rows[name]["t"] == pytest.approx(theirs.tvalues[number], rel=1e-8)
        assert rows[name]["p"] == pytest.approx(theirs.pvalues[number], rel=1e-6, abs=1e-300)


def test_what_factors_and_alpha_earned_is_the_return() -> None:
    returns, factors = planted()
    found = exposures(returns, factors, CATALOGUE)
    assert found["earned"].sum() == pytest.approx(returns["excess_return"].sum(), abs=1e-12)


def test_sessions_without_a_factor_and_factors_without_sessions_are_left_out() -> None:
    returns, factors = planted()
    holes = factors.with_columns(
        pl.when(pl.int_range(pl.len()) < 100).then(None).otherwise("size").alias("size"), none=pl.lit(None, pl.Float64)
    )
    found = exposures(returns, holes, CATALOGUE)
    assert found["factor"].to_list() == ["alpha", "market", "size"]
    assert found["sessions"].unique().to_list() == [500]
    assert exposures(returns, factors.select("session"), CATALOGUE).is_empty()
    assert exposures(returns.head(20), factors, CATALOGUE).is_empty()
