"""Frames on disk by their content: the same rows are one file, however many runs left them.

The files are those of the partition store (`warehouse/lake/part_files.py`): written whole, synced, never changed. The
store itself is not used: while it has a table, long queries cannot go on with a copy of the database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from trading_assets.protocol.contents import content_hash
from trading_assets.warehouse.errors import WarehouseError, block
from trading_assets.warehouse.lake.part_files import folder_of, remove, sync_folder, unnamed, write_part
from trading_assets.warehouse.lock import Patience, file_lock

#: Folder beside the warehouse, and the lock of whoever adds to it or removes from it.
FOLDER, _LOCK = "run_archive", "frames"
#: Seconds to wait for others who keep a run: twenty at once take a minute.
_WAIT_SECONDS = 300.0
#: Digits of the hash of the rows that a file is named by.
_DIGITS = 32


class FrameStore:
    """Frames of an archive.

    Parameters
    ----------
    warehouse
        Database file that the archive stands beside.
    """

    def __init__(self, warehouse: Path) -> None:
        self._warehouse, self.root = warehouse, warehouse.parent / FOLDER

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from adding and removing: files that no row names yet are not left over.

        Raises
        ------
        LockedError
            Somebody else holds it for longer than keeping a run can take.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with file_lock(self.root / _LOCK, exclusive=True, patience=Patience(_WAIT_SECONDS)):
            yield

    def put(self, table: str, frame: pl.DataFrame) -> str:
        """Return the name of the file that has the rows of a frame, written if it is not there.

        Parameters
        ----------
        table
            ``schema.table`` that the rows are of.
        frame
            Rows in the order that counts.
        """
        known = content_hash(frame)[:_DIGITS]
        there = next(folder_of(self.root, table).glob(f"{known}-*.parquet"), None)
        if there is not None:
            return there.name
        name = write_part(self.root, table, known, frame, ()).name
        sync_folder(self.root, table)
        return name

    def get(self, table: str, name: str) -> pl.DataFrame:
        """Return the rows of a file.

        Raises
        ------
        WarehouseError
            It is missing, or has other rows than were written.
        """
        path = folder_of(self.root, table) / name
        try:
            frame = pl.read_parquet(path, hive_partitioning=False)
            cause = None if content_hash(frame)[:_DIGITS] == name[:_DIGITS] else "it has other rows than were written"
        except FileNotFoundError:
            cause = "it is missing"
        except (pl.exceptions.PolarsError, OSError) as error:
            cause = str(error)
        if cause is None:
            return frame
        raise WarehouseError(
            block(
                "a file of an archived run cannot be used",
                file=path,
                of=table,
                cause=cause,
                what_to_do="restore it from a backup; runs that do not name it can still be opened",
            )
        )

    def sweep(self, live: Mapping[str, Collection[str]], wait_seconds: float) -> int:
        """Remove files that no row names, and return how many; called while `held`.

        Whoever copies the folder holds the lock of the warehouse, so it is waited for.

        Parameters
        ----------
        live
            Names of the files of each table that are named.
        wait_seconds
            How long to wait for the warehouse.
        """
        tables = [".".join(path.relative_to(self.root).parts) for path in self.root.glob("*/*") if path.is_dir()]
        found = {table: paths for table in tables if (paths := unnamed(self.root, table, live.get(table, ())))}
        if found:
            with file_lock(self._warehouse, exclusive=True, patience=Patience(wait_seconds)):
                for table, paths in found.items():
                    remove(self.root, table, paths)
        return sum(map(len, found.values()))
