"""Effectiveness of scores, against Alphalens and by hand."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from alphalens import performance
from alphalens.utils import get_clean_factor_and_forward_returns
from statsmodels.api import OLS

from trading_assets.analytics.forward_returns import forward_returns
from trading_assets.analytics.signal_quality import (
    information_coefficients,
    newey_west_error,
    of_coefficients,
    of_entries,
    of_quantiles,
    of_ranks,
    quality_of,
    quantile_count,
    turnover,
    with_quantiles,
)

SESSIONS, SYMBOLS = 120, [f"S{i}" for i in range(7)]
HORIZONS = (1, 5, 20)


def market(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Closes and scores, sessions x symbols: scores lean to the next return."""
    random = np.random.default_rng(seed)
    days = pd.bdate_range("2020-01-01", periods=SESSIONS)
    moves = random.normal(0, 0.02, (SESSIONS, len(SYMBOLS)))
    closes = pd.DataFrame(100 * np.exp(np.cumsum(moves, axis=0)), index=days, columns=SYMBOLS)
    ahead = np.vstack([moves[1:], moves[-1:]])
    scores = pd.DataFrame(ahead + random.normal(0, 0.03, ahead.shape), index=days, columns=SYMBOLS)
    return closes, scores


def long_form(frame: pd.DataFrame, name: str) -> pl.DataFrame:
    days = [day.date() for day in frame.index]
    return pl.DataFrame(
        {
            "session": [day for day in days for _ in SYMBOLS],
            "symbol": SYMBOLS * len(days),
            name: frame.to_numpy().ravel(),
        }
    )


def scored(seed: int) -> pl.DataFrame:
    closes, scores = market(seed)
    after = forward_returns(long_form(closes, "adj_close"), HORIZONS)
    return long_form(scores, "score").join(after, on=["session", "symbol"])


def alphalens_data(seed: int, horizon: int) -> Any:
    closes, scores = market(seed)
    factor = scores.stack()
    factor.index.names = ["date", "asset"]
    return get_clean_factor_and_forward_returns(factor, closes, quantiles=3, periods=(horizon,), max_loss=1)


@pytest.mark.parametrize("horizon", HORIZONS)
def test_coefficients_and_quantiles_are_those_of_alphalens(horizon: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = alphalens_data(1, horizon)
        theirs = performance.factor_information_coefficient(data).iloc[:, 0]
        means = performance.mean_return_by_quantile(data, demeaned=True)[0].iloc[:, 0]
        changing = [performance.quantile_turnover(data["factor_quantile"], k, 1).mean() for k in (1, 2, 3)]
        ranks = performance.factor_rank_autocorrelation(data, 1).mean()
    rows = with_quantiles(scored(1), 3)
    found = information_coefficients(rows, [horizon])
    assert found["session"].to_list() == [day.date() for day in theirs.index]
    np.testing.assert_allclose(found["ic"].to_numpy(), theirs.to_numpy(), atol=1e-12)
    own = {(name, statistic): value for _, name, _, statistic, value in of_quantiles(rows, [horizon])}
    for k in (1, 2, 3):
        assert own[str(k), "excess_return"] == pytest.approx(means[k], abs=1e-12)
    # Alphalens knows no scores of the last sessions, for which it has no return.
    known = rows.drop_nulls(f"after_{horizon}")
    assert list(turnover(known).values()) == pytest.approx(changing, abs=1e-12)
    autocorrelation = {statistic: value for _, _, _, statistic, value in of_ranks(known)}["rank_autocorrelation"]
    assert autocorrelation == pytest.approx(ranks, abs=1e-12)


@pytest.mark.parametrize("lags", [0, 1, 4, 19])
def test_the_error_of_a_mean_is_that_of_statsmodels(lags: int) -> None:
    values = np.convolve(np.random.default_rng(5).normal(0.1, 1.0, 300), np.ones(5) / 5)
    theirs = OLS(values, np.ones(values.size)).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "kernel": "bartlett"})
    assert newey_west_error(values, lags) == pytest.approx(float(theirs.bse[0]), rel=1e-10)


def test_a_score_of_the_next_return_decays_with_the_horizon() -> None:
    rows = {
        (name, h): v
        for _, name, h, statistic, v in quality_of(
            scored(2), pl.DataFrame(schema={"session": pl.Date, "regime": pl.Int64}), HORIZONS
        )
        if statistic == "ic" and name == "all"
    }
    one, five, twenty = (rows["all", h] for h in HORIZONS)
    assert one is not None and five is not None and twenty is not None
    assert one > 0.3 > five > twenty


def test_a_perfect_order_has_a_coefficient_of_one_in_each_regime() -> None:
    rows = scored(3).with_columns(score="after_1")
    days = rows.select("session").unique().sort("session")
    regimes = days.with_columns(regime=(pl.int_range(pl.len()) >= 60).cast(pl.Int64))
    found = {
        (subject, name): value
        for subject, name, h, statistic, value in quality_of(rows, regimes, [1])
        if statistic == "ic" and h == 1
    }
    assert found == {("score", "all"): 1.0, ("regime", "0"): 1.0, ("regime", "1"): 1.0}


def test_returns_that_end_after_the_last_bar_are_unknown() -> None:
    rows = scored(4)
    last = rows["session"].unique().sort()[-20:]
    assert rows.filter(pl.col("session").is_in(last.implode()))["after_20"].null_count() == 20 * len(SYMBOLS)
    assert rows.filter(~pl.col("session").is_in(last.implode()))["after_20"].null_count() == 0


def test_entries_are_told_by_trigger_against_the_mean_symbol() -> None:
    """A rose by 10 % and B fell by 2 %: the mean symbol made 4 %, so A is 6 % beyond it."""
    day = dt.date(2024, 1, 2)
    after = pl.DataFrame({"session": [day, day], "symbol": ["A", "B"], "after_1": [0.10, -0.02]})
    entries = pl.DataFrame({"session": [day], "symbol": ["A"], "trigger": ["fast"]})
    found = {statistic: value for _, _, _, statistic, value in of_entries(entries, after, [1])}
    assert found == pytest.approx({"mean_return": 0.10, "excess_return": 0.06, "hit_rate": 1.0, "count": 1.0})


def test_few_sessions_tell_no_mean_and_few_symbols_few_quantiles() -> None:
    rows = scored(5)
    few = rows.filter(pl.col("session") < rows["session"].unique().sort()[10])
    assert of_coefficients(information_coefficients(few, [1]), "score", "all") == []
    assert quantile_count(rows) == 3
    assert quantile_count(rows.filter(pl.col("symbol") < "S3")) == 2
    assert quality_of(rows.clear(), pl.DataFrame(), HORIZONS) == []
    assert newey_west_error(np.ones(1), 3) is None
