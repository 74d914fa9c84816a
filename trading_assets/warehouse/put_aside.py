"""Rows that wait on disk until they are written: no frame holds all columns of all symbols at once."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Hashable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import polars as pl

from trading_assets.warehouse.checking import checked
from trading_assets.warehouse.slices import Slice
from trading_assets.warehouse.table import ContractError, Table


class PutAside:
    """Frames put aside on disk by name and taken back in the order in which they came.

    They are gone at the end of the block, or with whoever holds this.

    Parameters
    ----------
    folder
        Where the file is made. It has no name, so that a killed process leaves nothing behind.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `__exit__`, or with the last user
        weakref.finalize(self, self._file.close)
        self._places: dict[Hashable, list[tuple[int, int]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, name: Hashable, frame: pl.DataFrame) -> None:
        """Add a frame to those of a name."""
        start = self._file.seek(0, os.SEEK_END)
        start += self._file.write(bytes(-start % mmap.ALLOCATIONGRANULARITY))
        frame.write_ipc(self._file)
        self._places.setdefault(name, []).append((start, self._file.seek(0, os.SEEK_END) - start))

    def take(self, name: Hashable) -> Iterator[pl.DataFrame]:
        """Yield the frames of a name, which stay: their columns are in the file until somebody looks at them."""
        import pyarrow.ipc

        for start, size in self._places.get(name, ()):
            mapped = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ, offset=start)
            rows = pyarrow.ipc.open_file(pyarrow.py_buffer(mapped)).read_all()
            yield cast(pl.DataFrame, pl.from_arrow(rows))


class Batches:
    """Rows that replace a slice of a table, checked and put aside batch by batch.

    Parameters
    ----------
    table, slice_
        Declaration of the table, which has a key, and the slice.
    aside
        Where the rows wait for `Warehouse.replace`.

    Attributes
    ----------
    height
        Rows so far.
    """

    def __init__(self, table: Table, slice_: Slice, aside: PutAside) -> None:
        self.table, self.slice_, self.height = table, slice_, 0
        self._aside = aside
        self._last: tuple[object, ...] | None = None
        self._columns: list[str] | None = None

    def add(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Put rows aside that follow those before by the table's key; return them as they will be stored.

        Raises
        ------
        ContractError
            They break the table's contract, leave the slice, do not follow, or have other columns.
        """
        rows = checked(self.table, frame, self.slice_)
        if self._columns not in (None, rows.columns):
            raise ContractError(f"{self.table.name}: a batch has other columns than those before")
        self._columns = rows.columns
        if rows.height:
            first, last = (rows.select(self.table.key).row(place) for place in (0, -1))
            if self._last is not None and not self._last < first:
                raise ContractError(f"{self.table.name}: a batch from {first} on does not follow {self._last}")
            self._last = last
        self._aside.put((self.table.name, self.slice_), rows)
        self.height += rows.height
        return rows

    def __iter__(self) -> Iterator[pl.DataFrame]:
        yield from self._aside.take((self.table.name, self.slice_))
