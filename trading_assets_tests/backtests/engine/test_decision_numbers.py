"""The numbers behind a decision, by hand: the first decision of a run, and one of each kind after it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trading_assets.backtests.engine.arrays import DECISIONS
from trading_assets.backtests.engine.dtypes import NUMBERS
from trading_assets.backtests.engine.simulate import Simulation
from trading_assets_tests.backtests.markets import entries, quiet_market
from trading_assets_tests.backtests.runs import run
from trading_assets_tests.backtests.target_runs import run as run_targets
from trading_assets_tests.backtests.target_runs import targets

NAN = math.nan


def behind(found: Simulation, index: int) -> dict[str, float]:
    """The numbers of a decision that play a part."""
    numbers = found.decisions[index]["numbers"].tolist()
    return {name: value for name, value in zip(NUMBERS, numbers, strict=True) if not math.isnan(value)}


def kinds(found: Simulation) -> list[str]:
    return [DECISIONS[row["decision"]] for row in found.decisions]


def test_an_entry_its_raised_stop_and_its_exit() -> None:
    """Risk of 750 over 4 a share asks for 187 shares, the cap of 15 % allows 150; half of equity a sector."""
    market = quiet_market([100.0, 100, 100, 102, 101], sector=[0], adv=2e7)
    signals = entries(market, (0, 0), exits=[[(2, 0)], [(3, 0)]])
    changes = {"raise_signal": 0, "raised_stop_atr": 1.5, "exit_signal": 1}
    found = run(market, signals, changes)
    assert kinds(found) == ["enter", "hold", "exit"]
    assert behind(found, 0) == pytest.approx(
        {
            "score": 1.0,
            "strength_rank": 1.0,
            "relative_strength_rank": 1.0,
            "diversification_rank": 1.0,
            "quantity": 150.0,
            "notional": 15_000.0,
            "risk_multiplier": 1.0,
            "equity": 100_000.0,
            "cash": 100_000.0,
            "gross_room": 80_000.0,
            "sector_room": 50_000.0,
            "adv": 2e7,
            "capacity_limit": 2e5,
            "stop_distance": 4.0,
        }
    )
    assert behind(found, 1) == {"stop_price": 97.0}
    assert behind(found, 2) == pytest.approx(
        {"quantity": 150.0, "notional": 15_300.0, "equity": 100_300.0, "stop_price": 97.0}
    )
    assert found.decisions["order"].tolist() == [0, -1, 2]


def test_an_order_that_finds_no_open() -> None:
    market = quiet_market([100.0, NAN, 100])
    found = run(market, entries(market, (0, 0)))
    assert kinds(found) == ["enter", "reject"]
    assert behind(found, 1) == {"quantity": 150.0, "notional": 15_000.0, "cash": 100_000.0}
    assert found.decisions["order"].tolist() == [0, 0]


def test_a_position_stopped_out_in_a_crash() -> None:
    """At the low of the session, decided and filled there; the exit is its own order."""
    market = quiet_market([100.0, 100, 100], low=[[100.0], [100], [90]])._replace(crash=np.array([False, False, True]))
    found = run(market, entries(market, (0, 0)))
    assert kinds(found) == ["enter", "exit"]
    assert behind(found, 1) == {"quantity": 150.0}
    assert found.decisions["order"].tolist() == [0, 1]
    assert found.fills["decision"].tolist() == [0, 1]
    assert found.trades["exit_price"] == [90.0]


def test_a_target_weight_that_grows_is_rejected_and_shrinks() -> None:
    """0.3 of 100,000 at 100; then 0.5, whose 20,000 are beyond 1 % of 1.9 million; then none."""
    market = quiet_market([100.0, 100, 100, 100], adv=[[1e7], [1.9e6], [1e7], [1e7]])
    found = run_targets(market, targets(market, (0, 0, 0.3), (1, 0, 0.5), (2, 0, 0.0)), beyond_capacity="reject")
    assert kinds(found) == ["enter", "reject", "exit"]
    shared = {"equity": 100_000.0}
    assert behind(found, 0) == pytest.approx(
        shared
        | {
            "target_weight": 0.3,
            "granted_weight": 0.3,
            "quantity": 300.0,
            "notional": 30_000.0,
            "risk_multiplier": 1.0,
            "gross_room": 200_000.0,
            "adv": 1e7,
            "capacity_limit": 1e5,
        }
    )
    assert behind(found, 1) == pytest.approx(
        shared
        | {
            "target_weight": 0.5,
            "granted_weight": 0.0,
            "quantity": 200.0,
            "notional": 20_000.0,
            "risk_multiplier": 1.0,
            "gross_room": 200_000.0,
            "adv": 1.9e6,
            "capacity_limit": 1.9e4,
        }
    )
    assert behind(found, 2) == pytest.approx(
        shared
        | {
            "target_weight": 0.0,
            "granted_weight": 0.0,
            "quantity": 300.0,
            "notional": 30_000.0,
            "adv": 1e7,
            "capacity_limit": 1e5,
        }
    )
    assert found.decisions["order"].tolist() == [0, -1, 2]


def test_a_target_weight_that_finds_no_open() -> None:
    market = quiet_market([100.0, NAN, 100])
    found = run_targets(market, targets(market, (0, 0, 0.3)))
    assert kinds(found) == ["enter", "reject"]
    assert behind(found, 1) == {"target_weight": 0.3, "cash": 100_000.0}
    assert found.decisions["order"].tolist() == [0, 0]
