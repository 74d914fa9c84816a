"""The engine is compiled for the types of every market, once."""

from __future__ import annotations

from typing import Any

import numba

from trading_assets.backtests.engine import event_loop
from trading_assets.backtests.engine.smallest import compile_orders, compile_targets, smallest_market
from trading_assets_tests.backtests import runs, target_runs
from trading_assets_tests.backtests.frames import frames
from trading_assets_tests.backtests.inputs.test_market_arrays import market_of
from trading_assets_tests.backtests.markets import entries, quiet_market


def test_its_arrays_have_the_types_of_a_market_from_tables() -> None:
    made, expected = smallest_market(), market_of(frames(40), ["AAA", "BBB"])
    assert {name: numba.typeof(value) for name, value in made._asdict().items()} == {
        name: numba.typeof(value) for name, value in expected._asdict().items()
    }


def test_a_run_compiles_nothing_after_it() -> None:
    compile_orders()
    compile_targets()
    entry_points: tuple[Any, ...] = (event_loop.derive, event_loop.run, event_loop.run_targets)
    before = [len(each.signatures) for each in entry_points]
    market = quiet_market([100.0, 100.0, 100.0])
    runs.run(market, entries(market, (0, 0)))
    target_runs.run(market, target_runs.targets(market, (0, 0, 0.5)))
    assert [len(each.signatures) for each in entry_points] == before
