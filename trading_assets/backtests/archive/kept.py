"""Which rows of a strategy are kept of a run, and what of them is of the holdout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from trading_assets.backtests.archive.frames import FrameStore
from trading_assets.backtests.tables import FULL, HOLDOUT
from trading_assets.warehouse.slices import Rows, Whole
from trading_assets.warehouse.table import Table
from trading_assets.warehouse.versions import Versions, versions_of_scopes
from trading_assets.warehouse.warehouse import Warehouse

#: Parts of a table: what a backtest may see freely, and what only a look at the holdout has shown.
OPEN, LOCKED = "open", "locked"
SEEN_SPLITS = (HOLDOUT, FULL)


class KeptTable(NamedTuple):
    """A table whose rows are kept.

    Attributes
    ----------
    table
        Declaration of the table.
    by_strategy
        Whether the rows are a strategy's own; else each strategy is kept with all of them.
    judges
        Whether the rows follow from the holdout as soon as the strategy has been looked at, though no column says so.
    """

    table: Table
    by_strategy: bool = True
    judges: bool = False


class KeptRows(NamedTuple):
    """Rows of one table on record.

    Attributes
    ----------
    commit
        Last commit that replaced any of them: as long as it is the same they are.
    files
        File of each part that has rows, by `OPEN` and `LOCKED`.
    rows
        How many rows they have together.
    """

    commit: int
    files: Mapping[str, str]
    rows: int


Kept = dict[str, KeptRows]


def kept_text(kept: Mapping[str, KeptRows]) -> str:
    """Return what a row of `backtests.run_archive` says of its tables."""
    said = {name: [each.commit, dict(sorted(each.files.items())), each.rows] for name, each in sorted(kept.items())}
    return json.dumps(said, separators=(",", ":"))


def kept_of(text: str) -> Kept:
    """Return what `kept_text` wrote."""
    return {name: KeptRows(*each) for name, each in json.loads(text).items()}


def keep(
    warehouse: Warehouse,
    store: FrameStore,
    tables: Sequence[KeptTable],
    strategy: str,
    before: Mapping[str, KeptRows],
    commits: Mapping[str, Versions],
) -> Kept:
    """Write the rows of a strategy that are not in the store, and return where all of them are.

    Parameters
    ----------
    warehouse
        Tables as the run left them, held open.
    store
        Frames of the archive, held.
    tables
        Tables to keep.
    strategy
        Name of the strategy.
    before
        What was kept of it last: a table that nobody has written to since is not read again.
    commits
        Commits of each table by its name, as `commits_of` returns them.
    """
    found: Kept = {}
    # Where nothing of the holdout is in the rows of the metrics, nobody has looked at it.
    is_looked_at = False
    for kept in tables:
        slice_ = Rows("strategy", strategy) if kept.by_strategy else None
        commit = last_commit(commits[kept.table.name], slice_)
        last = before.get(kept.table.name)
        if last is not None and last.commit == commit and not kept.judges:
            found[kept.table.name] = last
        else:
            rows = warehouse.read_or_empty(kept.table, rows=slice_)
            found[kept.table.name] = _put(store, kept, rows, commit, is_looked_at=is_looked_at)
        is_looked_at = is_looked_at or LOCKED in found[kept.table.name].files
    return found


def commits_of(warehouse: Warehouse, tables: Sequence[str]) -> dict[str, Versions]:
    """Return the commits of all slices of some tables, in one query; none before anything was written."""
    if not warehouse.path.exists():
        return {name: {} for name in tables}
    with warehouse.opened() as connection:
        found = versions_of_scopes(connection, [(name, Whole()) for name in tables])
    return dict(zip(tables, found, strict=True))


def last_commit(commits: Versions, slice_: Rows | None) -> int:
    """Return the number of the last commit that may have replaced rows of a slice; 0 for none.

    Parameters
    ----------
    commits
        Commits of a table.
    slice_
        Rows that are asked about; None: all of the table.

    Examples
    --------
    >>> commits = {("strategy", "a", "a"): 3, ("strategy", "b", "b"): 7, ("asset", "x", "x"): 5}
    >>> last_commit(commits, Rows("strategy", "a")), last_commit(commits, None), last_commit({}, None)
    (5, 7, 0)
    """
    return max(
        (
            number
            for (column, lower, _), number in commits.items()
            if slice_ is None or column != slice_.column or lower == slice_.value
        ),
        default=0,
    )


def _put(store: FrameStore, kept: KeptTable, rows: pl.DataFrame, commit: int, *, is_looked_at: bool) -> KeptRows:
    parts = {OPEN: rows, LOCKED: rows.clear()}
    if kept.by_strategy and "split" in rows.columns:
        is_seen = pl.col("split").is_in(list(SEEN_SPLITS))
        parts = {OPEN: rows.filter(~is_seen), LOCKED: rows.filter(is_seen)}
    elif kept.judges and (is_looked_at or _tells_of_a_look(rows)):
        parts = {OPEN: rows.clear(), LOCKED: rows}
    files = {part: store.put(kept.table.name, frame) for part, frame in parts.items() if frame.height}
    return KeptRows(commit, files, rows.height)


def _tells_of_a_look(rows: pl.DataFrame) -> bool:
    """Whether rows are of a look, by themselves: metrics of the holdout may be gone where a verdict still stands."""
    return rows["value"].is_not_null().any() if "value" in rows.columns else rows.height > 0


def restored(store: FrameStore, kept: Mapping[str, KeptRows], table: Table, *, with_locked: bool) -> pl.DataFrame:
    """Return rows of a table as a run left them, as far as they may be shown; empty if it left none.

    Parameters
    ----------
    store, kept
        Frames of the archive, and what is on record of a strategy of a run.
    table
        Table to read.
    with_locked
        Whether what only a look at the holdout has shown is read, too.
    """
    files = kept[table.name].files if table.name in kept else {}
    wanted = [part for part in (OPEN, LOCKED) if part in files and (with_locked or part == OPEN)]
    frames = [store.get(table.name, files[part]) for part in wanted]
    return pl.concat([table.empty(), *frames], how="diagonal_relaxed") if frames else table.empty()
