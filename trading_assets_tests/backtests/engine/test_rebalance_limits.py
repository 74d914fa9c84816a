"""What new weights stand beside, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trading_assets_tests.backtests.markets import quiet_market
from trading_assets_tests.backtests.runs import number
from trading_assets_tests.backtests.target_runs import pairs_in_one, run, said, targets

NAN = float("nan")


@pytest.mark.parametrize("sessions", [3, 14])
def test_what_waits_for_its_data_keeps_its_part_of_the_gross(sessions: int) -> None:
    """0.4 in a symbol without bars since session 3; of 0.8 asked for in the other 0.4 is left under a gross of 0.8."""
    closes = [[100.0, 50.0]] * 3 + [[NAN, 50.0]] * 15
    market = quiet_market(closes)
    asked_at = 2 + sessions
    found = run(market, targets(market, (0, 0, 0.4), (asked_at, 1, 0.8)), max_gross=0.8)
    assert (4, 0, "exit", "data_missing") in said(found)
    held = dict(zip(found.positions_at_end["symbol"], found.positions_at_end["quantity"], strict=True))
    assert held == {0: 400.0, 1: 800.0}  # 40,000 at 100 and 40,000 at 50
    assert found.gross_exposure[-1] == pytest.approx(0.8)
    assert np.isclose(found.equity[-1], 100_000.0)


def test_the_cap_of_a_symbol_is_of_all_positions_in_it() -> None:
    """Two pairs of 0.2 and 0.2 in one symbol of which 0.3 may be held: the second gets 0.1, with its other leg."""
    market = quiet_market(np.full((2, 3), 100.0))
    found = run(market, pairs_in_one(market, (0, 0.2)), max_symbol=0.3)
    assert number(found, "granted_weight").tolist() == pytest.approx([0.2, -0.2, 0.1, -0.1])


@pytest.mark.parametrize(("first", "second"), [(0.6, -0.3), (0.3, -0.6)])
def test_after_a_halt_a_pair_is_cut_from_half_of_what_it_asks_for(first: float, second: float) -> None:
    """A fifth of equity falls by 60 %: 12 % are lost, more than 10 %, and the restart takes half the risk.

    Of 0.6 and 0.3 that is 0.3 and 0.15; a symbol may be 0.2, two thirds of 0.3, whichever leg comes first: both legs
    get two thirds, 0.2 and 0.1.
    """
    market = quiet_market([[100.0, 100.0, 100.0]] * 2 + [[100.0, 100.0, 40.0]] * 3)
    wanted = targets(market, (0, 2, 0.2), (3, 0, first), (3, 1, second), pairs=((0, 1),))
    found = run(market, wanted, max_symbol=0.2, drawdown_limit=0.1, halt_sessions=0)
    assert (2, 2, "exit", "drawdown_halt") in said(found)
    assert number(found, "granted_weight")[-2:].tolist() == pytest.approx([first / 3, second / 3])


def test_what_a_halt_still_sells_takes_no_room_from_what_comes_after_it() -> None:
    """400 fall from 100 to 60: 84,000 are left. A session takes 1 % of 600,000, which is 100 shares at 60.

    Trading restarts while 300 are left, 18,000 of 84,000. They are sold whatever happens, and count as nothing: of a
    gross of 0.4 the new weight, half of 0.8 after a halt, gets all.
    """
    liquid = np.full((5, 2), 1e12)
    liquid[2:, 0] = 6e5
    market = quiet_market([[100.0, 50.0]] * 2 + [[60.0, 50.0]] * 3, adv=liquid)
    wanted = targets(market, (0, 0, 0.4), (3, 1, 0.8))
    found = run(market, wanted, {"capacity": 0.01}, max_gross=0.4, drawdown_limit=0.1, halt_sessions=0)
    assert found.fills[found.fills["symbol"] == 0]["quantity"].tolist() == [400.0, 100.0, 100.0]
    assert number(found, "granted_weight")[-1] == pytest.approx(0.4)
