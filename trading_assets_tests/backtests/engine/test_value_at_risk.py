"""Value at risk of what is held and ordered, by hand and against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.backtests.engine.dtypes import SHORT
from trading_assets.backtests.engine.event_loop import derive
from trading_assets.backtests.engine.portfolio_state import Derived
from trading_assets.backtests.engine.value_at_risk import is_within, share_within, tail_loss
from trading_assets_tests.backtests import target_runs
from trading_assets_tests.backtests.markets import entries, quiet_market
from trading_assets_tests.backtests.runs import ALL_IN, number, run, said

#: Every 18th of 300 sessions falls by 7.4 %: 14 of the last 252, so the 13th worst is one of them.
FALL, EVERY = 0.074, 18
WIDE: dict[str, Any] = {**ALL_IN, "drawdown_limit": 1.0, "daily_loss_limit": 1.0}


def returns_with_falls(sessions: int = 302) -> np.ndarray:
    return np.where(np.arange(sessions) % EVERY == 5, -FALL, 0.0)


def falling_market(columns: int = 1, **changes: Any) -> Any:
    """Prices of 100 that nobody moves, beside returns that did: what is simulated on is the returns."""
    returns = np.tile(returns_with_falls()[:, None], (1, columns))
    return quiet_market(np.full(returns.shape, 100.0), returns=returns, **changes)


def test_flat_until_yesterday_has_the_risk_of_what_it_holds_now() -> None:
    """300 flat sessions, then 82 % gross: 0.82 x 7.4 % = 6.1 %, whatever the account earned before."""
    found = run(falling_market(), entries(falling_market(), (300, 0)), var_limit=0.1, **WIDE | {"max_position": 0.82})
    assert number(found, "quantity").tolist() == [820.0]
    assert number(found, "value_at_risk").tolist() == [pytest.approx(0.0607, abs=5e-5)]


def test_an_order_is_cut_to_what_the_limit_allows() -> None:
    """3 % / 7.4 % = 40.54 % of 100,000 at 100: 405 shares. The next one finds nothing left."""
    market = falling_market(2)
    found = run(market, entries(market, (300, 0), (300, 1)), var_limit=0.03, **WIDE | {"max_position": 0.82})
    assert number(found, "quantity")[0] == 405.0
    assert said(found, "reject") == [(300, 1, "var_limit")]
    assert number(found, "value_at_risk")[0] == pytest.approx(0.405 * FALL)


def test_a_short_sale_that_waits_loses_by_what_rises() -> None:
    """Symbols that rise by 7.4 % where the others fall: 30 % sold short wait, and 3 % / 7.4 % - 30 % are left: 105."""
    market = falling_market(2)._replace(returns=-falling_market(2).returns)
    late = {"side": SHORT, "delay": 1}
    found = run(market, entries(market, (299, 0), (300, 1)), late, var_limit=0.03, **WIDE | {"max_position": 0.3})
    assert number(found, "quantity").tolist()[:2] == [300.0, 105.0]


def test_an_exit_that_waits_for_data_is_still_at_risk() -> None:
    """40 % are to be sold since session 299, and no open has come: 3 % / 7.4 % less 40 % leave 0.54 %, 5 shares."""
    closes = np.full((302, 2), 100.0)
    closes[298:, 0] = np.nan
    market = quiet_market(closes, returns=falling_market(2).returns)
    found = run(market, entries(market, (295, 0), (300, 1)), var_limit=0.03, **WIDE | {"max_position": 0.4})
    assert said(found, "exit") == [(299, 0, "data_missing")]
    assert found.positions_at_end["quantity"].tolist() == [400.0, 5.0]


def test_the_limit_needs_a_window_of_sessions() -> None:
    market = falling_market()
    found = run(market, entries(market, (250, 0)), var_limit=0.001, **WIDE)
    assert number(found, "quantity").tolist() == [1000.0]
    assert np.isnan(number(found, "value_at_risk")).all()
    assert said(run(market, entries(market, (251, 0)), var_limit=1e-9, **WIDE), "reject") == [(251, 0, "var_limit")]


def test_the_thirteenth_worst_of_252_counts() -> None:
    """Twelve falls are not in it, thirteen are."""
    for falls, risk in ((12, 0.0), (13, FALL)):
        returns = np.where(np.arange(302) >= 301 - falls, -FALL, 0.0)[:, None]
        market = quiet_market(np.full((302, 1), 100.0), returns=returns)
        found = run(market, entries(market, (300, 0)), var_limit=1.0, **WIDE)
        assert number(found, "value_at_risk").tolist() == [pytest.approx(risk)]


def test_a_missing_return_is_one_and_a_half_times_the_benchmarks() -> None:
    """A symbol that was listed at session 295, beside a benchmark that fell by 2 % in 14 sessions before."""
    expected = np.arange(302)[:, None] >= 295
    bench = np.where(np.arange(302) % EVERY == 5, -0.02, 0.0)[None, :]
    returns = np.full((302, 1), np.nan)
    returns[296:] = 0.0
    market = quiet_market(
        np.where(expected, 100.0, np.nan), expected=expected, returns=returns, benchmark_returns=bench, benchmark=0
    )
    found = run(market, entries(market, (300, 0)), var_limit=1.0, health_clean_sessions=1, **WIDE)
    assert number(found, "value_at_risk").tolist() == [pytest.approx(0.03)]
    alone = run(
        market._replace(benchmark=np.array([-1])), entries(market, (300, 0)), var_limit=1.0, health_clean_sessions=1,
        **WIDE,
    )  # fmt: skip
    assert number(alone, "value_at_risk").tolist() == [0.0]


def weekday_market(days: int, stock: int = 0, listed: int = 0) -> Any:
    """A stock, which falls every 18th weekday, beside a coin that trades on weekends too; `stock` is its column."""
    market = quiet_market(np.full((days, 2), 100.0))
    weekday = ~market.weekend
    falls = np.zeros(days)
    falls[weekday] = returns_with_falls(int(weekday.sum()))
    returns = np.zeros((days, 2))
    returns[:, stock] = np.where(weekday, falls, np.nan)
    expected = np.ones((days, 2), dtype=bool)
    expected[:, stock] = weekday & (np.arange(days) >= listed)
    present = expected.copy()
    return market._replace(returns=returns, expected=expected, present=present, fillable=present, tradable=present)


@pytest.mark.parametrize("stock", [0, 1])
def test_days_on_which_a_symbol_rests_are_no_scenarios(stock: int) -> None:
    """Of 252 weekdays 14 fall by 7.4 %, as without the coin: 0.5 x 7.4 % = 3.7 %. Of 252 days only 10 would: 0."""
    market = weekday_market(365, stock)
    decided = 357  # the Monday after 51 weeks
    found = run(market, entries(market, (decided, stock)), var_limit=1.0, **WIDE | {"max_position": 0.5})
    assert number(found, "value_at_risk").tolist() == [pytest.approx(0.5 * FALL)]
    weights = target_runs.targets(market, (decided, stock, 0.5))
    assert number(target_runs.run(market, weights), "value_at_risk").tolist() == [pytest.approx(0.5 * FALL)]


def weekend_market(saturday: float, sunday: float, monday: float) -> Any:
    """A stock that does not move beside a coin that does on these days of each week."""
    market = weekday_market(365)
    market.returns[:, 0] = np.where(market.weekend, np.nan, 0.0)
    of_week = (market.day + 3) % 7
    market.returns[:, 1] = np.select([of_week == 5, of_week == 6, of_week == 0], [saturday, sunday, monday], 0.0)
    return market


def derived(returns: np.ndarray, expected: np.ndarray) -> Derived:
    m = quiet_market(np.full(returns.shape, 100.0), returns=returns, expected=expected)
    return derive(m.expected, m.present, m.returns, m.benchmark_returns, m.benchmark, m.delisted, 5, 1)


@pytest.mark.parametrize("monday", [0.0, 0.05])
def test_the_scenario_of_a_monday_has_the_weekend_of_a_coin(monday: float) -> None:
    """-10 % on Saturday, -10 % on Sunday: 0.9 x 0.9 = 0.81 of what it was; with + 5 % on Monday 0.8505.

    Of 252 weekdays 50 are Mondays; half of equity in the coin loses 9.5 % (7.475 %), half in the stock nothing.
    """
    market = weekend_market(saturday=-0.1, sunday=-0.1, monday=monday)
    risk = 0.5 * (1 - 0.81 * (1 + monday))
    for column, made in ((1, risk), (0, 0.0)):
        found = run(market, entries(market, (357, column)), var_limit=1.0, **WIDE | {"max_position": 0.5})
        assert number(found, "value_at_risk").tolist() == [pytest.approx(made)]
        weights = target_runs.targets(market, (357, column, 0.5))
        assert number(target_runs.run(market, weights), "value_at_risk").tolist() == [pytest.approx(made)]


def test_what_stands_in_for_a_missing_return_of_a_weekend_is_compounded() -> None:
    """1.5 x -2 % on Saturday, then -10 % on Sunday: 0.97 x 0.9 = 0.873. Without a benchmark Sunday alone: 0.9."""
    market = weekend_market(saturday=np.nan, sunday=-0.1, monday=0.0)
    falls = np.where((market.day + 3) % 7 == 5, -0.02, 0.0)[None, :]
    for benchmark, left in ((0, 0.873), (-1, 0.9)):
        beside = market._replace(benchmark_returns=falls, benchmark=np.array([-1, benchmark]))
        found = run(beside, entries(beside, (357, 1)), var_limit=1.0, **WIDE | {"max_position": 0.5})
        assert number(found, "value_at_risk").tolist() == [pytest.approx(0.5 * (1 - left))]


def test_scenarios_are_returns_from_one_common_session_to_the_next() -> None:
    """Thursday to Wednesday of a coin and a stock that rests on three days: to the bit where no days are compounded.

    Days after the last common session are in no scenario yet.
    """
    coin = np.array([0.013, -0.027, 0.5, 0.2, 0.1, -0.031, 0.07])
    stock = np.array([0.011, 0.017, np.nan, np.nan, -0.019, -0.0, np.nan])
    expected = np.ones((7, 2), dtype=bool)
    expected[:, 1] = np.isfinite(stock)
    made = derived(np.column_stack([coin, stock]), expected)
    assert made.scenario_count.tolist() == [1, 2, 2, 2, 3, 4, 4]
    assert made.scenario_returns[0].tolist() == [0.013, -0.027, pytest.approx(1.5 * 1.2 * 1.1 - 1), -0.031]
    assert made.scenario_returns[1].tolist() == [0.011, 0.017, -0.019, 0.0]
    alone = derived(coin[:, None], np.ones((7, 1), dtype=bool))
    assert alone.scenario_returns.tobytes() == coin.tobytes()


def test_the_window_is_of_sessions_that_all_calendars_have() -> None:
    """252 weekdays end on day 351, the Tuesday after 50 weeks; days before the stock is listed count, too."""
    market = weekday_market(400)
    for decided, limited in ((350, False), (351, True)):
        found = run(market, entries(market, (decided, 1)), var_limit=1.0, **WIDE)
        assert bool(np.isfinite(number(found, "value_at_risk")[0])) is limited, decided
    # 100 days of the coin alone, then 152 weekdays of both: 30 weeks from a Wednesday on, and two days more.
    market = weekday_market(400, listed=100)
    for decided, limited in ((310, False), (311, True)):
        found = run(market, entries(market, (decided, 1)), var_limit=1.0, **WIDE)
        assert bool(np.isfinite(number(found, "value_at_risk")[0])) is limited, decided


def test_target_weights_are_cut_in_proportion() -> None:
    """0.5 and 0.3 of two symbols that fall together are 5.92 %: both times 3 / 5.92."""
    market = falling_market(2)
    wanted = target_runs.targets(market, (300, 0, 0.5), (300, 1, 0.3))
    found = target_runs.run(market, wanted, var_limit=0.03)
    share = 0.03 / (0.8 * FALL)
    assert number(found, "granted_weight").tolist() == pytest.approx([0.5 * share, 0.3 * share], rel=1e-8)
    assert number(found, "value_at_risk").tolist() == pytest.approx([0.03, 0.03])


def test_an_order_that_lowers_the_risk_passes() -> None:
    """80 % long from before the limit was in force; a short of what falls with it makes the risk less."""
    market = falling_market(2)
    wanted = target_runs.targets(market, (10, 0, 0.8), (300, 1, -0.5))
    found = target_runs.run(market, wanted, var_limit=0.01)
    assert number(found, "granted_weight").tolist() == [0.8, -0.5]
    more = target_runs.run(market, target_runs.targets(market, (10, 0, 0.8), (300, 1, 0.1)), var_limit=0.01)
    assert ("reject", "var_limit") in {row[2:] for row in target_runs.said(more)}


@settings(max_examples=100)
@given(
    st.integers(20, 60).flatmap(lambda n: st.lists(st.floats(-0.2, 0.2), min_size=2 * n, max_size=2 * n)),
    st.floats(0.0, 0.1),
)
def test_the_tail_is_numpys_and_the_part_is_the_largest_tried(values: list[float], limit: float) -> None:
    """Half a billionth more would be above the limit, or all of it is granted."""
    scenarios, change = np.array(values).reshape(2, -1)
    worst = np.zeros(int(0.05 * scenarios.size) + 1)

    def risk_at(share: float) -> float:
        return -float(np.sort(scenarios + share * change)[worst.size - 1])

    before = tail_loss(scenarios, change, 0.0, worst)
    assert before == risk_at(0.0)
    share = share_within(scenarios, change, before, limit, worst)
    if share == 1.0:
        assert risk_at(1.0) <= limit or risk_at(1.0) < before
    elif share == 0.0 and before > limit:
        assert risk_at(1.0) >= before
    else:
        assert risk_at(share) <= limit < risk_at(share + 2.0**-30)


def test_a_part_that_is_granted_is_within_the_limit_and_not_beyond_it() -> None:
    """Losses of 10 % and a limit of 5 %: half of it is exactly the limit. Of 3 % it is three tenths, from below."""
    scenarios, change, worst = np.zeros(20), np.full(20, -0.1), np.zeros(2)
    assert share_within(scenarios, change, 0.0, 0.05, worst) == 0.5
    part = share_within(scenarios, change, 0.0, 0.03, worst)
    assert part > 0.3 - 2.0**-30 and tail_loss(scenarios, change, part, worst) <= 0.03


def test_within_the_limit_are_twelve_results_below_it_and_not_thirteen() -> None:
    for falls, within in ((12, True), (13, False)):
        scenarios = np.where(np.arange(252) < falls, -FALL, 0.0)
        assert bool(is_within(scenarios, np.zeros(252), 1.0, 0.05, np.zeros(13))) is within
        assert bool(tail_loss(scenarios, np.zeros(252), 1.0, np.zeros(13)) <= 0.05) is within


def test_a_symbol_that_is_delisted_rests_on_no_session() -> None:
    """The stock ends on day 100, its 73rd weekday; from then on all days count: 179 more are over on day 279."""
    market = weekday_market(400)
    market.expected[101:, 0] = False
    market.delisted[0] = 100
    for decided, limited in ((278, False), (279, True)):
        found = run(market, entries(market, (decided, 1)), var_limit=1.0, **WIDE)
        assert bool(np.isfinite(number(found, "value_at_risk")[0])) is limited, decided
