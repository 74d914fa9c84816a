"""Bulk contents of records: rows of side tables that are known by the SHA-256 of their values.

The hash is over the values, not over the bytes of a file format, so that no version of a library decides it:
column by column its name and type, which values are null, and the values themselves, numbers as little-endian bytes,
texts and lists after their lengths. A column of nulls says nothing, so that a table may gain columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import polars as pl

from trading_assets.warehouse.table import ContractError, Table

_KEY = ("content", "position")


def content_rows(table: Table, frame: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """Return the hash of a content, and its rows as the side table holds them.

    Parameters
    ----------
    frame
        The columns of the table but `content` and `position`, in the order that counts.

    Raises
    ------
    ContractError
        A column is missing, or has NaN or infinity.
    """
    conformed = table.conform(frame.with_columns(content=pl.lit(""), position=pl.int_range(pl.len(), dtype=pl.Int64)))
    values = conformed.drop(_KEY)
    for name, column in values.to_dict().items():
        numbers = column.explode() if isinstance(column.dtype, pl.List) else column
        if numbers.dtype.is_float() and not numbers.is_finite().all():
            raise ContractError(f"{table.name}: {name} must be finite")
    found = content_hash(values)
    return found, conformed.with_columns(content=pl.lit(found))


def content_hash(frame: pl.DataFrame) -> str:
    """Return SHA-256 over the values of a frame, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in _parts(frame):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def _parts(frame: pl.DataFrame) -> Iterator[bytes]:
    yield str(frame.height).encode()
    for name, column in frame.to_dict().items():
        if column.null_count() == frame.height:
            continue
        yield name.encode()
        yield from _values(column)


def _values(column: pl.Series) -> Iterator[bytes]:
    yield str(column.dtype).encode()
    yield np.packbits(column.is_null().to_numpy()).tobytes()
    present = column.drop_nulls()
    if isinstance(present.dtype, pl.List):
        yield present.list.len().to_numpy().astype("<i8").tobytes()
        # An empty list explodes to a null, which is no value of it.
        yield from _values(present.filter(present.list.len() > 0).explode())
    elif present.dtype == pl.String:
        yield present.str.len_bytes().to_numpy().astype("<i8").tobytes()
        yield "".join(present.to_list()).encode()
    elif present.dtype.is_float():
        yield np.ascontiguousarray(present.to_numpy(), dtype="<f4" if present.dtype == pl.Float32 else "<f8").tobytes()
    else:
        yield present.to_physical().cast(pl.Int64).to_numpy().astype("<i8").tobytes()
