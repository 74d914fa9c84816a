"""Bars in the order that indicators and features are computed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

EXTREME_MOVE = "extreme_move"


def in_order(bars: pl.DataFrame) -> pl.DataFrame:
    """Sort by symbol and session; a missing volume counts as none.

    A null inside a series would void all that TA-Lib computes after it.
    """
    return bars.sort("symbol", "session").with_columns(pl.col("dollar_volume").fill_null(0.0))


def usable_for_signals() -> pl.Expr:
    """False for a bar whose move no later bar has confirmed yet at its own close."""
    return ~pl.col("flags").list.contains(EXTREME_MOVE).fill_null(False)


def with_defined(rows: pl.DataFrame, columns: Mapping[str, pl.Expr], over: Sequence[str]) -> pl.DataFrame:
    """Add columns computed within groups; NaN and infinity become null."""
    computed = rows.with_columns(**{name: values.over(over) for name, values in columns.items()})
    return computed.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in columns)
