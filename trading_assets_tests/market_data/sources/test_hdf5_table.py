"""HDF5 as pandas writes it: both formats, one frame or one a symbol, plain data only."""

from __future__ import annotations

import builtins
import datetime as dt
import os
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from trading_assets.market_data.sources import SourceError
from trading_assets_tests.market_data.files_source import load

DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03"], name="date")
BARS = pd.DataFrame(
    {"open": [10.0, 11.0], "high": [12.0, 13.0], "low": [9.0, 10.0], "close": [11.0, 12.5], "volume": [1000, 2000]},
    index=DAYS,
)
VALUES = [
    ("AAPL", dt.date(2024, 1, 2), 10.0, 12.0, 9.0, 11.0, 1000.0),
    ("AAPL", dt.date(2024, 1, 3), 11.0, 13.0, 10.0, 12.5, 2000.0),
]


def values(bars: pl.DataFrame) -> list[tuple[object, ...]]:
    return bars.select("symbol", "session", "open", "high", "low", "close", "volume").rows()


@pytest.mark.parametrize("form", ["fixed", "table"])
@pytest.mark.parametrize("complib", [None, "zlib", "blosc"])
def test_both_formats_give_the_same_bars(tmp_path: Path, form: Any, complib: Any) -> None:
    level = 0 if complib is None else 5
    BARS.to_hdf(tmp_path / "AAPL.h5", key="bars", format=form, complib=complib, complevel=level)
    assert values(load(tmp_path, symbol_from="filename")) == VALUES


@pytest.mark.parametrize("ending", [".h5", ".hdf", ".hdf5"])
def test_one_key_a_symbol(tmp_path: Path, ending: str) -> None:
    """Keys name the symbols, as members of a zip do."""
    for symbol in ("AAPL", "MSFT"):
        BARS.to_hdf(tmp_path / f"prices{ending}", key=f"daily/{symbol}")
    bars = load(tmp_path, symbol_from="filename")
    assert values(bars.filter(symbol="AAPL")) == VALUES
    assert bars["symbol"].to_list() == ["AAPL", "AAPL", "MSFT", "MSFT"]
    assert bars["source_file"].unique().sort().to_list() == [f"prices{ending}/daily/AAPL", f"prices{ending}/daily/MSFT"]
    assert bars["source_line"].to_list() == [1, 2, 1, 2]


@pytest.mark.parametrize("form", ["fixed", "table"])
def test_symbols_in_a_column_or_a_level_of_the_index(tmp_path: Path, form: Any) -> None:
    """Text of the fixed format is a pickle of strings: plain data."""
    long = BARS.reset_index().assign(symbol="AAPL")
    long.to_hdf(tmp_path / "column.h5", key="bars", format=form)
    assert values(load(tmp_path, "column.h5")) == VALUES
    long.set_index(["date", "symbol"]).to_hdf(tmp_path / "levels.h5", key="bars", format=form)
    assert values(load(tmp_path, "levels.h5")) == VALUES


class Command:
    """What a hostile file holds in place of a text."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def test_a_pickle_that_calls_something_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "called"
    hostile = BARS.reset_index()
    hostile["symbol"] = pd.Series([Command(marker), "AAPL"], dtype=object)
    with pytest.warns(pd.errors.PerformanceWarning):
        hostile.to_hdf(tmp_path / "bars.h5", key="bars", format="fixed")
    with pytest.raises(SourceError, match=r"a pickle of posix\.system, which opening it would run"):
        load(tmp_path, "bars.h5")
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100])
def test_a_damaged_file_names_itself(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bars.h5").write_bytes(content)
    with pytest.raises(SourceError, match=r"(?s)(not a readable HDF5|is empty).*file: bars.h5"):
        load(tmp_path)


def test_what_is_no_frame_says_so(tmp_path: Path) -> None:
    BARS["close"].to_hdf(tmp_path / "bars.h5", key="close")
    with pytest.raises(SourceError, match="/close is a Series"):
        load(tmp_path)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BARS.to_hdf(tmp_path / "AAPL.h5", key="bars")
    original = builtins.__import__

    def without_tables(name: str, *args: Any, **more: Any) -> Any:
        if name == "tables":
            raise ModuleNotFoundError("No module named 'tables'", name="tables")
        return original(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without_tables)
    with pytest.raises(SourceError, match="an HDF5 file needs tables") as caught:
        load(tmp_path, symbol_from="filename")
    assert "trading-assets[hdf5]" in str(caught.value)
