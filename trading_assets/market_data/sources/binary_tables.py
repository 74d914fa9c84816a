"""Tables with types: Parquet and Arrow files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from trading_assets.market_data.sources.errors import EmptyFileError, SourceError
from trading_assets.market_data.sources.size_limits import SizeLimits


class ParquetTable:
    """A Parquet file; a row counts as a line."""

    header_line = 1

    def __init__(self, path: Path, name: str, limits: SizeLimits) -> None:
        self.name = name
        self._path = path
        if path.stat().st_size == 0:
            raise EmptyFileError("the file is empty", file=name, expected="a Parquet file")
        try:
            self.header = tuple(pl.read_parquet_schema(path))
            footer = pq.read_metadata(path)
        except (pl.exceptions.PolarsError, pa.ArrowException) as error:
            raise self._unreadable(error) from None
        groups = range(footer.num_row_groups)
        limits.assert_rows(name, footer.num_rows)
        limits.assert_bytes(name, sum(footer.row_group(at).total_byte_size for at in groups))

    def read(self, positions: Sequence[int]) -> pl.DataFrame:
        """Return typed columns by position."""
        names = {str(position): self.header[position] for position in sorted(set(positions))}
        scan = pl.scan_parquet(self._path, glob=False, hive_partitioning=False)
        try:
            rows = scan.select(pl.col(name).alias(position) for position, name in names.items()).collect()
        except pl.exceptions.PolarsError as error:
            raise self._unreadable(error) from None
        return rows.with_columns(source_line=pl.int_range(pl.len(), dtype=pl.Int64) + 1)

    def _unreadable(self, error: Exception) -> SourceError:
        return SourceError(
            f"not a readable Parquet file: {str(error).splitlines()[0]}", file=self.name, todo="deliver the file again"
        )


class ArrowTable:
    """An Arrow file (Feather version 2); a row counts as a line."""

    header_line = 1

    def __init__(self, path: Path, name: str, limits: SizeLimits) -> None:
        self.name = name
        try:
            limits.assert_rows(name, pl.scan_ipc(path).select(pl.len()).collect().item())
            self._rows = pl.read_ipc(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(
                f"not a readable Arrow file: {str(error).splitlines()[0]}", file=name, todo="deliver the file again"
            ) from None
        self.header = tuple(self._rows.columns)

    def read(self, positions: Sequence[int]) -> pl.DataFrame:
        """Return typed columns by position."""
        columns = {str(position): self._rows[:, position] for position in sorted(set(positions))}
        return pl.DataFrame(columns).with_columns(source_line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
