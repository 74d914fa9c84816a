from __future__ import annotations

import pytest

from trading_assets.backtests.engine.portfolio_state import floor_to_lot, one_lot_less


@pytest.mark.parametrize(
    ("quantity", "lot", "whole"),
    [(7.9, 1.0, 7.0), (0.3, 0.1, 0.3), (2.9999999999, 1.0, 3.0), (2.99, 1.0, 2.0), (250.0, 100.0, 200.0)],
)
def test_whole_lots(quantity: float, lot: float, whole: float) -> None:
    """0.3 / 0.1 is 2.9999999999999996 in floating point: within a billionth of a lot of three."""
    assert floor_to_lot(quantity, lot) == pytest.approx(whole, rel=1e-15)


def test_a_lot_less_is_never_below_zero() -> None:
    assert one_lot_less(5.0, 1.0) == 4.0
    assert one_lot_less(0.5, 1.0) == 0.0
    assert one_lot_less(1e12, 1e-8) < 1e12
