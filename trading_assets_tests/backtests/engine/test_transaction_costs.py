"""Slippage and fees against formulas worked out by hand and arithmetic on Python's own integers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trading_assets.backtests.engine import transaction_costs
from trading_assets.backtests.engine.dtypes import BUY, SELL
from trading_assets.backtests.engine.portfolio_state import floor_to_lot
from trading_assets.backtests.engine.simulate import simulate
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings

WORD = 2**64


def reference_normal(seed: int, key: int, day: int, side: int) -> float:
    def mix(x: int) -> int:
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % WORD
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % WORD
        return x ^ (x >> 31)

    h = mix((seed + 0x9E3779B97F4A7C15) % WORD)
    for word in (key, day % WORD, side):
        h = mix(h ^ word)
    u1 = ((h >> 11) + 1) / 2**53
    u2 = (mix((h + 0x9E3779B97F4A7C15) % WORD) >> 11) / 2**53
    return math.sqrt(-2 * math.log(u1)) * math.cos(2 * math.pi * u2)


@pytest.mark.parametrize("symbol", ["AAPL", "BTC", "", "x" * 100])
def test_the_draw_is_splitmix_on_seed_symbol_day_and_side(symbol: str) -> None:
    key = transaction_costs.symbol_key(symbol)
    for seed, day, side in [(0, 0, 0), (7, 11000, 1), (2**32 - 1, -365, 0), (7, 11000, 0)]:
        drawn = transaction_costs.standard_normal(seed, np.uint64(key), day, side)
        assert drawn == pytest.approx(reference_normal(seed, key, day, side), rel=1e-14)


def test_draws_are_standard_normal() -> None:
    key = np.uint64(transaction_costs.symbol_key("AAPL"))
    draws = np.array([transaction_costs.standard_normal(7, key, day, side) for day in range(20_000) for side in (0, 1)])
    assert abs(draws.mean()) < 4 / math.sqrt(draws.size)
    assert abs(draws.std() - 1) < 4 / math.sqrt(2 * draws.size)
    assert abs(np.corrcoef(draws[::2], draws[1::2])[0, 1]) < 4 / math.sqrt(draws.size / 2)


def mean_bps(notional: float = 250_000.0, **market: object) -> float:
    """Base 8 bp; capacity 0.5 % of adv 1e8 is 500,000, so half of it is 250,000: size factor 1."""
    crash = np.array([False, market.pop("crash", False)])
    made = quiet_market([100.0, 100.0], slippage_bps=8.0, **{"adv": 1e8, **market})._replace(crash=crash)
    run_parameters = run_parameters_of(made, capacity=0.005)
    return float(transaction_costs.mean_slippage_bps(1, 0, 0, notional, made, run_parameters[0], settings()))


def test_slippage_is_base_times_volatility_size_weekend_and_stress() -> None:
    assert mean_bps() == pytest.approx(8.0)
    assert mean_bps(volatility_ratio=1.5) == pytest.approx(12.0)
    assert mean_bps(notional=375_000.0) == pytest.approx(12.0)
    assert mean_bps(weekend=True, weekend_multiplier=1.5) == pytest.approx(12.0)
    assert mean_bps(stressed=True) == pytest.approx(16.0)
    assert mean_bps(volatility_ratio=1.5, notional=375_000.0, stressed=True) == pytest.approx(36.0)


def test_stress_is_that_of_the_fill_and_not_of_the_decision() -> None:
    """The benchmark's fall ends on the eve of the fill: 8 bp, doubled. One that was over at the decision is over."""
    assert mean_bps(stressed=[[False], [True]]) == pytest.approx(16.0)
    assert mean_bps(stressed=[[True], [False]]) == pytest.approx(8.0)


