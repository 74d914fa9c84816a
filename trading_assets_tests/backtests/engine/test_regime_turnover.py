"""Changes of regime: what moves in a session, what goes on, and what passes at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile

from trading_assets.backtests.engine.arrays import LIMITS, Market, Targets
from trading_assets.backtests.engine.dtypes import EXIT, NUMBERS
from trading_assets.backtests.engine.simulate import Simulation, simulate
from trading_assets_tests.backtests.markets import quiet_market
from trading_assets_tests.backtests.random_markets import Case, target_cases
from trading_assets_tests.backtests.target_runs import RULE, run, said, targets
from trading_assets_tests.narrow import as_targets

FEW = profile(max_examples=60, suppress_health_check=list(HealthCheck))
TURNOVER = LIMITS.index("max_regime_turnover")


def changing(market: Market, *rows: tuple[int, int, float], passing: int = 1, **columns: Any) -> Targets:
    """Rows as `targets` takes them, of changes of regime but for the first `passing`."""
    wanted = targets(market, *rows, **columns)
    return wanted._replace(of_regime=np.arange(wanted.weight.size) >= passing)


def granted(found: Simulation, symbol: int) -> list[tuple[int, float]]:
    """(session, granted weight) of what was decided of a symbol at closes."""
    place = NUMBERS.index("granted_weight")
    rows = [row for row in found.decisions if row["symbol"] == symbol and row["at_close"]]
    return [(int(row["session"]), float(row["numbers"][place])) for row in rows]


def test_a_book_is_turned_over_in_parts_of_the_limit() -> None:
    """From 20 % of one to 20 % of another are moves of 0.2 + 0.2 = 0.4: 0.4 / 0.05 = 8 sessions of 0.025 each."""
    market = quiet_market(np.full((14, 2), 100.0))
    wanted = changing(market, (0, 0, 0.2), (2, 0, 0.0), (2, 1, 0.2))
    found = run(market, wanted)
    sessions = range(2, 10)
    falling = [(0, 0.2), *((t, 0.2 - 0.025 * (t - 1)) for t in sessions)]
    rising = [(t, 0.025 * (t - 1)) for t in sessions]
    for symbol, expected in ((0, falling), (1, rising)):
        assert [t for t, _ in granted(found, symbol)] == [t for t, _ in expected]
        np.testing.assert_allclose(
            [weight for _, weight in granted(found, symbol)], [weight for _, weight in expected], atol=2e-3
        )
    assert found.trades["exit_session"].tolist() == [10]
    limited = [int(row["session"]) for row in found.decisions if row["limit"] == TURNOVER]
    assert sorted(set(limited)) == list(range(2, 9))  # the last part is all that is left


def test_a_stop_passes_at_once_and_ends_what_was_left() -> None:
    """The second session of the change brings a row that is no regime's: all of the position leaves."""
    market = quiet_market(np.full((14, 2), 100.0))
    wanted = targets(market, (0, 0, 0.2), (2, 0, 0.0), (2, 1, 0.2), (4, 0, 0.0))
    found = run(market, wanted._replace(of_regime=np.array([False, True, True, False])))
    assert granted(found, 0)[-1] == (4, 0.0)
    assert found.trades["exit_session"].tolist() == [5]
    # The other has moved 0.05 by then, and has 0.15 to go: three sessions of the limit alone, and what costs left over.
    np.testing.assert_allclose([w for t, w in granted(found, 1) if t >= 4][:3], [0.1, 0.15, 0.2], atol=2e-3)


def test_data_that_are_missing_force_a_position_out_at_once() -> None:
    """Two sessions without a bar: a forced exit of all, and nothing of the change is bought again when they return."""
    close = np.full((16, 2), 100.0)
    present = np.ones(close.shape, dtype=bool)
    present[4:6, 0] = False
    gone = np.where(present, close, np.nan)
    market = quiet_market(gone, present=present, fillable=present, tradable=present)
    found = run(market, changing(market, (0, 0, 0.1), (2, 0, 0.4), (2, 1, 0.1)))
    exits = [row for row in said(found) if row[1] == 0 and row[2] == "exit"]
    assert exits == [(5, 0, "exit", "data_missing")]
    assert max(t for t, _ in granted(found, 0)) == 5


