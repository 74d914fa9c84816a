"""Indicators whose averages carry all earlier bars on, as TA-Lib computes them; NaN in the warm-up.

Each is one pass over the bars of a symbol. The order of operations is that of TA-Lib, the oracle of the tests to the
bit: where TA-Lib multiplies and adds at once on a processor that can, these do on every one. Sources: Wilder, New
Concepts in Technical Trading Systems (1978); Appel, The Moving Average Convergence Divergence Method (1979); Lambert,
Commodities (1980); Chande (1995).
"""

from __future__ import annotations

import numpy as np

from trading_assets.features.compiled.blocks import Floats, Integers
from trading_assets.features.compiled.kernel import fma, kernel

#: A smaller share of what it is compared with is zero to TA-Lib.
ZERO = 1e-14
#: Sums of a regression are built anew after so many windows, and where a value that leaves exceeds what stays so often.
ANEW, LARGE = 32, 100.0


@kernel
def ema(out: Floats, bounds: Integers, values: Floats, window: int) -> None:
    """Write the exponential mean; the first is the mean of the first `window` values."""
    for symbol in range(bounds.size - 1):
        _ema(out, values, bounds[symbol], bounds[symbol], bounds[symbol + 1], window)


@kernel
def _ema(out: Floats, values: Floats, rows: int, first: int, last: int, window: int) -> None:
    """Write the mean from the `window`-th value from `first` on, NaN from `rows` until there."""
    start = first + window - 1
    out[rows : min(start, last)] = np.nan
    if start >= last:
        return
    total = 0.0
    for row in range(first, start + 1):
        total += values[row]
    mean, weight = total / window, 2.0 / (window + 1)
    out[start] = mean
    for row in range(start + 1, last):
        mean = fma(values[row] - mean, weight, mean)
        out[row] = mean


@kernel
def macd_histogram(out: Floats, bounds: Integers, values: Floats, fast: int, slow: int, signal: int) -> None:
    """Write the distance of two exponential means, less its own exponential mean of `signal` sessions."""
    quick, gap = np.empty(out.size), np.empty(out.size)
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        _ema(gap, values, first, first, last, slow)
        _ema(quick, values, first, first + slow - fast, last, fast)  # both begin at the same bar
        for row in range(first, last):
            gap[row] = quick[row] - gap[row]
        _ema(out, gap, first, first + slow - 1, last, signal)
        for row in range(first, last):
            out[row] = gap[row] - out[row]


@kernel
def trix(out: Floats, bounds: Integers, values: Floats, window: int) -> None:
    """Write the one-session change of the triple exponential mean, in percent: the three means in one pass."""
    weight = 2.0 / (window + 1)
    for symbol in range(bounds.size - 1):
        first = bounds[symbol]
        one = two = three = total = total_of_one = total_of_two = 0.0
        for row in range(first, bounds[symbol + 1]):
            out[row] = np.nan
            number = row - first
            if number < window:
                total += values[row]
                one = total / window
            else:
                one = fma(values[row] - one, weight, one)
            number -= window - 1
            if number < 0:
                continue
            if number < window:
                total_of_one += one
                two = total_of_one / window
            else:
                two = fma(one - two, weight, two)
            number -= window - 1
            if number < 0:
                continue
            before = three
            if number < window:
                total_of_two += two
                three = total_of_two / window
            else:
                three = fma(two - three, weight, three)
            if number >= window:
                out[row] = ((three / before) - 1.0) * 100.0 if before != 0.0 else 0.0


@kernel
def rsi(out: Floats, bounds: Integers, values: Floats, window: int) -> None:
    """Write Wilder's relative strength index, 0 to 100."""
    part = 1.0 / window
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        out[first : min(first + window, last)] = np.nan
        gain = loss = 0.0
        for row in range(first + 1, last):
            change = values[row] - values[row - 1]
            up = change if change > 0.0 else 0.0
            if row > first + window:
                gain *= window - 1
                loss *= window - 1
            gain += up
            loss += up - change
            if row >= first + window:
                gain *= part
                loss *= part
                total = gain + loss
                out[row] = 0.0 if total <= 0.0 else 100.0 * (gain / total)


@kernel
def _true_range(high: float, low: float, before: float) -> float:
    wide, up, down = high - low, abs(before - high), abs(before - low)
    if up > wide:
        wide = up
    return down if down > wide else wide


@kernel
def atr(out: Floats, bounds: Integers, high: Floats, low: Floats, close: Floats, window: int) -> None:
    """Write Wilder's average true range; the first is the mean of the first `window` true ranges."""
    older = (window - 1.0) / window
    younger = 1.0 - older
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        out[first : min(first + window, last)] = np.nan
        mean = 0.0
        for row in range(first + 1, last):
            wide = _true_range(high[row], low[row], close[row - 1])
            if row > first + window:
                mean = fma(older, mean, younger * wide)
                out[row] = mean
            else:
                mean += wide
                if row == first + window:
                    mean /= window
                    out[row] = mean


@kernel
def _moves(high: Floats, low: Floats, row: int) -> tuple[float, float]:
    """Wilder's directional movement, up and down: at most one is not zero."""
    up, down = high[row] - high[row - 1], low[row - 1] - low[row]
    if down > 0 and up < down:
        return 0.0, down
    return (up, 0.0) if up > 0 and up > down else (0.0, 0.0)