def test_volatility_and_size_are_clipped_and_unknown_ones_have_their_value() -> None:
    assert mean_bps(volatility_ratio=9.0) == pytest.approx(24.0)
    assert mean_bps(volatility_ratio=0.1) == pytest.approx(4.0)
    assert mean_bps(volatility_ratio=np.nan) == pytest.approx(8.0)
    assert mean_bps(notional=1.0) == pytest.approx(4.0)
    assert mean_bps(notional=1e9) == pytest.approx(16.0)
    assert mean_bps(adv=0.0) == mean_bps(adv=np.nan) == pytest.approx(16.0)


def test_a_crash_multiplies_slippage() -> None:
    assert mean_bps(crash=True) == pytest.approx(40.0)


def impact(notional: float, *, multiplier: float = 1.0, k: float = 1.0, **market: object) -> float:
    """adv 1e8, daily volatility 2 %; the size factor ends at 2 x half of 0.5 % of it: 500,000."""
    crash = np.array([False, bool(market.pop("crash", False))])
    made = quiet_market([100.0, 100.0], **{"adv": 1e8, "volatility": 0.02, **market})._replace(crash=crash)
    run_parameters = run_parameters_of(made, capacity=0.005, slippage_multiplier=multiplier)
    return float(
        transaction_costs.impact_bps(1, 0, 0, notional, made, run_parameters[0], settings(costs={"impact": k}))
    )


def test_an_order_beyond_the_size_factor_pays_the_square_root_of_its_share() -> None:
    """2 % of a day's volume: 2 % x (sqrt(0.02) - sqrt(0.005)) = 2 % x 0.0707 = 14.14 bp; all of it: 185.86 bp."""
    assert impact(2_000_000.0) == pytest.approx(14.142, abs=1e-3)
    assert impact(1e8) == pytest.approx(200 * (1 - math.sqrt(0.005)))
    assert impact(500_000.0) == impact(400_000.0) == impact(1.0) == 0.0
    assert impact(2_000_000.0, multiplier=3.0) == pytest.approx(3 * 14.142, abs=3e-3)
    assert impact(2_000_000.0, k=0.5) == pytest.approx(0.5 * 14.142, abs=1e-3)
    assert impact(2_000_000.0, volatility=np.nan) == 0.0
    assert impact(2_000_000.0, adv=0.0) == impact(1e8)
    assert settings().crash_slippage > 1.0
    in_crash = settings().crash_slippage * impact(2_000_000.0)
    assert impact(2_000_000.0, crash=True) == pytest.approx(in_crash)


def test_an_exit_of_any_size_fills_and_pays_for_it() -> None:
    """150 shares were 1 % of volume; on the eve of the exit there are a hundredth of it: 15,000 of 15,000 a day.

    Without noise the base of 8 bp doubles; 5 % x (1 - sqrt(0.01)) = 450 bp come on top: sold at 100 x (1 - 4.66 %).
    """
    market = quiet_market(
        [100.0] * 4, adv=np.array([[1.5e6], [1.5e6], [1.5e4], [1.5e4]]), volatility=0.05, slippage_bps=8.0
    )
    signals = entries(market, (0, 0), exits=[[(2, 0)]])
    found = simulate(market, signals, run_parameters_of(market, exit_signal=0), settings())
    trade = found.trades[0]
    assert (trade["exit_session"], trade["quantity"]) == (3, 150.0)
    assert trade["exit_slippage_bps"] == pytest.approx(466.0)
    assert found.fills["mean_slippage_bps"][-1] == pytest.approx(466.0)
    assert trade["exit_price"] == pytest.approx(95.34)


def test_the_cut_at_zero_lifts_the_mean_of_the_draws_as_documented() -> None:
    for stressed, lift in [(False, 1.029), (True, 1.226)]:  # E max(0, N(1, d)) for d of 0.75 and 1.5
        market = quiet_market(np.full((20_000, 1), 100.0), slippage_bps=8.0, adv=1e8, stressed=stressed)
        run_parameters, numbers = run_parameters_of(market, capacity=0.005)[0], settings(noise="drawn")
        mean = transaction_costs.mean_slippage_bps(0, 0, 0, 250_000.0, market, run_parameters, numbers)
        drawn = [transaction_costs.drawn_slippage_bps(t, 0, mean, 0, market, numbers) for t in range(20_000)]
        assert min(drawn) == 0.0
        assert np.mean(drawn) / (16.0 if stressed else 8.0) == pytest.approx(lift, rel=0.04)


