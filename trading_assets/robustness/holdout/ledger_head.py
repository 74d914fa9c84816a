"""The file that keeps the end of the holdout ledger outside the database."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from trading_assets.robustness.holdout import ledger
from trading_assets.robustness.holdout.ledger import Head, LedgerTamperedError
from trading_assets.warehouse.errors import block


class HeadFile:
    """`ledger.head`, written in two steps around the commit of a row.

    The new end is put under a provisional name before the commit and renamed after it. A run that is killed
    in between leaves both, and the ledger ends as one of them says; the next one to look settles it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._provisional = path.with_name(f"{path.name}.new")

    def verify(self, rows: pl.DataFrame) -> None:
        """Check the ledger against this file; to be called under the warehouse's lock.

        Raises
        ------
        LedgerTamperedError
            See `ledger.verify`.
        """
        committed, provisional = self._read(self.path), self._read(self._provisional)
        heads = [head for head in (committed, provisional) if head is not None]
        ledger.verify(rows, heads, self.path.name)
        if provisional is not None and provisional != committed and ledger.head_of(rows) == provisional:
            self._settle()

    @contextmanager
    def moved_to(self, rows: pl.DataFrame) -> Iterator[None]:
        """Around the commit that makes the ledger hold `rows`."""
        end = ledger.head_of(rows)
        with self._provisional.open("w", encoding="ascii") as file:
            json.dump(end._asdict(), file)
            file.flush()
            os.fsync(file.fileno())
        try:
            yield
        except BaseException:
            self._provisional.unlink(missing_ok=True)
            raise
        self._settle()

    def _settle(self) -> None:
        try:
            self._provisional.replace(self.path)
        except FileNotFoundError:  # another reader settled the same
            return
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _read(self, path: Path) -> Head | None:
        try:
            return Head(**json.loads(path.read_text(encoding="ascii")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            if path == self._provisional:
                return None  # killed while it was written: the commit had not begun
            raise LedgerTamperedError(
                block(
                    "the end of the holdout ledger cannot be read",
                    file=path,
                    cause=error,
                    expected="the file as it was written",
                )
            ) from None
