"""A quantity of the engine in the steps of a broker: the noise of its floats is cut, and nothing else is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trading_assets.backtests.engine.portfolio_state import floor_to_lot
from trading_assets.trading.brokers.steps import in_steps

LOTS = ("0.00000001", "0.00001", "0.0001", "0.1")


@given(st.integers(1, 10**9), st.sampled_from(LOTS))
@example(261_814_016, "0.00000001")  # 2.6181401600000003
@example(3, "0.1")  # 0.30000000000000004
def test_whole_lots_of_the_engine_are_whole_steps(lots: int, lot: str) -> None:
    """Lots counted in integers: of many the engine may give one less. A step that is finer has them, too."""
    quantity = float(floor_to_lot(lots * float(lot), float(lot)))
    counted = round(quantity / float(lot))
    assert lots - counted in (0, 1)
    exact = counted * Decimal(lot)
    assert in_steps(quantity, float(lot)) == in_steps(quantity, lot) == exact
    assert in_steps(quantity, Decimal(lot) / 10) == exact


@given(st.integers(1, 10**6), st.sampled_from(LOTS), st.floats(0.001, 0.999))
def test_what_is_between_two_steps_is_in_none(lots: int, lot: str, part: float) -> None:
    assert in_steps((lots + part) * float(lot), lot) is None


@pytest.mark.parametrize("quantity", [0.0, 4e-10, 6e-10])
def test_less_than_a_step_is_none(quantity: float) -> None:
    assert in_steps(quantity, 1e-9) is None


def test_parts_of_a_share_are_no_shares() -> None:
    assert in_steps(10.5, 1) is None
    assert in_steps(2.9999999999999996, 1) == 3
