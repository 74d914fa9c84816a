"""Queries of people, of which nobody knows how long they take: the long ones go on with a copy, and hold up no run."""

from __future__ import annotations

from contextlib import ExitStack

import polars as pl

from trading_assets.warehouse.errors import TooLongError, block
from trading_assets.warehouse.snapshot import HELD_SECONDS, can_be_copied, snapshot
from trading_assets.warehouse.warehouse import Warehouse


def query_aside(
    warehouse: Warehouse, sql: str, seconds: float | None = None, held_seconds: float = HELD_SECONDS
) -> pl.DataFrame:
    """Return the result of a SELECT, as `Warehouse.query` does, with whoever writes held up for a while at most.

    Parameters
    ----------
    warehouse, sql
        The warehouse and the SELECT.
    seconds
        Time after which it is given up; None: it may take any time.
    held_seconds
        Time under the lock; then it is asked again of a copy. Where there can be none (tables kept in files, no room
        on the disk) it is asked again under the lock.

    Raises
    ------
    TooLongError
        It took longer than `seconds`.
    MissingTableError, WarehouseError
        As `Warehouse.query`.
    """
    if seconds is not None and seconds <= held_seconds:
        return warehouse.query(sql, seconds=seconds)
    try:
        return warehouse.query(sql, seconds=held_seconds)
    except TooLongError:
        left = None if seconds is None else seconds - held_seconds
    if not can_be_copied(warehouse.path):
        return warehouse.query(sql, seconds=left)
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(snapshot(warehouse.path, warehouse.wait_seconds))
        except OSError:  # as where the disk became full while it was copied
            return warehouse.query(sql, seconds=left)
        try:
            return Warehouse(copy, wait_seconds=warehouse.wait_seconds).query(sql, seconds=left)
        except TooLongError:
            said = f"the query was stopped after {seconds:g} s"
            raise TooLongError(block(said, what_to_do="ask for less, or wait longer (`--timeout`)")) from None
