"""Rows of symbols that stand one behind the other, some symbols at a time, and columns made of what is computed."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Rows that are computed together: the arrays of a program stay in the cache of a processor.
ROWS_AT_A_TIME = 16_384
Block = TypeVar("Block")


def bounds_of(names: pl.Series) -> Integers:
    """Return the first row of each run of equal names, and the number of rows."""
    lengths = names.rle().struct.field("len").to_numpy()
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def blocks_of(bounds: Integers, rows: int = ROWS_AT_A_TIME) -> Iterator[tuple[int, int]]:
    """Split groups of rows into blocks: the first group of each, and the one behind its last.

    Parameters
    ----------
    bounds
        First row of each group, and the number of rows.
    rows
        A block ends with the group that reaches so many; a larger group is a block of its own.
    """
    start = 0
    for group in range(1, bounds.size):
        if bounds[group] - bounds[start] >= rows or group == bounds.size - 1:
            yield start, group
            start = group


def in_threads(compute: Callable[[Block], None], blocks: Sequence[Block]) -> None:
    """Compute blocks in as many threads as Polars has; each writes rows of its own, so their number changes nothing."""
    threads = min(pl.thread_pool_size(), len(blocks))
    if threads <= 1:
        for block in blocks:
            compute(block)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(compute, blocks):
            pass


def columns_of(number: int, rows: int) -> Floats:
    """Return so many columns of memory, (number, rows).

    Pages that come at once cost a third of pages that are touched one by one.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)
    memory = mmap.mmap(-1, max(number * rows, 1) * 8, flags=flags)
    return np.frombuffer(memory, dtype=np.float64, count=number * rows).reshape(number, rows)


def finite(values: Floats) -> Floats:
    """Return values with NaN in the place of infinity: they themselves where there is none."""
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values


def days_of(sessions: pl.Series) -> Integers:
    """Return the days since 1970-01-01 of a column of dates."""
    days: Integers = sessions.to_physical().cast(pl.Int64).fill_null(0).rechunk().to_numpy()
    return days


def numbers(column: pl.Series) -> Floats:
    """Return the values of a column, NaN where it is null."""
    values: Floats = column.cast(pl.Float64).rechunk().to_numpy()
    return values


def defined(name: str, values: Floats) -> pl.Series:
    """Return a column of an array, without copying it: null where it is NaN."""
    known = np.isfinite(values)
    validity: Any = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    array = pa.Array.from_buffers(pa.float64(), values.size, [validity, pa.py_buffer(values)])
    return pl.Series(name, pl.from_arrow(array))
