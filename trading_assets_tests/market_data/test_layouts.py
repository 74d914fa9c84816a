"""Every shipped layout is read as its vendor means it, and recognised among all the others."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config.file_layouts import file_layouts
from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import read_bars
from trading_assets.market_data.sources.layouts import readings_of
from trading_assets.market_data.sources.samples import sample_of
from trading_assets_tests.market_data.vendor_files import VendorFile
from trading_assets_tests.market_data.vendor_files.asia import ASIA
from trading_assets_tests.market_data.vendor_files.crypto import CRYPTO
from trading_assets_tests.market_data.vendor_files.equity import EQUITY

FILES = {**CRYPTO, **EQUITY, **ASIA}
EACH = [pytest.param(name, file, id=f"{name}-{at}") for name, files in FILES.items() for at, file in enumerate(files)]


def put(folder: Path, file: VendorFile, name: str = "") -> Path:
    path = folder / (name or file.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text.removeprefix("\n"), encoding="utf-8")
    return path


def read(folder: Path, path: str, **settings: object) -> pl.DataFrame:
    source = FilesSource.model_validate({"source": "files", "path": path, **settings})
    return read_bars(source, start=dt.date(1990, 1, 1), end=dt.date(2100, 1, 1), directory=folder, seed=0)


def bars_of(frame: pl.DataFrame, symbol: str) -> list[tuple[object, ...]]:
    own = frame.filter(pl.col("symbol") == symbol)
    return own.select(
        "symbol", pl.col("session").cast(pl.String), "open", "high", "low", "close", "volume"
    ).rows()  # fmt: skip


def about(bar: tuple[object, ...]) -> tuple[object, ...]:
    return (*bar[:2], *(pytest.approx(value, rel=1e-12) for value in bar[2:]))


def test_every_layout_has_a_file() -> None:
    assert set(FILES) == set(file_layouts())
    assert len(FILES) >= 20


@pytest.mark.parametrize(("name", "file"), EACH)
@pytest.mark.parametrize("how", ["named", "recognised"])
def test_first_and_last_bar(tmp_path: Path, name: str, file: VendorFile, how: str) -> None:
    """One line of configuration reads a vendor's file: the session, and the unit of volume, that it means."""
    put(tmp_path, file)
    layout = file_layouts()[name]
    stated = {"layout": name} if how == "named" else {"asset_class": layout.asset_class}
    bars = bars_of(read(tmp_path, file.name, **stated, **file.settings), file.first[0])
    assert len(bars) == file.sessions
    assert bars[0] == about(file.first)
    assert bars[-1] == about(file.last)


@pytest.mark.parametrize(("name", "file"), EACH)
def test_a_file_fits_its_own_layout_alone(tmp_path: Path, name: str, file: VendorFile) -> None:
    path = put(tmp_path, file)
    source = FilesSource.model_validate(
        {"source": "files", "asset_class": "equity", "path": file.name, **file.settings}
    )
    found = readings_of(sample_of(path, file.name), source)
    assert [reading.layout.name for reading in found] == [name]
    assert all(reading.reasons for reading in found)
