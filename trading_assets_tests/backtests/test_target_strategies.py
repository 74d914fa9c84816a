"""Target-weight strategies on their market: runs, sweeps, variations, and the robustness stage's questions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import (
    PreparedBacktest,
    backtest,
    baselines_of,
    metrics_of,
    parameter_grid,
    prepare,
    sweep_parameters,
    sweep_prepared,
    with_parameters,
)
from trading_assets.backtests.perturbations import stressed
from trading_assets.backtests.tables import DECISIONS, EQUITY, TRADES
from trading_assets.config.robustness import StressScenario
from trading_assets.robustness.sensitivity.sweep import sensitivity
from trading_assets.robustness.stress.benchmark_months import benchmark_levels, classify_months
from trading_assets.robustness.stress.run import stress, value_of
from trading_assets.robustness.stress.scenario_market import ScenarioInputs
from trading_assets.strategies.interface.target_weights import OF_REGIME
from trading_assets_tests.backtests.dropped_bars import without_bars
from trading_assets_tests.backtests.frames import BENCHMARK, configuration, frames_for, weekdays
from trading_assets_tests.narrow import as_date, as_number
from trading_assets_tests.strategies.panels import SESSIONS, decided, market, regimes, settings

DAYS = weekdays(SESSIONS)
SPAN = (DAYS[255], DAYS[-1])
STRATEGIES = {
    "factor": settings("factor", quantiles=3),
    "pairs": settings("pairs", formation_sessions=100, reformation_sessions=40, max_p_value=0.5, entry_z=1.0),
    "ensemble": settings("ensemble", members=["factor", "pairs"]),
    "bandit": settings("bandit", members=["factor", "pairs"]),
}


def prepare_strategy(name: str) -> PreparedBacktest:
    experiment = configuration().model_copy(update={"strategies": STRATEGIES})
    members = [decided(STRATEGIES, member, market()).target_weights for member in ("factor", "pairs")]
    tables = replace(market(), target_weights=pl.concat(members), regimes=regimes(market()))
    return prepare(experiment, frames_for(experiment, name, tables))


@pytest.fixture(scope="module")
def runs() -> dict[str, PreparedBacktest]:
    return {name: prepare_strategy(name) for name in STRATEGIES}


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_run_fills_every_table(name: str, runs: dict[str, PreparedBacktest]) -> None:
    prepared = runs[name]
    result = backtest(prepared, *SPAN, split="train")
    for table, rows in ((TRADES, result.trades), (EQUITY, result.equity), (DECISIONS, result.decisions)):
        table.validate(rows)
        assert rows.height > 3, table.name
    assert as_number(result.equity["positions"].max()) > 1
    limit = prepared.settings.max_gross
    assert as_number(result.equity["gross_exposure"].median()) < limit * 1.05
    values = dict(metrics_of(prepared, result).select("metric", "value").iter_rows())
    assert values["trades"] == result.trades.height
    assert baselines_of(prepared, result)["session"].max() == DAYS[-1]


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_is_bought_is_what_was_wanted_the_evening_before(name: str, runs: dict[str, PreparedBacktest]) -> None:
    """Every entry is at the first session after a row that asks for it, and on its side.

    A row of a change of regime goes on asking in the sessions after it, until its position has another row.
    """
    found = decided(STRATEGIES, name, market()).target_weights
    trades = backtest(runs[name], *SPAN, split="train").trades
    assert trades.height > 3
    for trade in trades.iter_rows(named=True):
        own = found.filter(
            pl.col("symbol") == trade["symbol"],
            pl.col("pair_id").eq_missing(pl.lit(trade["pair_id"])),
            pl.col("session") <= trade["decision_session"],
        )
        session, weight, reason = own.sort("session").select("session", "target_weight", "reason").row(-1)
        assert session == trade["decision_session"] or reason == OF_REGIME
        assert trade["side"] == ("long" if weight > 0 else "short")
        assert trade["entry_session"] > trade["decision_session"]


def test_the_first_purchase_is_the_weight_at_its_open(runs: dict[str, PreparedBacktest]) -> None:
    prepared = runs["factor"]
    result = backtest(prepared, *SPAN, split="train")
    first = result.fills.filter(session=result.fills["session"].min())
    assert first.height == 3
    for row in first.iter_rows(named=True):
        bar = market().bars.filter(symbol=row["symbol"], session=row["session"])
        assert row["quantity"] == 100_000 * 0.25 // bar["open"].item()  # a third of 0.8, up to the cap of a symbol


def test_pairs_may_use_their_own_gross_limit(runs: dict[str, PreparedBacktest]) -> None:
    assert runs["pairs"].settings.max_gross == 1.0
    assert runs["factor"].settings.max_gross == 0.8
    narrow = runs["pairs"].parameters.model_copy(update={"max_gross": 0.3})
    assert with_parameters(runs["pairs"], narrow).settings.max_gross == 0.3


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("factor", {"quantiles": [2, 3], "capacity": [0.005, 1e-7], "volatility_scaling": ["off", "continuous"]}),
        ("pairs", {"entry_z": [1.0, 1.5], "max_gross": [0.3, 1.0]}),
        ("ensemble", {"learning_rate": [5.0, 50.0]}),
        ("bandit", {"rebalance": ["day", "month"]}),
    ],
)
def test_a_sweep_over_parameters_agrees_with_each_run(
    name: str, grid: dict[str, list[float | str]], runs: dict[str, PreparedBacktest]
) -> None:
    prepared = runs[name]
    sets = parameter_grid(prepared.parameters, grid)
    found = sweep_parameters(prepared, sets, *SPAN)
    for p, parameters in enumerate(sets):
        run = backtest(with_parameters(prepared, parameters), *SPAN, split="train")
        assert run.equity["equity"].to_numpy().tobytes() == found.equity[p].tobytes(), parameters
        assert run.trades.height == found.trades[p]
    assert len({row.tobytes() for row in found.equity}) > 1


def test_a_sweep_over_circumstances_agrees_with_each_run(runs: dict[str, PreparedBacktest]) -> None:
    prepared = runs["factor"]
    varied = [stressed(prepared, slippage=slippage) for slippage in (1.0, 4.0)]
    found = sweep_prepared(iter(varied), *SPAN)
    for p, each in enumerate(varied):
        run = backtest(each, *SPAN, split="train")
        assert run.equity["equity"].to_numpy().tobytes() == found.equity[p].tobytes()


def test_dearer_fills_and_borrowing_cost_more_and_late_ones_come_later(runs: dict[str, PreparedBacktest]) -> None:
    prepared = runs["pairs"]
    base = backtest(prepared, *SPAN, split="train")
    dear = backtest(stressed(prepared, slippage=3.0, fees=3.0, borrow=3.0), *SPAN, split="train")
    late = backtest(stressed(prepared, delay=1), *SPAN, split="train")
    assert as_number(dear.trades["entry_fee"].sum()) > 2.5 * as_number(base.trades["entry_fee"].sum())
    assert dear.trades["borrow_cost"].sum() == pytest.approx(3 * base.trades["borrow_cost"].sum(), rel=0.05)
    assert base.trades["borrow_cost"].sum() > 0
    assert dear.equity["equity"][-1] < base.equity["equity"][-1]
    first, later = (as_date(run.trades["entry_session"].min()) for run in (base, late))
    assert later > first


def test_dropped_bars_neither_decide_nor_fill(runs: dict[str, PreparedBacktest]) -> None:
    prepared = runs["factor"]
    random = np.random.default_rng(0)
    missing = prepared.market.present & (random.random(prepared.market.present.shape) < 0.1)
    run = backtest(without_bars(prepared, missing), *SPAN, split="train")
    happened = pl.concat([run.fills.select("session", "symbol"), run.decisions.select("session", "symbol")])
    assert happened.height > 20
    for session, symbol in happened.iter_rows():
        assert not missing[prepared.axes.sessions.index(session), prepared.axes.symbols.index(symbol)]


def test_no_strategy_sees_what_follows(runs: dict[str, PreparedBacktest]) -> None:
    """Runs to an earlier end have the same rows up to it."""
    for name, prepared in runs.items():
        cut = DAYS[340]
        short, whole = (backtest(prepared, SPAN[0], end, split="train") for end in (cut, SPAN[1]))
        assert whole.equity.filter(pl.col("session") <= cut).equals(short.equity), name
        before = whole.decisions.filter(pl.col("session") <= cut)
        assert before.equals(short.decisions), name


def test_sensitivity_and_stress_run_as_for_the_others(runs: dict[str, PreparedBacktest]) -> None:
    prepared = runs["factor"]
    grid: dict[str, list[float | str]] = {"quantiles": [2, 3, 5], "gross": [0.4, 0.8]}
    found = sensitivity(prepared, grid, *SPAN, split="train", settings_hash="c", data_hash="x", sharp_peak=0.5)
    assert found.points.filter(metric="sharpe").height == 6
    assert len(found.evaluations) == found.points["trial"].n_unique()
    levels = benchmark_levels(market().bars, BENCHMARK, SPAN[1])
    rows = stress(
        prepared,
        *SPAN,
        split="train",
        months=classify_months(levels),
        scenarios={name: StressScenario(slippage=times) for name, times in (("slippage_2x", 2), ("slippage_3x", 3))},
        scenario_inputs=ScenarioInputs(configuration(), lambda _: market()),
        best_trades=3,
    ).metrics
    paid = [value_of(rows, name, "turnover_cost") for name in ("base", "slippage_2x", "slippage_3x")]
    assert None not in paid and paid == sorted(paid)  # type: ignore[type-var]
