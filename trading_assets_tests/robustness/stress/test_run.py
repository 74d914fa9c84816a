from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.backtests import tables as backtests
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config.robustness import Robustness
from trading_assets.robustness.resampling.resample import statistic_of
from trading_assets.robustness.rows_by_span import put
from trading_assets.robustness.stress.benchmark_months import BEAR, benchmark_levels, classify_months
from trading_assets.robustness.stress.run import chosen, value_of
from trading_assets.robustness.tables import LOOK_AHEAD, OVERFITTING, RESAMPLING, STRESS, STRESS_EQUITY
from trading_assets.robustness.verdict.statistics import statistics_of
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness.pipeline import Experiment

KNOWN = Rows("strategy", "known")


def rows(experiment: Experiment, split: str) -> pl.DataFrame:
    return experiment.warehouse.read(STRESS, rows=KNOWN).filter(split=split)


@pytest.mark.parametrize("configured", [(2.0, 3.0), (1.5,), ()])
def test_the_verdict_has_its_multiples_whatever_is_configured(configured: tuple[float, ...]) -> None:
    names = set(chosen(Robustness(slippage_multipliers=configured), synthetic=False))
    assert {"slippage_2x", "slippage_3x", "fees_3x", "one_session_later", "flash_crash", "correlation_one"} <= names
    assert {"dropped_bars_5pct", "dropped_bars_10pct", "dropped_bars_20pct", "window_2008_h2"} <= names
    assert ("slippage_1.5x" in names) == (1.5 in configured)
    few = chosen(Robustness(slippage_multipliers=configured, stress_scenarios=["flash_crash"]), synthetic=False)
    assert set(few) == {"slippage_2x", "slippage_3x", "flash_crash", "unexplained_delistings"}
    assert "window_2008_h2" not in chosen(Robustness(), synthetic=True), "a synthetic market has no history"


def test_the_base_run_is_the_backtest(finished: Experiment) -> None:
    metrics = finished.warehouse.read(backtests.METRICS, rows=KNOWN).filter(split="holdout")
    base = rows(finished, "holdout").filter(scenario="base")
    assert dict(base.select("metric", "value").iter_rows()) == dict(metrics.select("metric", "value").iter_rows())


@pytest.mark.parametrize("split", [DEVELOPMENT, "holdout"])
def test_dearer_is_worse(split: str, finished: Experiment) -> None:
    found = rows(finished, split)
    paid = [value_of(found, name, "turnover_cost") for name in ("base", "slippage_2x", "slippage_3x")]
    earned = [value_of(found, name, "total_return") for name in ("base", "slippage_2x", "slippage_3x")]
    assert None not in paid and paid == sorted(paid)  # type: ignore[type-var]
    assert None not in earned and earned == sorted(earned, reverse=True)  # type: ignore[type-var]
    assert value_of(found, "fees_3x", "cost_bps") > value_of(found, "base", "cost_bps")  # type: ignore[operator]


@pytest.mark.parametrize("split", [DEVELOPMENT, "holdout"])
def test_every_scenario_has_its_curve(split: str, finished: Experiment) -> None:
    found = rows(finished, split)
    curves = finished.warehouse.read(STRESS_EQUITY, rows=KNOWN).filter(split=split)
    without_one = set(found["scenario"]) - set(curves["scenario"])
    assert all(value_of(found, name, "sessions") == 0 for name in without_one), "months that there are none of"
    assert len(set(found["scenario"])) >= 11
    for (scenario,), curve in curves.sort("session").group_by("scenario"):
        growth = curve["equity"][-1] / 100_000 - 1
        assert growth == pytest.approx(value_of(found, str(scenario), "total_return"), rel=1e-9, abs=1e-12)
    base = curves.filter(scenario="base").sort("session")
    run = finished.warehouse.read(backtests.EQUITY, rows=KNOWN).filter(split=split).sort("session")
    if split == "holdout":
        assert base["session"].equals(run["session"])
        assert base["equity"].to_list() == pytest.approx(run["equity"].to_list(), rel=1e-12)


def test_bear_months_are_returns_and_trades_of_those_months(finished: Experiment) -> None:
    warehouse = finished.warehouse
    bars = warehouse.query("SELECT * FROM market_data.bars WHERE symbol = 'SPX'")
    months = classify_months(benchmark_levels(bars, "SPX", dt.date(2016, 12, 15)))
    bear = months.filter(BEAR)["month"].to_list()
    assert dt.date(2016, 1, 1) in bear  # the S&P 500 ended January 2016 at 1940, below its 200-session mean
    equity = warehouse.read(backtests.EQUITY, rows=KNOWN).filter(split="full")
    trades = warehouse.read(backtests.TRADES, rows=KNOWN).filter(split="full")
    before_holdout = pl.col("session") <= dt.date(2016, 12, 15)
    curve = equity.filter(before_holdout, pl.col("session").dt.truncate("1mo").is_in(bear))
    closed = trades.filter(pl.col("exit_session").dt.truncate("1mo").is_in(bear))
    found = rows(finished, DEVELOPMENT)
    assert value_of(found, "bear_months", "sessions") == curve.height > 0
    assert value_of(found, "bear_months", "trades") == closed.height > 0
    growth = (1 + curve["daily_return"]).product() - 1
    assert value_of(found, "bear_months", "total_return") == pytest.approx(growth, rel=1e-9)
    assert value_of(found, "bear_months", "expectancy_r") == pytest.approx(closed["r_multiple"].mean(), rel=1e-9)


def test_statistics_of_the_verdict(finished: Experiment) -> None:
    found = rows(finished, "holdout")
    beside = [finished.warehouse.read(table, rows=KNOWN) for table in (RESAMPLING, OVERFITTING)]
    beside[0] = beside[0].filter(split="holdout")
    audit = finished.warehouse.read(LOOK_AHEAD, rows=KNOWN)
    statistics = statistics_of(found, *beside, look_ahead=audit)
    assert statistics["look_ahead_violations"] == 0.0
    assert statistics["drawdown"] == -value_of(found, "base", "max_drawdown") > 0  # type: ignore[operator]
    assert statistics["slippage_3x_calmar"] == value_of(found, "slippage_3x", "calmar")
    assert statistics["bootstrap_sharpe_5"] == statistic_of(beside[0], "bootstrap", "sharpe_5")
    assert statistics["permutation_percentile"] == statistic_of(beside[0], "permutation", "percentile")
    assert 0 <= statistics["dsr"] <= 1 and 0 <= statistics["pbo"] <= 1  # type: ignore[operator]
    alone = beside[1].with_columns(trials=pl.lit(1, pl.Int64))
    assert "pbo" not in statistics_of(found, beside[0], alone, look_ahead=audit)
    with pytest.raises(LookupError, match="slippage_2x"):
        statistics_of(found.filter(pl.col("scenario") != "slippage_2x"), *beside, look_ahead=audit)


def test_put_replaces_only_its_splits() -> None:
    old = pl.DataFrame({"split": ["train", "full", "holdout"], "value": [1, 2, 3]})
    new = pl.DataFrame({"value": [9], "split": ["holdout"]})
    assert put(old, ("holdout", "full"), new).rows() == [("train", 1), ("holdout", 9)]
