from __future__ import annotations

import numpy as np
import pytest

from trading_assets.backtests.engine import risk_limits
from trading_assets.backtests.engine.arrays import SCALING_CONTINUOUS, SCALING_REGIME
from trading_assets.backtests.engine.portfolio_state import State, new_state
from trading_assets.backtests.engine.reason_codes import DAILY_LOSS_LIMIT
from trading_assets.backtests.engine.risk_limits import deviation, median_of_sorted, slide
from trading_assets.backtests.engine.settings import Settings
from trading_assets_tests.backtests.markets import quiet_market, run_parameters_of, settings

#: As Python runs it: compiled alone it takes longer than all that is asked of it.
breaker_fires = getattr(risk_limits.breaker_fires, "py_func", risk_limits.breaker_fires)
entry_block_reason_of = getattr(risk_limits.entry_block_reason_of, "py_func", risk_limits.entry_block_reason_of)
observe_return = getattr(risk_limits.observe_return, "py_func", risk_limits.observe_return)


def test_median_by_hand() -> None:
    assert median_of_sorted(np.array([1.0, 2.0, 10.0])) == 2.0
    assert median_of_sorted(np.array([1.0, 2.0, 4.0, 10.0])) == 3.0


def test_deviation_is_numpys() -> None:
    values = np.random.default_rng(2).normal(0, 0.01, 60)
    assert deviation(values) == pytest.approx(np.std(values, ddof=1), rel=1e-12)


def test_a_window_slides_and_stays_sorted() -> None:
    """Against sorting the last five anew, equal values among them."""
    values = np.random.default_rng(4).integers(0, 6, 60).astype(float)
    window = np.zeros(5)
    for t, newest in enumerate(values):
        slide(window, t, values[max(0, t - 5)], newest)
        last = sorted(values[max(0, t - 4) : t + 1])
        assert window[: len(last)].tolist() == last


def fired(equities: list[float], risk: Settings) -> tuple[list[int], State]:
    """Sessions on which the breaker fires, with an equity a session, and the state after them."""
    state = new_state(1, len(equities), 1, np.zeros(1, np.int64), risk)
    sessions = []
    for t, equity in enumerate(equities):
        state.account[0]["equity"] = state.account[0]["confirmed"] = state.account[0]["cash"] = equity
        if breaker_fires(t, risk, state):
            sessions.append(t)
    return sessions, state


def test_the_breaker_fires_below_its_limit_and_restarts_from_where_it_is() -> None:
    """20 % below a peak of 100,000 is 80,000: no more is lost there. At 79,999 it halts for two sessions; the next
    peak is the 79,000 of the restart, of which 63,199 is less than four fifths."""
    risk = settings(drawdown_limit=0.2, halt_sessions=2)
    assert fired([100_000.0, 80_000.0], risk)[0] == []
    sessions, state = fired([100_000.0, 79_999.0, 79_999.0, 79_000.0, 79_000.0, 63_201.0, 63_199.0], risk)
    assert sessions == [1, 6]
    assert state.account[0]["reduced"] == 1


def test_full_risk_comes_back_at_the_highest_peak_before_any_halt() -> None:
    """Halts at 79,000 after 100,000 and at 67,000 after 85,000: it is 100,000 that has to be regained, to the cent."""
    risk = settings(drawdown_limit=0.2, halt_sessions=0)
    down = [100_000.0, 79_000.0, 79_000.0, 85_000.0, 67_000.0, 67_000.0, 85_000.0]
    sessions, state = fired([*down, 99_999.99], risk)
    assert sessions == [1, 4] and state.account[0]["reduced"] == 1
    assert fired([*down, 100_000.0], risk)[1].account[0]["reduced"] == 0


def test_a_loss_of_exactly_the_limit_is_within_it() -> None:
    """Of 100,000 as many thousands as the limit has percent, and not a cent more.

    A float makes 98,000 / 100,000 - 1 more than 2 % (-0.020000000000000018), and 70,000 / 100,000 - 1 more than 30 %.
    """
    run_parameters = run_parameters_of(quiet_market(np.ones(2)))[0]
    for percent in range(1, 100):
        risk = settings(drawdown_limit=percent / 100, daily_loss_limit=percent / 100)
        state = new_state(1, 1, 1, np.zeros(1, np.int64), risk)
        exactly = 100_000.0 - 1_000.0 * percent
        for equity, within in ((exactly, True), (exactly - 0.01, False)):
            assert fired([100_000.0, equity], risk)[0] == ([] if within else [1]), percent
            state.account[0]["confirmed_return"] = equity / 100_000.0 - 1.0
            assert entry_block_reason_of(1, run_parameters, risk, state) == (-1 if within else DAILY_LOSS_LIMIT), (
                percent
            )


def multipliers(returns: list[float], scaling: int, risk: Settings) -> list[float]:
    """Multiplier of risk by session, of an account that always holds something."""
    parameters = run_parameters_of(quiet_market(np.ones(len(returns))), scaling=scaling)[0]
    state = new_state(1, len(returns), 1, np.zeros(1, np.int64), risk)
    state.returns[:] = returns
    return [float(observe_return(session, True, parameters, risk, state)) for session in range(len(returns))]


def test_the_first_volatility_is_that_of_the_first_full_window() -> None:
    """Of two returns it is their distance / sqrt(2): 0.01 at session 1, 0.04 at session 2, as many as are asked for.

    0.04 over the median of both, 0.025, is 1.6; 1 / 1.6 = 0.625.
    """
    risk = settings(volatility_window=2, volatility_minimum=2)
    made = multipliers([0.0, 0.01, -0.03], SCALING_CONTINUOUS, risk)
    assert made == [1.0, 1.0, pytest.approx(0.625)]


def test_a_volatility_below_its_baseline_takes_no_more_risk() -> None:
    """Distances of 0.02, 0.02 and 0.01: half the median of 0.02 is no multiplier of 2; without any move none either."""
    risk = settings(volatility_window=2, volatility_minimum=3)
    assert multipliers([0.0, 0.02, 0.0, 0.01, 0.01], SCALING_CONTINUOUS, risk) == [1.0] * 5


@pytest.mark.parametrize(("last", "multiplier"), [(7 / 256, 1.0), (8 / 256, 1.0), (9 / 256, 0.5)])
def test_a_regime_begins_above_twice_the_baseline(last: float, multiplier: float) -> None:
    """Distances of 1/64, 1/64 and the last: their median is 1/64, of which these are 1.75, 2 and 2.25 times as much.

    All are so many parts of a power of two, so that the ratio of 2 is exact.
    """
    risk = settings(volatility_window=2, volatility_minimum=3)
    returns = [0.0, 1 / 64, 0.0, last]
    assert multipliers(returns, SCALING_REGIME, risk)[-1] == multiplier


def test_cash_that_is_owed_ends_trading_for_ever() -> None:
    risk = settings(drawdown_limit=0.99)
    state = new_state(1, 3, 1, np.zeros(1, np.int64), risk)
    state.account[0]["cash"] = -0.01
    assert breaker_fires(0, risk, state) and state.account[0]["ruined"] == 1
    state.account[0]["cash"] = 1e9
    assert not breaker_fires(1, risk, state) and state.account[0]["ruined"] == 1
