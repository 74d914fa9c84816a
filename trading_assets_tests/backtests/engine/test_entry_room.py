"""What the caps leave to an entry, by hand; a sweep, which stops where nothing is left, against runs that go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trading_assets.backtests.engine.simulate import simulate, sweep
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.runs import ALL_IN, number, run, said

#: Positions of 30 % under a gross cap of 70 %.
THIRD: dict[str, Any] = {**ALL_IN, "max_position": 0.3, "max_gross": 0.7}


def test_the_gross_cap_counts_what_is_held_and_what_is_ordered() -> None:
    """Of 100,000 at 100: 300 shares held, 300 and 100 ordered beside them, and nothing is left to the fourth."""
    market = quiet_market(np.full((4, 4), 100.0))
    found = run(market, entries(market, (0, 0), (2, 1), (2, 2), (2, 3)), **THIRD)
    assert number(found, "gross_room")[:4].tolist() == [70_000.0, 40_000.0, 10_000.0, 0.0]
    assert [row["quantity"] for row in found.fills] == [300.0, 300.0, 100.0]
    assert said(found, "reject") == [(2, 3, "zero_size")]


@pytest.mark.parametrize("max_gross", [0.3, 0.6, 0.7, 0.95])
@pytest.mark.parametrize("max_positions", [2, 8])
def test_a_sweep_that_stops_at_a_cap_has_the_bits_of_a_run_that_goes_on(max_gross: float, max_positions: int) -> None:
    """Twelve candidates in each session; the caps are reached exactly, passed by what rises, and left by what falls."""
    random = np.random.default_rng(8)
    closes = np.round(100 * np.exp(np.cumsum(random.normal(0, 0.02, (80, 12)), axis=0)), 2)
    market = quiet_market(closes)
    at = [(t, i) for t in range(80) for i in range(12)]
    signals = entries(market, *at, rank=random.normal(size=(1, len(at))))
    parameters = run_parameters_of(market, max_hold=7, stop_atr=6.0)
    limits = settings(**ALL_IN | {"max_position": 0.15, "max_gross": max_gross, "max_positions": max_positions})
    alone = simulate(market, signals, parameters, limits)
    found = sweep(market, signals, parameters, limits)
    assert found.equity[0].tobytes() == alone.equity.tobytes()
    assert found.trades[0] == alone.trades.size > 10
    reached = "slots" if max_positions * 0.15 <= max_gross else "zero_size"
    assert reached in {reason for _, _, reason in said(alone, "reject")}
