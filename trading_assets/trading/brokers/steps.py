"""Quantities in the steps in which a broker takes them, to the last digit."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

#: Fraction of a quantity that is noise of its float.
_NOISE = Decimal("1e-9")


def in_steps(quantity: float, step: float | str | Decimal) -> Decimal | None:
    """Return a quantity as whole steps; None: it is not, beyond the noise of a float.

    Parameters
    ----------
    quantity, step
        Units, and units of a step.

    Examples
    --------
    >>> in_steps(2.6181401600000003, "0.00000001"), in_steps(0.0015, "0.001")
    (Decimal('2.61814016'), None)
    """
    exact, size = Decimal(str(quantity)), Decimal(str(step))
    found = _plain((exact / size).to_integral_value(ROUND_HALF_EVEN) * size)
    return found if found and abs(found - exact) <= _NOISE * exact else None


def whole_steps(quantity: float, step: float | str | Decimal) -> Decimal:
    """Return the whole steps in a quantity.

    Parameters
    ----------
    quantity, step
        Units, and units of a step.

    Examples
    --------
    >>> whole_steps(0.49875, "0.1"), whole_steps(0.30000000000000004, "0.1")
    (Decimal('0.4'), Decimal('0.3'))
    """
    size = Decimal(str(step))
    below = _plain((Decimal(str(quantity)) / size).to_integral_value(ROUND_FLOOR) * size)
    return in_steps(quantity, step) or below


def _plain(value: Decimal) -> Decimal:
    """Without an exponent, and without zeros behind."""
    return value.normalize() + 0
