"""The rows "Simulation" of the edge cases that the portfolio meets: its limits, its account, its determinism."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.engine.arrays import SCALING_CONTINUOUS, SCALING_REGIME, Market
from trading_assets.backtests.engine.simulate import simulate, sweep
from trading_assets.backtests.results import metrics, return_metrics
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.runs import ALL_IN, busy, exits_of, herd, number, run, said, wavy
from trading_assets_tests.backtests.target_runs import targets


@pytest.mark.parametrize("scaling", [SCALING_CONTINUOUS, SCALING_REGIME])
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (18, None),  # 19 returns
        (79, None),  # 20 returns at session 19: 60 volatilities from there would be session 78, 59 are exposed
        (90, "scaled"),
    ],
)
def test_vol_scaling_short_history(scaling: int, at: int, expected: str | None) -> None:
    wide_from = at - 5
    market = wavy(100, wide_from)
    # Exposed from session 21 on, so that the exposed volatilities are those of sessions 21, 22, ...
    signals = entries(market, (20, 0), (at, 1)) if at > 20 else entries(market, (at, 1))
    found = run(market, signals, {"scaling": scaling}, daily_loss_limit=1.0, var_limit=1.0)
    multiplier = number(found, "risk_multiplier")[-1]
    if expected is None:
        assert multiplier == 1.0
        return
    returns = found.equity[1:] / found.equity[:-1] - 1
    deviations = [np.std(returns[t - 20 : t], ddof=1) for t in range(21, at + 1)]
    ratio = deviations[-1] / np.median(deviations)
    assert ratio > 2
    wanted = 0.5 if scaling == SCALING_REGIME else max(1 / ratio, 0.33)
    assert multiplier == pytest.approx(wanted, rel=1e-9)
    assert multiplier < 1


@pytest.mark.parametrize(
    ("positions", "at", "rejected"),
    [
        (4, 4, False),  # 4 common returns of 5
        (4, 5, True),
        (3, 5, False),  # a position short
    ],
)
def test_correlation_limit_short_history(positions: int, at: int, rejected: bool) -> None:
    market = herd(8)
    signals = entries(market, *((0, symbol) for symbol in range(positions)), (at, 4))
    found = run(market, signals, correlation_window=5, daily_loss_limit=1.0)
    assert len(said(found, "enter")) == positions + (not rejected)
    assert said(found, "reject") == ([(at, 4, "correlation_limit")] if rejected else [])


def test_all_candidates_fail() -> None:
    market = quiet_market(
        [[100.0, 100.0, 100.0, 100.0, 1e6]] * 3,
        atr=[[2.0, 0.0, 2.0, 2.0, 1e4]] * 3,
        adv=[[1e12, 1e12, 0.0, 1_499_999.0, 1e12]] * 3,
    )
    signals = entries(market, *((0, i) for i in range(5)), eligible=[False, True, True, True, True])
    found = run(market, signals, beyond_capacity="reject")
    reasons = ("eligibility", "invalid_stop", "no_liquidity", "capacity", "zero_size")
    assert sorted(said(found, "reject"), key=lambda row: row[1]) == [(0, i, r) for i, r in enumerate(reasons)]
    assert (found.trades.size, found.held.size, found.queue.size) == (0, 0, 0)
    assert found.equity.tolist() == [100_000.0] * 3


def test_zero_trades() -> None:
    market = quiet_market([100.0, 120.0, 90.0])
    found = run(market, entries(market))
    assert found.equity.tolist() == [100_000.0] * 3
    assert found.trades.size == found.decisions.size == 0
    curve = pl.DataFrame(
        {
            "session": [1, 2, 3],
            "equity": found.equity,
            "gross_exposure": found.gross_exposure,
            "daily_return": [0.0] * 3,
        }
    )
    names = ("symbol", "exit_session", "entry_price", "exit_price", "quantity", "pnl", "r_multiple", "hold_sessions")
    costs = ("entry_fee", "exit_fee", "borrow_cost", "slippage_cost")
    trades = pl.DataFrame(schema=dict.fromkeys((*names, *costs), pl.Float64))
    values = metrics.summarise(curve, trades, periods_per_year=252)
    for name in ("sharpe", "sortino", "calmar", "expectancy_r", "profit_factor", "win_rate", "average_hold"):
        assert values[name] is None, name
    assert values["trades"] == 0


def test_drawdown_from_start() -> None:
    # The very first held session loses 20 %, all of it from the initial capital.
    market = quiet_market([100.0, 80.0, 80.0, 80.0], open=np.array([[100.0], [100.0], [80.0], [80.0]]))
    found = run(market, entries(market, (0, 0)), drawdown_limit=0.19, **ALL_IN)
    assert found.equity.tolist() == [100_000.0, 80_000.0, 80_000.0, 80_000.0]
    assert said(found, "exit") == [(1, 0, "drawdown_halt")]
    returns = found.equity / np.r_[100_000.0, found.equity[:-1]] - 1
    assert return_metrics.max_drawdown(returns) == pytest.approx(-0.2)
    assert return_metrics.max_drawdown(np.array([-0.2, 0.1])) == pytest.approx(-0.2)


def test_total_loss() -> None:
    opening = np.array([[100.0], [100.0], [100.0], [0.0], [100.0], [100.0]])
    market = quiet_market([100.0, 100.0, 0.0, 0.0, 100.0, 100.0], open=opening)
    found = run(market, entries(market, (0, 0), (4, 0)), var_limit=1.0, **ALL_IN)
    assert found.equity.tolist() == [100_000.0, 100_000.0, 0.0, 0.0, 0.0, 0.0]
    assert exits_of(found) == [(3, "drawdown_halt", 0.0)]
    assert said(found, "reject") == [(4, 0, "halted")]
    assert np.isfinite(found.gross_exposure).all()


def test_order_independence() -> None:
    market, signals = busy()
    parameter_rows = np.concatenate(
        [run_parameters_of(market, stop_atr=k, exit_signal=0) for k in (1.0, 1.5, 2.0, 2.5, 3.0)]
    )
    numbers = settings(noise="drawn")
    one, several = (sweep(market, signals, parameter_rows, numbers, threads=count) for count in (1, 4))
    backwards = sweep(market, signals, parameter_rows[::-1].copy(), numbers, threads=2)
    for p in range(parameter_rows.size):
        alone = simulate(market, signals, parameter_rows[p : p + 1], numbers)
        assert one.equity[p].tobytes() == several.equity[p].tobytes() == alone.equity.tobytes()
        assert backwards.equity[parameter_rows.size - 1 - p].tobytes() == alone.equity.tobytes()
        assert one.trades[p] == alone.trades.size > 0
    assert one.sum_r.tobytes() == several.sum_r.tobytes()


def test_order_independence_of_a_symbol_that_never_trades() -> None:
    market, signals = busy()

    def widened(values: np.ndarray) -> np.ndarray:
        axis = values.ndim - 1
        wide = values.shape[axis:] == market.symbol_key.shape
        return np.concatenate([values, values[..., -1:]], axis=axis) if wide else values

    wider = Market(*(widened(values) for values in market))
    more = signals._replace(exits=widened(signals.exits))
    run_parameters, numbers = run_parameters_of(market, exit_signal=0), settings(noise="drawn")
    assert (
        simulate(wider, more, run_parameters, numbers).equity.tobytes()
        == simulate(market, signals, run_parameters, numbers).equity.tobytes()
    )


def test_seed() -> None:
    market, signals = busy()
    # Stops so far away, and lots so small, that a fill at another price changes no decision.
    run_parameters = run_parameters_of(market, exit_signal=0, stop_atr=40.0)
    same, again, other = (
        simulate(market, signals, run_parameters, settings(seed, noise="drawn")) for seed in (1, 1, 2)
    )
    assert same.equity.tobytes() == again.equity.tobytes()
    assert same.trades.tobytes() == again.trades.tobytes()
    assert (same.trades["entry_slippage_bps"] != other.trades["entry_slippage_bps"]).mean() > 0.9
    for name in ("symbol", "entry_session", "exit_session", "exit_reason"):
        assert same.trades[name].tolist() == other.trades[name].tolist()


def test_seed_changes_nothing_without_noise() -> None:
    market, signals = busy()
    run_parameters = run_parameters_of(market, exit_signal=0)
    one, two = (simulate(market, signals, run_parameters, settings(seed)) for seed in (1, 2))
    assert one.equity.tobytes() == two.equity.tobytes()


@pytest.mark.parametrize(
    ("low", "halts"),
    [(60.0, False), (1.0, True)],  # 15 % of equity in one position: a fall by 40 % or 99 % of it
)
def test_flash_crash(low: float, halts: bool) -> None:
    crash = np.array([False, False, True, False, False, False])
    lows = np.where(crash, low, 100.0)[:, None]
    market = quiet_market([100.0] * 6, low=lows, slippage_bps=10.0)._replace(crash=crash)
    found = run(market, entries(market, (0, 0), (3, 0)), drawdown_limit=0.1, daily_loss_limit=1.0)
    # Mean slippage 10 bp x 0.5 (a small order), five times that in the crash.
    price = low * (1 - 25 / 1e4)
    assert exits_of(found) == [(2, "hard_stop", pytest.approx(price, rel=1e-15))]
    assert found.trades["exit_slippage_bps"].tolist() == [25.0]
    assert found.equity[2:4].tolist() == pytest.approx([100_000 - 150 * (100.05 - price)] * 2)
    assert said(found, "reject") == ([(3, 0, "halted")] if halts else [])
    assert found.held.size == (0 if halts else 1)


def test_short_borrow() -> None:
    """Both legs of a pair from a Tuesday to the Monday after: six nights of borrow, fees on four fills."""
    market = quiet_market(np.full((7, 2), 100.0), fee_bps=10.0)
    day = market.day.copy()
    day[5:] += 2  # no sessions on the weekend
    market = market._replace(day=day)
    rows = [(0, 0, 0.2), (0, 1, -0.2), (4, 0, 0.0), (4, 1, 0.0)]
    wanted = targets(market, *rows, pairs=((0, 1),))
    found = simulate(market, wanted, run_parameters_of(market), settings())
    long, short = sorted(found.trades, key=lambda trade: trade["symbol"])
    a_night = 200 * 100 * 0.0050 / 365
    assert (long["borrow_cost"], short["borrow_cost"]) == (0.0, pytest.approx(6 * a_night))
    for leg in (long, short):
        assert (leg["entry_fee"], leg["exit_fee"]) == pytest.approx((20.0, 20.0))
        assert leg["pnl"] == pytest.approx(-40.0 - leg["borrow_cost"])
    # The first night ends on Wednesday; nights without a session are paid with the next one.
    assert -np.diff(found.cash)[1:4] == pytest.approx([a_night] * 3)
    assert found.equity[-1] == pytest.approx(100_000 - 80 - 6 * a_night)
