"""Compute expressions over the symbols of an asset class at each session."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from trading_assets.features.compiled.blocks import (
    Floats,
    blocks_of,
    bounds_of,
    columns_of,
    days_of,
    finite,
    in_threads,
    numbers,
)
from trading_assets.features.compiled.expression import Expression
from trading_assets.features.compiled.program import program_of, run


def over_sessions(rows: pl.DataFrame, expressions: Mapping[str, Expression]) -> dict[str, Floats]:
    """Compute expressions over groups of rows with the same asset class and session.

    Parameters
    ----------
    rows
        asset_class, session and the columns that the expressions name, in any order.
    expressions
        By name of the column.

    Returns
    -------
    dict of numpy.ndarray
        By name, (rows,), in the order of the rows; NaN where undefined.
    """
    found = dict(zip(expressions, columns_of(len(expressions), rows.height), strict=True))
    if not rows.height:
        return found
    days = days_of(rows["session"])
    runs = bounds_of(rows["asset_class"])
    classes = rows["asset_class"].gather(runs[:-1])
    number = {name: each for each, name in enumerate(classes.unique().sort())}
    of_row = np.repeat(np.array([number[name] for name in classes], dtype=np.int64), np.diff(runs))
    group = of_row * (days.max() - days.min() + 1) + (days - days.min())
    # NumPy counts small numbers instead of comparing them.
    order = np.argsort(group.astype(np.uint16) if group.max() < 2**16 else group, kind="stable")
    ordered = group[order]
    bounds = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [rows.height]])
    roots = {name for each in expressions.values() for name in each.root_names()}
    columns = {name: numbers(rows[name]) for name in roots}
    program = program_of(expressions)

    def compute(block: tuple[int, int]) -> None:
        own = order[bounds[block[0]] : bounds[block[1]]]

        def write(name: str, values: Floats) -> None:
            found[name][own] = finite(values)

        within = bounds[block[0] : block[1] + 1] - bounds[block[0]]
        run(program, {name: values[own] for name, values in columns.items()}, within, write)

    in_threads(compute, list(blocks_of(bounds)))
    return found