@kernel
def directional_balance(out: Floats, bounds: Integers, high: Floats, low: Floats, close: Floats, window: int) -> None:
    """Write Wilder's plus less minus directional indicator, -100 to 100."""
    _directional(out, bounds, high, low, close, window, False)


@kernel
def adx(out: Floats, bounds: Integers, high: Floats, low: Floats, close: Floats, window: int) -> None:
    """Write Wilder's average directional index, 0 to 100."""
    _directional(out, bounds, high, low, close, window, True)


@kernel
def _directional(
    out: Floats, bounds: Integers, high: Floats, low: Floats, close: Floats, window: int, averaged: bool
) -> None:
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        out[first : min(first + (2 * window - 1 if averaged else window), last)] = np.nan
        plus = minus = wide = total = mean = 0.0
        for row in range(first + 1, last):
            up, down = _moves(high, low, row)
            true_range = _true_range(high[row], low[row], close[row - 1])
            if row < first + window:
                plus += up
                minus += down
                wide += true_range
                continue
            plus = plus - plus / window + up
            minus = minus - minus / window + down
            wide = wide - wide / window + true_range
            if wide <= 0.0:
                plus_share = minus_share = 0.0
            else:
                plus_share, minus_share = 100.0 * (plus / wide), 100.0 * (minus / wide)
            if not averaged:
                out[row] = plus_share - minus_share
                continue
            both = plus_share + minus_share
            known = not -ZERO < both < ZERO
            strength = 100.0 * (abs(minus_share - plus_share) / both) if known else 0.0
            if row < first + 2 * window:
                total += strength
                if row == first + 2 * window - 1:
                    mean = total / window
            elif known:
                mean = (mean * (window - 1) + strength) / window
            if row >= first + 2 * window - 1:
                out[row] = mean


@kernel
def aroon_oscillator(out: Floats, bounds: Integers, high: Floats, low: Floats, window: int) -> None:
    """Write how much more recent the high of `window` sessions and one is than the low, -100 to 100."""
    factor = 100.0 / window
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        out[first : min(first + window, last)] = np.nan
        highest = lowest = first
        for row in range(first, last):
            start = max(row - window, first)
            if lowest < start:
                lowest = start
                for each in range(start + 1, row + 1):
                    if low[each] <= low[lowest]:
                        lowest = each
            elif low[row] <= low[lowest]:
                lowest = row
            if highest < start:
                highest = start
                for each in range(start + 1, row + 1):
                    if high[each] >= high[highest]:
                        highest = each
            elif high[row] >= high[highest]:
                highest = row
            if row >= first + window:
                out[row] = factor * (highest - lowest)


@kernel
def cci(out: Floats, bounds: Integers, high: Floats, low: Floats, close: Floats, window: int) -> None:
    """Write Lambert's commodity channel index.

    TA-Lib adds the values of a window in the order of a ring that holds them: first those since the ring began anew,
    then the rest of the turn before. All bars of a turn are computed side by side.
    """
    turn, before = np.empty(window), np.empty(window)
    mean, deviation = np.empty(window), np.empty(window)
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        out[first : min(first + window - 1, last)] = np.nan
        for start in range(first, last, window):
            size = min(window, last - start)
            for bar in range(size):
                turn[bar] = (high[start + bar] + low[start + bar] + close[start + bar]) / 3.0
            if start == first:
                if size < window:
                    continue
                before[:] = turn
            mean[:] = 0.0
            deviation[:] = 0.0
            for place in range(window):
                for bar in range(size):
                    mean[bar] += turn[place] if place <= bar else before[place]
            for bar in range(size):
                mean[bar] /= window
            for place in range(window):
                for bar in range(size):
                    deviation[bar] += abs((turn[place] if place <= bar else before[place]) - mean[bar])
            for bar in range(window - 1 if start == first else 0, size):
                spread, above, none = deviation[bar] / window, turn[bar] - mean[bar], ZERO * abs(mean[bar])
                flat = abs(above) < none or spread < none or spread == 0.0
                out[start + bar] = 0.0 if flat else above / (0.015 * spread)
            before[:] = turn


@kernel
def linear_slope(out: Floats, bounds: Integers, values: Floats, window: int) -> None:
    """Write the least-squares slope of the last `window` values on their numbers.

    Running sums, built anew every so often and when a value leaves that is large beside those that stay.
    """
    of_numbers = window * (window - 1) * 0.5
    divisor = of_numbers * of_numbers - window * (window * (window - 1.0) * (2 * window - 1) / 6.0)
    for symbol in range(bounds.size - 1):
        first, last = bounds[symbol], bounds[symbol + 1]
        out[first : min(first + window - 1, last)] = np.nan
        products = total = size = 0.0
        left = 0
        for row in range(first + window - 1, last):
            left -= 1
            anew = left <= 0
            if not anew:
                leaving, value = values[row - window], values[row]
                size = size - abs(leaving) + abs(value)
                anew = abs(window * leaving) > size * LARGE
                if not anew:
                    products = products + total - window * leaving
                    total = total - leaving + value
            if anew:
                products = total = size = 0.0
                for back in range(window - 1, -1, -1):
                    value = values[row - back]
                    total += value
                    products += back * value
                    size += abs(value)
                left = ANEW * window
            out[row] = (window * products - of_numbers * total) / divisor
