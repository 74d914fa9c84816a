"""Operations on a group of rows that stand together, such as the symbols of one session.

Only ranks, counts and medians, and sums of whole numbers: they do not depend on the order of the rows.
"""

from __future__ import annotations

import itertools

import numpy as np

from trading_assets.features.compiled.blocks import Floats, Integers
from trading_assets.features.compiled.kernel import kernel, operation


@operation
def order(out: Floats, bounds: Integers, values: Floats) -> None:
    """Write the rows of each group with a defined value in the order of their values, then NaN."""
    rows = np.empty(values.size, dtype=np.int64)
    for first, last in itertools.pairwise(bounds.tolist()):
        rows[first:last] = np.argsort(values[first:last])  # NumPy sorts with vectors, and NaN to the end
        rows[first:last] += first
    np.copyto(out, rows)
    np.copyto(out, np.nan, where=np.isnan(values[rows]))


@kernel
def rank(out: Floats, bounds: Integers, ordered: Floats, values: Floats) -> None:
    """Write the ranks within each group, 1 for the smallest; equal values share their mean rank."""
    for group in range(bounds.size - 1):
        first, last = bounds[group], bounds[group + 1]
        out[first:last] = np.nan
        start = first
        while start < last and not np.isnan(ordered[start]):
            value = values[int(ordered[start])]
            end = start + 1
            while end < last and not np.isnan(ordered[end]) and values[int(ordered[end])] == value:
                end += 1
            for place in range(start, end):
                out[int(ordered[place])] = (start - first + 1 + end - first) / 2.0
            start = end


@kernel
def median(out: Floats, bounds: Integers, ordered: Floats, values: Floats) -> None:
    """Write the median of each group to all of its rows."""
    for group in range(bounds.size - 1):
        first, last = bounds[group], bounds[group + 1]
        size = 0
        while first + size < last and not np.isnan(ordered[first + size]):
            size += 1
        middle = np.nan
        if size > 0:
            low = values[int(ordered[first + (size - 1) // 2])]
            high = values[int(ordered[first + size // 2])]
            middle = low if size % 2 else (low + high) / 2.0
        out[first:last] = middle


@kernel
def count(out: Floats, bounds: Integers, values: Floats) -> None:
    """Write how many values of each group are defined to all of its rows."""
    for group in range(bounds.size - 1):
        number = 0
        for row in range(bounds[group], bounds[group + 1]):
            if not np.isnan(values[row]):
                number += 1
        for row in range(bounds[group], bounds[group + 1]):
            out[row] = number


@kernel
def total(out: Floats, bounds: Integers, values: Floats) -> None:
    """Write the sum of the defined values of each group to all of its rows."""
    for group in range(bounds.size - 1):
        sum_ = 0.0
        for row in range(bounds[group], bounds[group + 1]):
            if not np.isnan(values[row]):
                sum_ += values[row]
        for row in range(bounds[group], bounds[group + 1]):
            out[row] = sum_