def test_a_flip_passes_zero_in_its_turn() -> None:
    """From 10 % long to 10 % short is a move of 0.2: four sessions, 0.05, 0, -0.05, -0.1."""
    market = quiet_market(np.full((10, 1), 100.0))
    found = run(market, changing(market, (0, 0, 0.1), (2, 0, -0.1)))
    np.testing.assert_allclose([w for _, w in granted(found, 0)], [0.1, 0.05, 0.0, -0.05, -0.1], atol=2e-3)


def test_what_a_cap_keeps_from_growing_is_over_after_its_sessions() -> None:
    """30 % is asked of a symbol that may take 12 %: 0.3 / 0.05 = 6 sessions of rows, then no more."""
    market = quiet_market(np.full((20, 1), 100.0))
    found = run(market, changing(market, (2, 0, 0.3), passing=0), max_symbol=0.12)
    assert max(weight for _, weight in granted(found, 0)) == pytest.approx(0.12)
    assert [t for t, _ in granted(found, 0)] == list(range(2, 8))


def test_a_row_of_regime_that_is_rejected_is_not_asked_again() -> None:
    market = quiet_market(np.full((12, 2), 100.0))
    wanted = changing(market, (2, 0, 0.3), (2, 1, 0.3), passing=0)._replace(eligible=np.array([True, False]))
    assert [row for row in said(run(market, wanted)) if row[1] == 1] == [(2, 1, "reject", "eligibility")]


@FEW
@given(case=target_cases())
def test_without_a_limit_a_change_of_regime_is_any_row(case: Case) -> None:
    """To the byte: with a limit above all moves the rows of regimes are decided as if they were of none."""
    wanted, free = as_targets(case.signals), case.settings._replace(max_regime_turnover=1e9)
    marked = wanted._replace(of_regime=np.ones(wanted.weight.size, dtype=bool))
    plain = wanted._replace(of_regime=np.zeros(0, dtype=bool))
    found, expected = (simulate(case.market, each, case.run_parameters, free) for each in (marked, plain))
    for name in ("equity", "decisions", "fills", "trades"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes()


@FEW
@given(case=target_cases())
def test_no_session_moves_more_than_the_limit(case: Case) -> None:
    """Where no other limit takes from what is held, all that changes of regime move at a close is within it."""
    wanted = as_targets(case.signals)
    marked = wanted._replace(of_regime=np.ones(wanted.weight.size, dtype=bool))
    free = case.settings._replace(
        max_gross=100.0, max_symbol=100.0, max_sector=100.0, var_limit=100.0, reject_beyond_capacity=False
    )
    run_parameters = case.run_parameters.copy()
    run_parameters["capacity"] = 1e9
    found = simulate(case.market, marked, run_parameters, free)
    notional, equity = (NUMBERS.index(name) for name in ("notional", "equity"))
    moved: dict[int, float] = {}
    for row in found.decisions[found.decisions["limit"] == TURNOVER]:
        session, numbers = int(row["session"]), row["numbers"]
        moved[session] = moved.get(session, 0.0) + numbers[notional] / numbers[equity]
    assert all(part <= free.max_regime_turnover * (1 + 1e-9) for part in moved.values())


def test_a_change_that_halves_a_position_leaves_it_in_parts() -> None:
    market = quiet_market(np.full((10, 1), 100.0))
    found = run(market, changing(market, (0, 0, 0.2), (2, 0, 0.1)))
    assert [row[:3] for row in said(found)][1:] == [(2, 0, "exit"), (3, 0, "exit")]
    assert found.decisions["reason"][found.decisions["decision"] == EXIT].tolist() != [RULE, RULE]
    assert found.positions[-1] == 1
