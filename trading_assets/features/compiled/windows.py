"""Rolling windows over the rows of symbols that stand one behind the other; NaN where a window is not full.

A price of a million that has left a window leaves nothing behind. Sums are compensated (Kahan); moments are those of
two halves, to which values are only added, and which are combined (Schubert and Gertz, SSDBM 2018, table 1; Pebay,
Terriberry, Kolla and Bennett, Computational Statistics 31, 2016, equation 3.27). The order of operations is that of
Polars, the oracle of the tests to the bit.
"""

from __future__ import annotations

import numpy as np

from trading_assets.features.compiled.blocks import Floats, Integers
from trading_assets.features.compiled.kernel import kernel, operation

EPSILON = float(np.finfo(np.float64).eps)


@kernel
def rolling_sum(out: Floats, bounds: Integers, values: Floats, window: int) -> None:
    """Write the sum of the last `window` values of a symbol."""
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        total = lost_adding = lost_leaving = 0.0
        undefined = 0
        for row in range(first, last):
            if row >= first + window:
                leaving = values[row - window]
                if np.isfinite(leaving):
                    change = -leaving - lost_leaving
                    sum_ = total + change
                    lost_leaving = (sum_ - total) - change
                    total = sum_
                else:
                    undefined -= 1
            value = values[row]
            if np.isfinite(value):
                change = value - lost_adding
                sum_ = total + change
                lost_adding = (sum_ - total) - change
                total = sum_
            else:
                undefined += 1
            out[row] = total if undefined == 0 and row >= first + window - 1 else np.nan


@kernel
def rolling_var(out: Floats, bounds: Integers, values: Floats, window: int) -> None:
    """Write the sample variance of the last `window` values of a symbol."""
    means, squares = np.empty(window), np.empty(window)  # of the values from a row to the end of the older half
    counts = np.empty(window)
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        younger = first  # the first row of the younger half
        older = first  # the first row that `means` begins with
        count = mean = square = 0.0
        undefined = 0
        for row in range(first, last):
            if row >= first + window:
                leaving = row - window
                if not np.isfinite(values[leaving]):
                    undefined -= 1
                elif leaving >= younger:  # nothing is left of the older half: the younger one becomes it
                    count = mean = square = 0.0
                    for each in range(row - 1, leaving - 1, -1):
                        value = values[each]
                        if np.isfinite(value):
                            count += 1.0
                            change = value - mean
                            mean += change / count
                            square += (value - mean) * change
                        counts[each - leaving], means[each - leaving], squares[each - leaving] = count, mean, square
                    older, younger = leaving, row
                    count = mean = square = 0.0
            value = values[row]
            if np.isfinite(value):
                count += 1.0
                change = value - mean
                mean += change / count
                square += (value - mean) * change
            else:
                undefined += 1
            if undefined > 0 or row < first + window - 1:
                out[row] = np.nan
                continue
            total, start = square, row - window + 1
            if start < younger:
                number, at = counts[start - older], start - older
                both = count + number
                change = means[at] - mean
                joint = mean + change * (number / both)
                total = square + (squares[at] + number * (means[at] - joint) * change)
            out[row] = max(total / (window - 1.0), 0.0)


@kernel
def rolling_shape(out: Floats, bounds: Integers, values: Floats, window: int, kurtosis: bool) -> None:
    """Write the skewness, or the kurtosis, of the last `window` values of a symbol: population moments, raw."""
    older_states = np.empty((window, 5))  # count, mean and moments 2 to 4, as in `rolling_var`
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        younger = older = first
        count = mean = m2 = m3 = m4 = 0.0
        undefined = 0
        for row in range(first, last):
            if row >= first + window:
                leaving = row - window
                if not np.isfinite(values[leaving]):
                    undefined -= 1
                elif leaving >= younger:
                    count = mean = m2 = m3 = m4 = 0.0
                    for each in range(row - 1, leaving - 1, -1):
                        if np.isfinite(values[each]):
                            count, mean, m2, m3, m4 = _with_value(count, mean, m2, m3, m4, values[each])
                        state = older_states[each - leaving]
                        state[0], state[1], state[2], state[3], state[4] = count, mean, m2, m3, m4
                    older, younger = leaving, row
                    count = mean = m2 = m3 = m4 = 0.0
            if np.isfinite(values[row]):
                count, mean, m2, m3, m4 = _with_value(count, mean, m2, m3, m4, values[row])
            else:
                undefined += 1
            if undefined > 0 or row < first + window - 1:
                out[row] = np.nan
                continue
            weight, centre, two, three, four = count, mean, m2, m3, m4
            start = row - window + 1
            if start < younger:
                n, c, s2, s3, s4 = older_states[start - older]
                weight = count + n
                apart = c - mean
                part = apart / weight
                centre = mean + n * part
                less = count - n
                n_two, count_two = count * s2, n * m2
                gain = n * (c - centre) * apart
                two = m2 + s2 + gain
                three = m3 + s3 + part * (gain * less + 3.0 * (n_two - count_two))
                inner = part * (gain * (count * less + n * n) + 6.0 * (count * n_two + n * count_two))
                four = m4 + s4 + part * (inner + 4.0 * (count * s3 - n * m3))
            spread = two / weight
            if spread <= (EPSILON * centre) * (EPSILON * centre):
                out[row] = np.nan
            elif kurtosis:
                out[row] = (four / weight) / (spread * spread)
            else:
                out[row] = (three / weight) / spread**1.5


@kernel
def _with_value(
    count: float, mean: float, m2: float, m3: float, m4: float, value: float
) -> tuple[float, float, float, float, float]:
    number = count + 1.0
    apart = value - mean
    part = apart / number
    centre = mean + part
    less = count - 1.0
    gain = (value - centre) * apart
    inner = part * (gain * (count * less + 1.0) + 6.0 * m2)
    return (
        number,
        centre,
        m2 + gain,
        m3 + part * (gain * less - 3.0 * m2),
        m4 + part * (inner - 4.0 * m3),
    )


@operation
def rolling_max(out: Floats, bounds: Integers, values: Floats, window: int) -> None:
    """Write the largest of the last `window` values of a symbol."""
    _doubled(np.maximum, out, bounds, values, window)


@operation
def rolling_min(out: Floats, bounds: Integers, values: Floats, window: int) -> None:
    """Write the smallest of the last `window` values of a symbol."""
    _doubled(np.minimum, out, bounds, values, window)


def _doubled(larger: np.ufunc, out: Floats, bounds: Integers, values: Floats, window: int) -> None:
    """The extreme of 2, 4, 8 ... values, each from two of half as many; the last two overlap."""
    width, source, other = 1, values, np.empty_like(out)
    while 2 * width <= window:
        larger(source[width:], source[:-width], out=other[width:])
        other[:width] = source[:width]
        source, other = other, np.empty_like(out) if source is values else source
        width *= 2
    ahead = window - width
    if ahead:
        larger(source[ahead:], source[:-ahead], out=out[ahead:])
    else:
        out[:] = source
    blank(out, bounds, window - 1)


@kernel
def blank(out: Floats, bounds: Integers, rows: int) -> None:
    """Write NaN into the first rows of each symbol."""
    for symbol in range(bounds.size - 1):
        out[bounds[symbol] : min(bounds[symbol] + rows, bounds[symbol + 1])] = np.nan


@operation
def shift(out: Floats, bounds: Integers, values: Floats, rows: int) -> None:
    """Write the value of so many rows before."""
    out[rows:] = values[: max(out.size - rows, 0)]
    blank(out, bounds, rows)
