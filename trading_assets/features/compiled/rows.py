"""Operations on each row alone that NumPy does not have as they are wanted: what is undefined stays undefined."""

from __future__ import annotations

import math

import numpy as np

from trading_assets.features.compiled.blocks import Floats, Integers
from trading_assets.features.compiled.kernel import kernel, operation

Values = Floats | float


@kernel
def logarithm(out: Floats, bounds: Integers, values: Floats) -> None:
    """Write the natural logarithms: of the C library, which is the same on every processor, as NumPy's is not."""
    for row in range(values.size):
        out[row] = math.log(values[row])


@kernel
def hyperbolic_tangent(out: Floats, bounds: Integers, values: Floats) -> None:
    """Write the hyperbolic tangents, of the C library as well."""
    for row in range(values.size):
        out[row] = math.tanh(values[row])


@operation
def greater(out: Floats, _bounds: Integers, one: Floats, other: Values) -> None:
    """Write 1 where the first is larger, else 0."""
    np.copyto(out, np.greater(one, other))
    _undefined(out, one, other)


@operation
def less(out: Floats, _bounds: Integers, one: Floats, other: Values) -> None:
    """Write 1 where the first is smaller, else 0."""
    np.copyto(out, np.less(one, other))
    _undefined(out, one, other)


@operation
def equal(out: Floats, _bounds: Integers, one: Floats, other: Values) -> None:
    """Write 1 where the two are equal, else 0."""
    np.copyto(out, np.equal(one, other))
    _undefined(out, one, other)


def _undefined(out: Floats, *of: Values) -> None:
    for values in of:
        if isinstance(values, np.ndarray):
            np.copyto(out, np.nan, where=np.isnan(values))


@operation
def where(out: Floats, _bounds: Integers, condition: Floats, values: Floats, otherwise: float) -> None:
    """Write the values where the condition is 1, and `otherwise` elsewhere."""
    holds = np.equal(condition, 1.0)
    out.fill(otherwise)
    np.copyto(out, values, where=holds)


@operation
def defined_with(out: Floats, _bounds: Integers, values: Floats, others: Floats) -> None:
    """Write the values where others are defined as well."""
    np.copyto(out, values)
    np.copyto(out, np.nan, where=np.isnan(others))


@operation
def clip(out: Floats, _bounds: Integers, values: Floats, lower: float | None, upper: float | None) -> None:
    """Write the nearest values within the bounds."""
    np.copyto(out, values)
    if lower is not None:
        np.copyto(out, lower, where=values < lower)
    if upper is not None:
        np.copyto(out, upper, where=values > upper)


@kernel
def weekday(out: Floats, bounds: Integers, days: Floats) -> None:
    """Write the day of the week of days since 1970-01-01, a Thursday; 1 on Monday."""
    for row in range(days.size):
        out[row] = (int(days[row]) + 3) % 7 + 1


@kernel
def month(out: Floats, bounds: Integers, days: Floats) -> None:
    """Write the month of days since 1970-01-01: years begin in March, and 400 of them have 146,097 days."""
    for row in range(days.size):
        day = (int(days[row]) + 719_468) % 146_097
        year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
        of_year = day - (365 * year + year // 4 - year // 100)
        shifted = (5 * of_year + 2) // 153
        out[row] = shifted + 3 if shifted < 10 else shifted - 9


@kernel
def look_up(out: Floats, bounds: Integers, places: Floats, values: tuple[float, ...]) -> None:
    """Write the value at each place, the first at 1."""
    for row in range(places.size):
        out[row] = values[int(places[row]) - 1]
