"""Record a look at a holdout, and read the ledger of all looks, both under the check of its chain and its end."""

from __future__ import annotations

import polars as pl

from trading_assets.protocol.head_file import HeadFile
from trading_assets.robustness.holdout import ledger
from trading_assets.robustness.holdout.ledger import Look
from trading_assets.robustness.tables import HOLDOUT_LEDGER
from trading_assets.warehouse import Warehouse


def record_look(warehouse: Warehouse, head_file: HeadFile, look: Look) -> pl.DataFrame:
    """Verify the ledger and add a look to it, unless it is one that was made before; return the ledger.

    Parameters
    ----------
    warehouse, head_file
        Where the ledger is, and the file that keeps its end outside the warehouse.
    look
        Look to record.

    Raises
    ------
    LedgerTamperedError, LookRefusedError
        Nothing was written.
    """

    def added(rows: pl.DataFrame) -> pl.DataFrame:
        head_file.verify(rows)
        return ledger.rows_to_add(rows, look)

    return warehouse.append_chained(HOLDOUT_LEDGER, added, head_file.moved_to)


def verified_ledger(warehouse: Warehouse, head_file: HeadFile) -> pl.DataFrame:
    """Return the ledger, checked while nobody can write to it.

    Raises
    ------
    LedgerTamperedError
        See `ledger.verify`.
    """

    def checked(rows: pl.DataFrame) -> pl.DataFrame:
        head_file.verify(rows)
        return rows

    return warehouse.examine(HOLDOUT_LEDGER, checked)
