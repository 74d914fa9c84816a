"""Rows of one split, written beside those of the others: what the assets of the stage share.

Whoever writes one part of a strategy's rows puts it beside the other part as it stands and replaces both in one
transaction, so the assets can run again in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.tables import DEVELOPMENT, FULL, RUN_TABLES
from trading_assets.robustness.tables import (
    BANDS,
    BREAKDOWN,
    HOLDOUT,
    HOLDOUT_RESULTS,
    RESAMPLING,
    STRESS,
    STRESS_EQUITY,
)
from trading_assets.strategies.evaluation.failure import status_row, strategy_of
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows, Table

STAGE = "robustness"

#: Tables that hold rows of the holdout once it was looked at.
HOLDOUT_TABLES = (*RUN_TABLES, STRESS, STRESS_EQUITY, BREAKDOWN, RESAMPLING, BANDS)

#: Splits of `backtests.*` that the holdout asset writes.
EVALUATED_SPLITS = (HOLDOUT, FULL)


def write(step: Step, asset: str, tables: Mapping[Table, pl.DataFrame]) -> None:
    """Replace the strategy's rows, and note that the asset came to its end.

    Parameters
    ----------
    asset
        Name of the asset without its stage and strategy.
    tables
        All rows of the strategy in each table.
    """
    name, own = strategy_of(step), f"{STAGE}/{asset}"
    status = {STATUS: status_row(own, name)}
    step.work.replace_together([(Rows("strategy", name), tables), (Rows("asset", f"{own}/{name}"), status)])


def beside_other_splits(
    step: Step, new: Mapping[Table, pl.DataFrame], splits: tuple[str, ...]
) -> dict[Table, pl.DataFrame]:
    """Return the strategy's rows as they stand, those of `splits` replaced.

    Parameters
    ----------
    new
        Rows by table that take the place of those of `splits`.
    splits
        Names of the spans that `new` has rows of.
    """
    rows = Rows("strategy", strategy_of(step))
    with step.work.held_open() as held:
        return {table: put(held.read_or_empty(table, rows=rows), splits, frame) for table, frame in new.items()}


def put(existing: pl.DataFrame, splits: Sequence[str], new: pl.DataFrame) -> pl.DataFrame:
    """Return the strategy's rows with those of `splits` replaced by `new`.

    Parameters
    ----------
    existing, new
        Rows of one strategy in one table, as they stand and as they are to be for `splits`.
    splits
        Names of the spans whose rows are replaced.
    """
    others = existing.filter(~pl.col("split").is_in(list(splits)))
    return pl.concat([others, new.select(existing.columns)], how="vertical_relaxed")


def remove_development(step: Step, tables: Sequence[Table]) -> None:
    """Remove the strategy's rows on train + validation from tables that the holdout shares."""
    kept = beside_other_splits(step, {table: table.empty() for table in tables}, (DEVELOPMENT,))
    step.work.replace(Rows("strategy", strategy_of(step)), kept)


def remove_holdout(step: Step) -> bool:
    """Remove what an earlier look left in the tables, if there is anything; the ledger keeps the look."""
    rows = Rows("strategy", strategy_of(step))
    with step.work.held_open() as held:
        seen = any(
            not held.read_or_empty(table, rows=rows).filter(split=HOLDOUT).is_empty() for table in HOLDOUT_TABLES
        )
    if seen:  # in every table: `full` may have trades of the holdout where the flat start has none
        kept = beside_other_splits(step, {table: table.empty() for table in HOLDOUT_TABLES}, EVALUATED_SPLITS)
        step.work.replace(rows, {**kept, HOLDOUT_RESULTS: HOLDOUT_RESULTS.empty()})
    return seen
