"""The files that keep the ends of chained tables outside the database."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from trading_assets.protocol.chain import Chain, Head, LedgerTamperedError, head_of
from trading_assets.warehouse.errors import block

_LONGEST = 1_000  # bytes; a head has about 200
_HASH = re.compile(r"[0-9a-f]{64}")


class HeadFile:
    """The file of one table, such as `protocol.head`, written in two steps around the commit of a row.

    The new end is put under a provisional name before the commit and renamed after it. A run that is killed
    in between leaves both, and the table ends as one of them says; the next one to look settles it. A commit that
    failed leaves the provisional file, too: whether it failed before or after the rows were written, one of the
    two tells the truth.
    """

    def __init__(self, path: Path, chain: Chain) -> None:
        self.path = path
        self.chain = chain
        self._provisional = path.with_name(f"{path.name}.new")

    def verify(self, rows: pl.DataFrame) -> None:
        """Check the table against this file; to be called under the lock of the database.

        Raises
        ------
        LedgerTamperedError
            See `Chain.verify`.
        """
        committed, provisional = self._committed(), self._interrupted()
        if committed is None and provisional is not None and provisional.rows == 1 and rows.is_empty():
            provisional = None  # killed before the commit of the very first row
        heads = [head for head in (committed, provisional) if head is not None]
        self.chain.verify(rows, heads, self.path.name)
        if provisional is not None and provisional != committed and provisional[:2] == head_of(rows)[:2]:
            self._settle()

    @property
    def rows(self) -> int:
        """Rows that the table has as far as this file tells; more than any table has where it cannot be read."""
        try:
            head = self._committed()
        except LedgerTamperedError:
            return 2**63
        return 0 if head is None else head.rows

    @property
    def most_rows(self) -> int:
        """Rows that the table may have had: as `rows`, or as the provisional file of a commit that was not settled."""
        provisional = self._interrupted()
        return max(self.rows, 0 if provisional is None else provisional.rows)

    def ends_as(self, rows: int, row_hash: str) -> bool:
        """Return whether this file says that the table ends so; False where it cannot be read."""
        try:
            head = self._committed()
        except LedgerTamperedError:
            return False
        return head is not None and head[:2] == (rows, row_hash)

    @contextmanager
    def moved_to(self, rows: pl.DataFrame) -> Iterator[None]:
        """Around the commit that makes the table hold `rows`."""
        end = self.chain.head_of(rows)
        with self._provisional.open("w", encoding="ascii") as file:
            json.dump({key: value for key, value in end._asdict().items() if value is not None}, file)
            file.flush()
            os.fsync(file.fileno())
        yield
        self._settle()

    def _settle(self) -> None:
        try:
            self._provisional.replace(self.path)
        except FileNotFoundError:  # another reader settled the same
            return
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):  # a reader who may not write: it stays true
                return
            raise
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _committed(self) -> Head | None:
        try:
            return _head(self.path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise LedgerTamperedError(
                block(
                    f"the end of the {self.chain.noun} cannot be read",
                    file=self.path,
                    cause=error,
                    expected="the file as it was written",
                    what_to_do="restore it, and the database beside it, from the same backup",
                )
            ) from None

    def _interrupted(self) -> Head | None:
        try:
            return _head(self._provisional)
        except (OSError, ValueError, RecursionError):
            return None  # there is none, or a run was killed while it was written: the commit had not begun


def _head(path: Path) -> Head:
    """Read a head, and accept nothing but what `moved_to` writes."""
    with path.open("rb") as file:
        data = file.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise ValueError(f"it has more than {_LONGEST} bytes")
    found = json.loads(data.decode("ascii"))
    if not isinstance(found, dict) or not {"rows", "row_hash"} <= found.keys() <= set(Head._fields):
        raise ValueError("it is not an object with rows and row_hash")
    rows = found["rows"]
    if not isinstance(rows, int) or isinstance(rows, bool) or not 0 <= rows < 2**63:
        raise ValueError("rows is not a count")
    for key in ("row_hash", "folder"):
        if key in found and not (isinstance(found[key], str) and _HASH.fullmatch(found[key])):
            raise ValueError(f"{key} is not a hash of 64 hexadecimal digits")
    return Head(**found)
