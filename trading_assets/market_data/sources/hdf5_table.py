"""Bars in HDF5 as pandas writes it: fixed and table format, one frame a file or one a symbol.

pandas keeps column names, and text of the fixed format, as pickles. A pickle can call anything: only those that hold
plain data are read here, any other is refused.
"""

from __future__ import annotations

import contextlib
import io
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.size_limits import SizeLimits

ENDINGS = (".h5", ".hdf", ".hdf5")
_PLAIN = {
    "builtins": {"set", "frozenset", "slice", "complex", "bytearray"},
    "_codecs": {"encode"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
}


class Hdf5Table:
    """A frame of an HDF5 file; a row counts as a line."""

    header_line = 1

    def __init__(self, name: str, rows: pl.DataFrame) -> None:
        self.name = name
        self.header = tuple(rows.columns)
        self.rows = rows

    def read(self, positions: Sequence[int]) -> pl.DataFrame:
        """Return typed columns by position."""
        columns = {str(position): self.rows[:, position] for position in sorted(set(positions))}
        return pl.DataFrame(columns).with_columns(source_line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))


def open_hdf5(path: Path, name: str, limits: SizeLimits) -> Iterator[Hdf5Table]:
    """Yield the frames of a file in the order of their keys; of several, each is named like a member of a zip.

    Parameters
    ----------
    path, name
        Where it is, and its name for messages.
    limits
        Of each frame.

    Raises
    ------
    SourceError
        The extra `hdf5` is not installed, the file is damaged or empty, or holds what is no frame or no plain data.
    """
    try:
        import pandas as pd
        import tables
    except ModuleNotFoundError as error:
        raise SourceError(
            f"an HDF5 file needs {error.name}, which is not installed",
            file=name,
            expected="the extra hdf5",
            todo="pip install 'trading-assets[hdf5]', or write Parquet: pandas.read_hdf(...).to_parquet(...)",
        ) from None
    try:
        with _plain_pickles(), pd.HDFStore(str(path), mode="r") as store:
            keys = sorted(store.keys())
            if not keys:
                raise SourceError("the file has no frame", file=name, expected="frames written by pandas")
            for key in keys:
                limits.assert_bytes(name, _bytes_of(store, key))
                frame = store.get(key)
                if not isinstance(frame, pd.DataFrame):
                    raise SourceError(f"{key} is a {type(frame).__name__}", file=name, expected="a frame of bars")
                yield Hdf5Table(name if len(keys) == 1 else f"{name}{key}", _rows(frame))
    except pickle.UnpicklingError as error:
        raise SourceError(
            f"the file holds {error}, which opening it would run",
            file=name,
            expected="numbers, text and dates",
            todo='write it again with to_hdf(..., format="table"), or as Parquet',
        ) from None
    except (tables.HDF5ExtError, OSError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise SourceError(
            f"not a readable HDF5 file of pandas: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            file=name,
            todo="write it with pandas' to_hdf, or as Parquet",
        ) from None


def _bytes_of(store: Any, key: str) -> int:
    """Bytes of a frame in memory, whatever it is packed to."""
    nodes = store.get_node(key)._f_walknodes("Leaf")
    return sum(int(node.size_in_memory) for node in nodes)


def _rows(frame: Any) -> pl.DataFrame:
    """Columns of a frame of pandas, those of its index first unless it only counts rows."""
    index = frame.index
    if index.nlevels > 1 or index.name is not None or index.dtype.kind not in "iu":
        frame = frame.reset_index(names=[name or f"date{at or ''}" for at, name in enumerate(index.names)])
    frame.columns = [str(name) for name in frame.columns]
    rows: pl.DataFrame = pl.from_pandas(frame)
    return rows


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _PLAIN.get(module, ()) or module.startswith("pandas._libs.tslibs."):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"a pickle of {module}.{name}")


def _loads(data: bytes) -> Any:
    return _PlainUnpickler(io.BytesIO(data)).load()


@contextlib.contextmanager
def _plain_pickles() -> Iterator[None]:
    """Let PyTables read plain data only, while a file is open."""
    import tables.atom
    import tables.attributeset

    modules = (tables.atom, tables.attributeset)
    plain = SimpleNamespace(loads=_loads, dumps=pickle.dumps, HIGHEST_PROTOCOL=pickle.HIGHEST_PROTOCOL)
    before = [module.pickle for module in modules]
    for module in modules:
        module.pickle = plain
    try:
        yield
    finally:
        for module, original in zip(modules, before, strict=True):
            module.pickle = original
