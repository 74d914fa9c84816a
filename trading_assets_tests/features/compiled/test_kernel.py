"""Multiplication and addition with one rounding, against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numba import njit

from trading_assets.features.compiled.kernel import fma


@njit  # type: ignore[untyped-decorator]
def of(left: float, right: float, added: float) -> float:
    return fma(left, right, added)  # type: ignore[no-any-return]


def test_a_product_is_added_before_it_is_rounded() -> None:
    for left, right, added in np.random.default_rng(0).normal(0, 1, (300, 3)):
        assert of(left, right, added) == float(Fraction(left) * Fraction(right) + Fraction(added))
    assert of(1 + 2**-30, 1 + 2**-30, -1.0) != (1 + 2**-30) * (1 + 2**-30) - 1.0
