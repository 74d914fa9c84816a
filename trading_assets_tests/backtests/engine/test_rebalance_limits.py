"""What new weights stand beside, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trading_assets_tests.backtests.markets import quiet_market
from trading_assets_tests.backtests.target_runs import run, said, targets

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
