"""When the result was made, and by how little of it."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.backtests import tables as backtests
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.robustness.performance_breakdown import (
    BEST_TRADES,
    HOLDINGS,
    MONTHS,
    SESSIONS,
    TRADES,
    WINDOW,
    by_kind_of_month,
    correlation_in_drawdowns,
    mean_pairwise_correlation,
    without_best_sessions,
    without_best_trades,
)
from trading_assets.robustness.stress.benchmark_months import DOWN, FLAT, UP, kinds_of_months
from trading_assets.robustness.tables import BREAKDOWN
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness.pipeline import Experiment

DAYS = pd.bdate_range("2020-01-01", "2022-12-30")
DATES = DAYS.date.tolist()


def levels(seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame({"session": DATES, "close": 100 * np.exp(np.cumsum(random.normal(0, 0.012, len(DAYS))))})


def equity(returns: np.ndarray) -> pl.DataFrame:
    """Cash that earns nothing: what is earned is earned beyond it."""
    worth = np.cumprod(1 + returns)
    peak = np.maximum(np.maximum.accumulate(worth), 1.0)
    columns = {"daily_return": returns, "excess_return": returns, "drawdown": worth / peak - 1}
    return pl.DataFrame({"session": DATES[: len(returns)], **columns})


def trades(profits: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": [f"S{number}" for number in range(len(profits))],
            "entry_session": [DAYS[0].date()] * len(profits),
            "pnl": profits,
            "r_multiple": [profit / 100 for profit in profits],
        },
        schema={"symbol": pl.String, "entry_session": pl.Date, "pnl": pl.Float64, "r_multiple": pl.Float64},
    )


def test_kinds_of_months_by_hand() -> None:
    """Returns of +10 %, 0, -10 % and +1 %: their deviation is 8.2 %, half of it 4.1 %."""
    closes = [100.0, 110.0, 110.0, 99.0, 99.99]
    found = kinds_of_months(
        pl.DataFrame({"session": [dt.date(2020, month, 28) for month in range(1, 6)], "close": closes})
    )
    assert found["month"].to_list() == [dt.date(2020, month, 1) for month in range(2, 6)]
    assert found["kind"].to_list() == [UP, FLAT, DOWN, FLAT]
    assert found["benchmark_return"].to_list() == pytest.approx([0.1, 0.0, -0.1, 0.01])


def test_months_agree_with_pandas() -> None:
    returns = np.random.default_rng(3).normal(0.0004, 0.01, len(DAYS))
    found = by_kind_of_month(equity(returns), kinds_of_months(levels(1)), 252)
    close = pd.Series(levels(1)["close"].to_numpy(), DAYS).resample("ME").last().pct_change().dropna()
    kind = pd.Series(np.where(close.abs() <= close.std() / 2, FLAT, np.where(close > 0, UP, DOWN)), close.index)
    daily = pd.Series(returns, DAYS)
    of_day = kind.reindex(pd.DatetimeIndex(daily.index).to_period("M").to_timestamp("M").normalize()).to_numpy()
    monthly = (1 + daily).resample("ME").prod() - 1
    for name in (UP, DOWN, FLAT):
        own, of_kind = daily[of_day == name], monthly.reindex(kind.index[kind == name])
        assert own.size > 100
        assert found[name] == pytest.approx(
            {
                "months": of_kind.size,
                "sessions": own.size,
                "benchmark_return": close[kind == name].mean(),
                "mean_return": of_kind.mean(),
                "total_return": (1 + own).prod() - 1,
                "sharpe": own.mean() / own.std() * np.sqrt(252),
                "positive_months": (of_kind > 0).mean(),
                "worst_month": of_kind.min(),
                "max_drawdown": ((1 + own).cumprod() / (1 + own).cumprod().cummax().clip(lower=1) - 1).min(),
            },
            rel=1e-9,
        )
    assert sum(found[name]["sessions"] for name in found) == (daily.index >= "2020-02-01").sum()  # type: ignore[misc]


def test_a_benchmark_that_is_not_there_has_no_months() -> None:
    found = by_kind_of_month(equity(np.zeros(30)), kinds_of_months(levels(1).clear()), 252)
    assert all(statistics["months"] == 0 and statistics["sharpe"] is None for statistics in found.values())


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(2, 9), st.floats(-1, 1))
def test_mean_correlation_is_that_of_all_pairs(seed: int, symbols: int, common: float) -> None:
    random = np.random.default_rng(seed)
    returns = random.normal(size=(WINDOW, symbols)) + common * random.normal(size=(WINDOW, 1))
    pairs = [np.corrcoef(returns[:, a], returns[:, b])[0, 1] for a, b in itertools.combinations(range(symbols), 2)]
    with_a_still_one = np.column_stack(
        [returns, np.ones(WINDOW), np.diff(1.01 ** np.arange(WINDOW + 1)) / 1.01 ** np.arange(WINDOW)]
    )
    for panel in (returns, with_a_still_one):
        assert mean_pairwise_correlation(panel) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert mean_pairwise_correlation(returns[:, :1]) is None


def test_holdings_are_one_bet_in_the_crash() -> None:
    """Three symbols that go their own ways until the fall, in which they are one; a fourth is never held."""
    random = np.random.default_rng(5)
    own, shared = random.normal(0.001, 0.01, (300, 4)), random.normal(-0.01, 0.01, 60)
    own[200:260, :3] = shared[:, None] + own[200:260, :3] / 20
    curve = equity(own[:, :3].mean(axis=1))
    returns = pl.DataFrame(own, schema=list("ABCD")).with_columns(session=pl.Series(DATES[:300]))
    held = pl.DataFrame({"symbol": list("ABC")}).join(curve.select("session"), how="cross")
    found = correlation_in_drawdowns(curve, held, returns)
    frame = pd.DataFrame(own[:, :3])
    means = [(frame.iloc[end + 1 - WINDOW : end + 1].corr().to_numpy().sum() - 3) / 6 for end in range(WINDOW - 1, 300)]
    deep = (curve["drawdown"] < -0.05).to_numpy()[WINDOW - 1 :]
    assert found["drawdown"]["mean_correlation"] == pytest.approx(np.mean(np.array(means)[deep]), abs=1e-12)
    assert found["other"]["mean_correlation"] == pytest.approx(np.mean(np.array(means)[~deep]), abs=1e-12)
    assert found["drawdown"]["sessions"] == deep.sum() and found["other"]["sessions"] == (~deep).sum()
    alone = correlation_in_drawdowns(curve, held.filter(symbol="A"), returns)
    assert alone["drawdown"] == {"sessions": 0.0, "mean_correlation": None}


def test_without_the_best_trades_by_hand() -> None:
    found = without_best_trades(trades([100.0, -50.0, 400.0, -50.0, 20.0]))
    assert found["all"] == pytest.approx(
        {
            "trades": 5,
            "profit": 420,
            "expectancy_r": 0.84,
            "profit_factor": 5.2,
            "win_rate": 0.6,
            "top_share": 400 / 420,
        }
    )
    assert found["without best 1"]["profit"] == 20
    assert found["without best 3"] == pytest.approx(
        {"trades": 2, "profit": -100, "expectancy_r": -0.5, "profit_factor": 0, "win_rate": 0}
    )
    assert "without best 5" not in found and "without best 10" not in found
    assert without_best_trades(trades([])) == {
        "all": {"trades": 0, "profit": 0, "expectancy_r": None, "profit_factor": None, "win_rate": None}
    }
    assert without_best_trades(trades([-1.0]))["all"]["top_share"] is None
    assert without_best_trades(trades([-1.0, -2.0, -3.0]))["without best 1"]["profit"] == -6, "no loss is a best trade"


@settings(max_examples=100)
@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=40))
def test_leaving_out_the_best_never_helps(profits: list[float]) -> None:
    found = without_best_trades(trades(profits))
    means = [found["all"]] + [found[f"without best {n}"] for n in BEST_TRADES if n < len(profits)]
    values = [each["profit"] for each in means]
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(values))  # type: ignore[operator]
    returns = np.array(profits) / 1e4
    of_sessions = without_best_sessions(equity(returns), 252)
    totals = [each["total_return"] for each in of_sessions.values()]
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(totals))  # type: ignore[operator]
    if len(profits) >= 5:
        kept = np.sort(returns)
        kept[-5:] = np.minimum(kept[-5:], 0)
        assert totals[2] == pytest.approx(np.prod(1 + kept) - 1, abs=1e-12)


def test_they_are_those_of_the_run(finished: Experiment) -> None:
    own = Rows("strategy", "known")
    rows = finished.warehouse.read(BREAKDOWN, rows=own)
    assert set(rows["split"]) == {DEVELOPMENT, "holdout"}
    columns = ("topic", "condition", "statistic", "value")
    values = {
        (topic, condition, statistic): value
        for topic, condition, statistic, value in rows.filter(split="holdout").select(columns).iter_rows()
    }
    of_run = finished.warehouse.read(backtests.METRICS, rows=own).filter(split="holdout")
    metrics = dict(of_run.select("metric", "value").iter_rows())
    assert values[TRADES, "all", "trades"] == metrics["trades"]
    assert values[TRADES, "all", "expectancy_r"] == pytest.approx(metrics["expectancy_r"])
    assert values[SESSIONS, "all", "sharpe"] == pytest.approx(metrics["sharpe"])
    assert values[SESSIONS, "all", "total_return"] == pytest.approx(metrics["total_return"])
    equity = finished.warehouse.read(backtests.EQUITY, rows=own).filter(split="holdout").sort("session")
    looked_at = values[HOLDINGS, "drawdown", "sessions"] + values[HOLDINGS, "other", "sessions"]
    assert looked_at == equity[WINDOW - 1 :].filter(pl.col("positions") > 1).height
    assert sum(values[MONTHS, kind, "sessions"] for kind in (UP, DOWN, FLAT)) == equity.height


def test_the_holdout_of_an_unregistered_strategy_is_not_looked_at(finished: Experiment) -> None:
    assert set(finished.warehouse.read(BREAKDOWN, rows=Rows("strategy", "unknown"))["split"]) == {DEVELOPMENT}
