"""Features under another future: those that a strategy names for every symbol, the rest for some symbols at each cut.

An expression of the house is evaluated within one symbol, week or row at a time, so that what it reads ahead it reads
of every symbol alike. Where a model reads all columns it is enough to try them on `SYMBOLS` symbols or more at a cut,
others at the next one, in turn; where nothing differs, the rows of the whole run are those of all symbols.
Columns of a cross-section, those behind them and those that the strategy or a member names are tried on every symbol at
every cut. So is everything as soon as something differs, where a user's own code computes any of it, and in a small
market.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

import polars as pl

from trading_assets.features.daily import with_sources
from trading_assets.features.feature import Feature
from trading_assets.features.own import OwnFeature

#: Symbols on which a column is tried at a cut, at least.
SYMBOLS = 64

#: Features of some bars, see `daily_features`.
Compute = Callable[[pl.DataFrame, Sequence[Feature]], pl.DataFrame]


@dataclass(frozen=True)
class KnownFeatures:
    """Features of the whole run, and where it is cut.

    Attributes
    ----------
    rows
        Rows by symbol and session, those after the cut among them: they are left out here, and not copied before.
    cut
        Last session that is known.
    turn, turns
        Number of the cut, 0 for the first, and how many there are: they decide which symbols are tried.
    """

    rows: pl.DataFrame
    cut: dt.date
    turn: int
    turns: int


@dataclass(frozen=True)
class FeaturesAgain:
    """Features under another future.

    Attributes
    ----------
    named
        Rows up to the cut and after it, with at least the columns that a strategy names.
    of_model
        Rows up to the cut, and perhaps after it, with all columns; in single precision, which is what a model takes,
        where they were compared already.
    verified
        Whether those up to the cut were compared with the whole run's, and are the same.
    """

    named: pl.DataFrame
    of_model: pl.DataFrame
    verified: bool

    @classmethod
    def of(cls, rows: pl.DataFrame) -> FeaturesAgain:
        """Everything is computed, and compared by nobody yet."""
        return cls(rows, rows, verified=False)


def features_again(
    compute: Compute,
    bars: pl.DataFrame,
    features: Sequence[Feature],
    named: Set[str],
    benchmarks: Set[str],
    known: KnownFeatures,
) -> FeaturesAgain:
    """Compute features under another future.

    Parameters
    ----------
    compute
        Computes some features of some bars.
    bars
        Those up to the cut, and another future.
    features
        All that are asked for.
    named
        Columns that the strategy or a member names.
    benchmarks
        Symbols that the features of others depend on.
    known
        Those of the whole run.

    Returns
    -------
    FeaturesAgain
    """
    shared = with_sources({*named, *(each.column for each in features if each.scope == "session")}, features)
    symbols = bars["symbol"].unique().sort()
    parts = min(symbols.len() // SYMBOLS, known.turns)
    if parts < 2 or len(shared) == len(features) or any(isinstance(each, OwnFeature) for each in features):
        return FeaturesAgain.of(compute(bars, features))
    of_all = compute(bars, shared)
    tried = symbols.gather_every(parts, known.turn % parts)
    with_benchmarks = bars.filter(pl.col("symbol").is_in([*tried, *benchmarks]))
    of_tried = compute(with_benchmarks, [each for each in features if each.scope != "session"])
    of_tried = of_tried.filter(pl.col("symbol").is_in(tried.implode()))
    until = pl.col("session") <= known.cut
    is_tried = until & pl.col("symbol").is_in(tried.implode())
    if not _same(of_all.filter(until), known.rows, until) or not _same(of_tried.filter(until), known.rows, is_tried):
        return FeaturesAgain.of(compute(bars, features))
    single = (
        (pl.col(name).cast(pl.Float32) if dtype == pl.Float64 else pl.col(name)).filter(until)
        for name, dtype in known.rows.schema.items()
    )
    return FeaturesAgain(of_all, known.rows.select(single), verified=True)


def _same(rows: pl.DataFrame, whole: pl.DataFrame, kept: pl.Expr) -> bool:
    if not set(rows.columns) <= set(whole.columns):
        return False
    named = [*dict.fromkeys(["symbol", "session", *rows.columns])]
    return rows.equals(whole.select(named).filter(kept).select(rows.columns))
