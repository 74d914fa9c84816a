"""Audits of the features: their values are numbers, and none changes when the bars after it are taken away."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from trading_assets.config.sections import AssetClass
from trading_assets.features.alternative import Publications
from trading_assets.features.catalog import FEATURES
from trading_assets.features.daily import daily_features, with_sources
from trading_assets.features.feature import Feature
from trading_assets.features.indicators import indicators
from trading_assets.features.own import OwnFeature
from trading_assets.features.tables import DAILY
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.quoting import quote

CUTS = 6
#: Dates at which lookbacks are tried, the last one beside them.
LATE_CUTS = 3
#: Values that differ by less than this part of their column's standard deviation are the same but for rounding.
ROUNDING = 1e-6
#: So are values that differ by less than this part of the largest one: sums of floats are no more exact.
PRECISION = 1e-12
SYMBOLS = 8
_VIOLATIONS = {"cut": pl.Date, "column": pl.String, "rows": pl.Int64}
CHANGES = {
    "column": pl.String,
    "rows": pl.Int64,
    "symbol": pl.String,
    "session": pl.Date,
    "difference": pl.Float64,
}


class ColumnFaults(NamedTuple):
    """What is wrong with the columns of `features.daily`.

    Attributes
    ----------
    missing
        Features of the catalogue without a column.
    not_finite
        Column -> rows with NaN or infinity.
    retired
        Columns that the catalogue no longer has: not a fault, but models should not use them.
    """

    missing: list[str]
    not_finite: dict[str, int]
    retired: list[str]


def column_faults(warehouse: Warehouse, features: Sequence[Feature] = FEATURES) -> ColumnFaults:
    """Compare `features.daily`, in which the database counts, with the catalogue."""
    declared = [feature.column for feature in features]
    stored = warehouse.query(f"SELECT * FROM {DAILY.name} LIMIT 0").columns if warehouse.exists(DAILY.name) else []
    columns = [column for column in stored if column not in DAILY.columns]
    found: dict[str, int] = {}
    if columns:
        counts = ", ".join(f"count_if(NOT isfinite({quote(name)})) AS {quote(name)}" for name in columns)
        found = warehouse.query(f"SELECT {counts} FROM {DAILY.name}").row(0, named=True)
    return ColumnFaults(
        missing=[name for name in declared if name not in found],
        not_finite={name: count for name, count in found.items() if count},
        retired=[name for name in found if name not in declared],
    )


def audit_sample(
    bars: pl.DataFrame, benchmarks: Mapping[AssetClass, str], seed: int
) -> tuple[pl.DataFrame, tuple[dt.date, ...]]:
    """Choose some symbols, with every benchmark, and the dates to cut them at; the same for the same seed.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`.
    benchmarks
        Symbol of the benchmark by asset class.
    seed
        Symbols and dates are drawn by it.
    """
    symbols = bars["symbol"].unique().sort()
    return audit_sample_of(symbols, lambda chosen: bars.filter(pl.col("symbol").is_in(chosen)), benchmarks, seed)


def audit_sample_of(
    symbols: pl.Series,
    bars_of: Callable[[Sequence[str]], pl.DataFrame],
    benchmarks: Mapping[AssetClass, str],
    seed: int,
) -> tuple[pl.DataFrame, tuple[dt.date, ...]]:
    """Return `audit_sample` of bars of which only the sample is read.

    Parameters
    ----------
    symbols
        Those that have bars, in order.
    bars_of
        From symbols to their bars.
    benchmarks, seed
        As `audit_sample` takes them.
    """
    generator = np.random.default_rng(seed)
    chosen = generator.choice(symbols.to_numpy(), min(SYMBOLS, len(symbols)), replace=False)
    sample = bars_of([*chosen.tolist(), *benchmarks.values()])
    sessions = sample["session"].unique().sort()
    # Log-uniform: a value filled in from the future hides in the warm-up of the first sessions.
    cuts = np.unique((len(sessions) ** generator.random(CUTS)).astype(int)) - 1
    return sample, tuple(sessions[int(cut)] for cut in cuts)


def look_ahead(
    bars: pl.DataFrame,
    benchmarks: Mapping[AssetClass, str],
    cuts: Sequence[dt.date],
    features: Sequence[Feature] = FEATURES,
    *,
    universe: pl.DataFrame | None = None,
    publications: Publications | None = None,
) -> pl.DataFrame:
    """Find the columns whose values up to a date change, by as little as a bit, with the bars after it.

    Parameters
    ----------
    bars, benchmarks
        Rows of `market_data.bars` of a sample, see `audit_sample`, and the symbol of the benchmark by asset class.
    cuts
        Dates at which the bars are cut.
    features
        Features of `features.daily` that are computed.
    universe
        Rows of `market_data.universe`, as `daily_features` takes them.
    publications
        What was published; what was public after the close of a cut is taken away as well.

    Returns
    -------
    polars.DataFrame
        cut, column, rows: how many rows up to the cut differ; empty if nothing looks ahead. A `column` of
        ``*`` counts rows that exist only with, or only without, the later bars.
    """
    whole = _everything(bars, benchmarks, features, universe, publications)
    found = []
    for cut in cuts:
        then = None if publications is None else publications.until(cut)
        known = _everything(bars.filter(pl.col("session") <= cut), benchmarks, features, universe, then)
        differing = changes(whole.filter(pl.col("session") <= cut), known, ("symbol", "session"))
        found.append(differing.select(pl.lit(cut).alias("cut"), "column", "rows"))
    return pl.concat([pl.DataFrame(schema=_VIOLATIONS), *found])


def lookback_sample(bars: pl.DataFrame, seed: int) -> tuple[dt.date, ...]:
    """Choose dates late in a sample, where a value has history that it should not need; the same for the same seed."""
    sessions = bars["session"].unique().sort()
    generator = np.random.default_rng([seed, 1])
    late = np.unique((len(sessions) * (0.5 + generator.random(LATE_CUTS) / 2)).astype(int)).clip(0, len(sessions) - 1)
    return tuple(dict.fromkeys([*(sessions[int(cut)] for cut in late), sessions[-1]]))


def lookback_faults(
    bars: pl.DataFrame,
    benchmarks: Mapping[AssetClass, str],
    cuts: Sequence[dt.date],
    features: Sequence[Feature],
    *,
    universe: pl.DataFrame | None = None,
    publications: Publications | None = None,
) -> pl.DataFrame:
    """Find the features of a user's own whose value depends on more bars than they declare.

    At each cut a value is computed once from all bars up to it, and once from no more than the declared `lookback` bars
    before it. A recursive feature declares none, and is not tried.

    Parameters
    ----------
    bars, benchmarks
        Rows of `market_data.bars` of a sample, see `audit_sample`, and the symbol of the benchmark by asset class.
    cuts
        Dates at which values are computed both ways, see `lookback_sample`.
    features
        All features; those of a user's own with a `lookback` are tried.
    universe
        Rows of `market_data.universe`, as `daily_features` takes them.
    publications
        What was published, as `daily_features` takes it.

    Returns
    -------
    polars.DataFrame
        cut, column, rows: how many symbols have another value at the cut; empty if all lookbacks hold. Values are the
        same if they differ by less than a millionth of the column's standard deviation, over all symbols up to the cut:
        a rolling sum carries some of what has left its window. The unit of a feature does not matter.
    """
    by_lookback: dict[int, list[str]] = {}
    for feature in features:
        if isinstance(feature, OwnFeature) and feature.lookback is not None:
            by_lookback.setdefault(feature.lookback, []).append(feature.column)
    found = []
    for cut, (lookback, columns) in itertools.product(cuts, by_lookback.items()):
        known = bars.filter(pl.col("session") <= cut).sort("symbol", "session")
        needed, recent = with_sources(columns, features), known.group_by("symbol").tail(lookback + 1)
        whole, part = (
            daily_features(rows, benchmarks, needed, universe=universe, publications=publications)
            for rows in (known, recent)
        )
        at_cut = [frame.filter(session=cut).sort("symbol") for frame in (whole, part)]
        for column in columns:
            tolerance = _tolerance(whole[column])
            pairs = zip(*(frame[column] for frame in at_cut), strict=True)
            rows = sum(not _are_close(one, other, tolerance) for one, other in pairs)
            found += [(cut, column, rows)] if rows else []
    return pl.DataFrame(found, schema=_VIOLATIONS, orient="row")


def _tolerance(values: pl.Series) -> float:
    """How much two values of a column may differ: part of its spread, or what a float of its size cannot tell."""
    spread, largest = values.std(), values.abs().max()
    sizes = [each if isinstance(each, float) and math.isfinite(each) else 0.0 for each in (spread, largest)]
    return max(ROUNDING * sizes[0], PRECISION * sizes[1])


def _are_close(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= tolerance


def changes(whole: pl.DataFrame, known: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Return the columns in which two frames differ, by as little as a bit; NaN is NaN and null is null.

    Parameters
    ----------
    key
        Columns that identify a row.

    Returns
    -------
    polars.DataFrame
        column, rows (how many differ), symbol and session of the first of them (null where the frames have no such
        columns), difference (the largest, of numbers). A column of ``*`` is about rows that only one of them has.
    """
    if whole.equals(known):
        return pl.DataFrame(schema=CHANGES)
    values = [name for name in whole.columns if name not in key]
    both = whole.with_columns(_whole=True).join(
        known.with_columns(_known=True), on=list(key), how="full", suffix="_then", coalesce=True, nulls_equal=True
    )
    both = both.sort(sorted(key, key=lambda name: name != "session"))
    alone = pl.col("_whole").is_null() | pl.col("_known").is_null()
    differs = {"*": alone} | {name: ~alone & pl.col(name).ne_missing(pl.col(f"{name}_then")) for name in values}
    lines = []
    for name, differing in differs.items():
        rows = both.filter(differing)
        if rows.is_empty():
            continue
        first = rows.row(0, named=True)
        size = None
        if name != "*" and whole.schema[name].is_numeric():
            size = rows.select((pl.col(name) - pl.col(f"{name}_then")).abs().max()).item()
        lines.append((name, rows.height, first.get("symbol"), first.get("session"), size))
    return pl.DataFrame(lines, schema=CHANGES, orient="row")


def _everything(
    bars: pl.DataFrame,
    benchmarks: Mapping[AssetClass, str],
    features: Sequence[Feature],
    universe: pl.DataFrame | None,
    publications: Publications | None,
) -> pl.DataFrame:
    """Features and indicators of every symbol, by symbol and session."""
    rows = daily_features(bars, benchmarks, features, universe=universe, publications=publications)
    return rows.join(indicators(bars), on=["symbol", "session"], how="left", maintain_order="left")
