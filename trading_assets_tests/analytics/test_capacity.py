"""Capacity: the engine's own cost of a fill, and a Sharpe ratio that only falls."""

from __future__ import annotations

import numpy as np
import pytest

from trading_assets.analytics.capacity import capacities, slippage_of
from trading_assets.backtests.engine.transaction_costs import impact_bps, mean_slippage_bps
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.config.sections import Costs
from trading_assets_tests.backtests.journals import grid_of_case, result_of_case
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.random_markets import Case


@pytest.mark.parametrize("notional", [1e3, 2e4, 1e5, 4e5, 1e7])
def test_the_slippage_of_a_share_is_the_engine_s(notional: float) -> None:
    market = quiet_market([100.0] * 3, slippage_bps=4.0, adv=[[1e7]] * 3, volatility=[[0.02]] * 3)
    parameters, limits = run_parameters_of(market, capacity=0.01), settings()
    args = (1, 0, 0, notional, market, parameters[0], limits)
    theirs = mean_slippage_bps(*args) + impact_bps(*args)
    least = mean_slippage_bps(1, 0, 0, 5e4, market, parameters[0], limits)  # size factor 1
    found = slippage_of(np.array([notional / 1e7]), np.array([0.02]), np.array([least]), 0.01, Costs())
    assert found[0] == pytest.approx(theirs, rel=1e-12)


def test_more_money_is_never_better_and_as_much_changes_nothing() -> None:
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(2).normal(0.002, 0.01, 60)))
    market = quiet_market(
        closes.tolist(), slippage_bps=4.0, adv=[[1e7]] * 60, volatility=[[0.02]] * 60, volatility_ratio=[[1.0]] * 60
    )
    exits = [[(row, 0) for row in range(5, 60, 10)]]
    signals = entries(market, *((row, 0) for row in range(0, 60, 10)), exits=exits)
    run = result_of_case(Case(market, signals, run_parameters_of(market, exit_signal=0, capacity=0.01), settings()))
    case_axes = grid_of_case(Case(market, signals, run_parameters_of(market), settings()))
    curve = settled(run.equity)
    found = capacities(
        run.fills, curve, market, case_axes, capacity=0.01, costs=Costs(), periods=252, starting_equity=100_000.0
    )
    excess = curve["excess_return"].fill_null(0.0).to_numpy()
    assert run.fills.height >= 4
    assert found["sharpe"][0] == pytest.approx(excess.mean() / excess.std(ddof=1) * 252**0.5)
    assert found["sharpe"].is_sorted(descending=True) and found["sharpe"][-1] < found["sharpe"][0]
    assert found["slippage_bps"].is_sorted()
    weights = (run.fills["quantity"] * run.fills["raw_price"]).to_numpy()
    mean = weights @ run.fills["mean_slippage_bps"].to_numpy() / weights.sum()
    assert found["slippage_bps"][0] == pytest.approx(mean)


def test_a_run_without_fills_has_no_slippage() -> None:
    market = quiet_market([100.0, 101.0])
    case = Case(market, entries(market), run_parameters_of(market), settings())
    run = result_of_case(case)
    found = capacities(
        run.fills,
        settled(run.equity),
        market,
        grid_of_case(case),
        capacity=0.01,
        costs=Costs(),
        periods=252,
        starting_equity=100_000.0,
    )
    assert found["slippage_bps"].null_count() == found.height == 5