def test_prices_are_rounded_to_the_tick_against_the_trader() -> None:
    assert transaction_costs.buy_price(100.0, 8.0, 0.01) == pytest.approx(100.08)
    assert transaction_costs.buy_price(100.0, 8.1, 0.01) == pytest.approx(100.09)
    assert transaction_costs.sell_price(100.0, 8.0, 0.01) == pytest.approx(99.92)
    assert transaction_costs.sell_price(100.0, 8.1, 0.01) == pytest.approx(99.91)
    assert transaction_costs.buy_price(33.33, 0.0, 0.01) == pytest.approx(33.33)  # already on a tick
    assert transaction_costs.buy_price(1.23456789, 10.0, 0.0) == pytest.approx(1.23456789 * 1.001)
    assert transaction_costs.sell_price(1.0, 20_000.0, 0.01) == 0.0
    # On a tick, whose quotient a float makes 111.00000000000001 and 28.999999999999996: no further tick is paid.
    assert transaction_costs.buy_price(1.11, 0.0, 0.01) == pytest.approx(1.11)
    assert transaction_costs.sell_price(0.29, 0.0, 0.01) == pytest.approx(0.29)


def test_a_share_below_a_dollar_has_a_finer_tick() -> None:
    """Without slippage: 0.12345 is bought at 0.1235, not at 0.13, and sold at 0.1234; 1.00001 is bought at 1.01."""
    for price, bought, sold in ((0.12345, 0.1235, 0.1234), (1.00001, 1.01, 1.0), (0.99999, 1.0, 0.9999)):
        market = quiet_market([price] * 3, tick=0.01, slippage_bps=0.0)
        parameters = run_parameters_of(market)[0]
        for side, paid in ((BUY, bought), (SELL, sold)):
            fill = transaction_costs.fill_of(1, 0, 0, 10.0, 10.0 * price, price, side, market, parameters, settings())
            assert fill.price == pytest.approx(paid, abs=1e-12)


def test_a_price_of_exactly_a_dollar_has_the_tick_of_those_above() -> None:
    """8 bp on 1.00 are 1.0008, bought at 1.01; 8 bp off are 0.9992, sold at 0.99. Of 0.99 they are on the finer tick:
    0.990792 and 0.989208, so 0.9908 and 0.9892."""
    for price, bought, sold in ((1.0, 1.01, 0.99), (0.99, 0.9908, 0.9892)):
        market = quiet_market([price] * 3, tick=0.01, slippage_bps=8.0, adv=2e4 * price)
        parameters = run_parameters_of(market)[0]  # capacity 1 % of 20,000 shares: 100 are half of it, factor 1
        for side, paid in ((BUY, bought), (SELL, sold)):
            fill = transaction_costs.fill_of(1, 0, 0, 100.0, 100.0 * price, price, side, market, parameters, settings())
            assert fill.price == pytest.approx(paid, abs=1e-12)


def test_lots_are_floored_but_a_whole_lot_stays_whole() -> None:
    assert floor_to_lot(9.999, 1.0) == 9.0
    assert floor_to_lot(0.1 + 0.2, 0.1) == pytest.approx(0.3)
    assert floor_to_lot(3 * 1e-8, 1e-8) == pytest.approx(3e-8)


def test_fee_is_a_fraction_of_the_notional_by_the_scenario() -> None:
    market = quiet_market([1.0])
    run_parameters = run_parameters_of(market)
    run_parameters["fee_multiplier"] = 3.0
    assert transaction_costs.fee_rate(8.0, run_parameters[0]) == pytest.approx(0.0024)
