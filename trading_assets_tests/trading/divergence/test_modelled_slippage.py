"""What the model expects of a fill is what its fills pay on average."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import backtest
from trading_assets.config import Configuration
from trading_assets.trading.divergence.modelled_slippage import (
    NORMAL,
    expected_bps,
    with_modelled_slippage,
)
from trading_assets.trading.divergence.slippage import paid_bps
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.trading.breakout_account import END, START, prepared_until
from trading_assets_tests.trading.divergence.nulls import mean_of_cut_normal


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return loaded(tmp_path_factory.mktemp("small"))


@pytest.mark.parametrize(("deviation", "by_hand"), [(0.75, 1.0318), (1.5, 1.2267)])
def test_cutting_draws_at_zero_lifts_the_mean(deviation: float, by_hand: float) -> None:
    """Phi(4/3) + 0.75 phi(4/3) = 0.9088 + 0.75 x 0.1640; Phi(2/3) + 1.5 phi(2/3) = 0.7475 + 1.5 x 0.3194."""
    drawn = 8.0 * np.maximum(0.0, 1.0 + deviation * NORMAL)
    assert expected_bps(100.0, "buy", drawn, 0.0) == pytest.approx(8.0 * by_hand, rel=2e-3)
    assert mean_of_cut_normal(deviation) == pytest.approx(by_hand, abs=1e-4)


def test_rounding_costs_half_a_tick_where_draws_are_wide_beside_it() -> None:
    """A tick of 1 bp of the price, draws of 8 bp: 0.5 bp more, for a buyer as for a seller."""
    drawn = 8.0 * np.maximum(0.0, 1.0 + 0.75 * NORMAL)
    exact = expected_bps(100.003, "buy", drawn, 0.0)
    for side in ("buy", "sell"):
        assert expected_bps(100.003, side, drawn, 0.01) - exact == pytest.approx(0.5, abs=0.12)


def test_a_better_price_is_paid_slippage_below_zero() -> None:
    assert paid_bps(50.0, 49.9, "buy") == pytest.approx(-20.0)
    assert paid_bps(50.0, 49.9, "sell") == pytest.approx(20.0)


def test_fills_of_the_engine_pay_what_is_expected_on_average(settings: Configuration) -> None:
    """Seeds 0 to 19 of the small market: the mean excess of all fills, in deviations, is 0 within three errors."""
    market, values = prepared_until(settings, END), list[float]()
    for seed in range(20):
        seeded = replace(market, settings=market.settings._replace(seed=seed))
        fills = with_modelled_slippage(backtest(seeded, START, END, split="1").fills, seeded)
        for raw, price, side, modelled, deviation in fills.select(
            "raw_price", "price", "side", "modelled_slippage_bps", "slippage_deviation_bps"
        ).iter_rows():
            values.append((paid_bps(raw, price, side) - modelled) / deviation)
    assert len(values) > 400
    assert abs(np.mean(values)) < 3 * np.std(values) / len(values) ** 0.5
    assert 0.6 < np.std(values) < 1.1


def test_a_fill_is_expected_at_its_mean_lifted_by_the_cut_where_there_is_no_tick(settings: Configuration) -> None:
    """1.0318 times the mean of the model, 1.2267 times it under stress; half a tick more is not there."""
    prepared = prepared_until(settings, END)
    none = np.zeros_like(prepared.market.tick)
    exact = replace(prepared, market=prepared.market._replace(tick=none, tick_below_one=none))
    fills = with_modelled_slippage(backtest(exact, START, END, split="1").fills, exact)
    lifts = (fills["modelled_slippage_bps"] / fills["mean_slippage_bps"]).to_list()
    scatter = (fills["slippage_deviation_bps"] / fills["mean_slippage_bps"]).to_list()
    stressed = [abs(each - 1.5) < 1e-9 for each in scatter]
    assert all(abs(each - 0.75) < 1e-9 for each, is_stressed in zip(scatter, stressed, strict=True) if not is_stressed)
    expected = [1.2267 if is_stressed else 1.0318 for is_stressed in stressed]
    assert lifts == pytest.approx(expected, rel=2e-3)


def test_without_noise_a_fill_pays_the_mean_and_the_tick(settings: Configuration) -> None:
    market = prepared_until(settings, END)
    quiet = replace(market, settings=market.settings._replace(noise=False))
    fills = with_modelled_slippage(backtest(quiet, START, END, split="1").fills, quiet)
    paid = [paid_bps(*row) for row in fills.select("raw_price", "price", "side").iter_rows()]
    assert fills.height > 20
    assert fills["modelled_slippage_bps"].to_list() == pytest.approx(paid)
    assert (fills["slippage_deviation_bps"] > 0).all()


def test_what_is_booked_without_an_open_has_no_slippage(settings: Configuration) -> None:
    market = prepared_until(settings, END)
    fills = backtest(market, START, END, split="1").fills.with_columns(reason=pl.lit("delisted"))
    found = with_modelled_slippage(fills, market)
    assert found["modelled_slippage_bps"].null_count() == found.height > 0
    assert with_modelled_slippage(fills.clear(), market).height == 0
