"""A files source over a folder of the test, in one call."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import Received, read

HEADER = "symbol,date,open,high,low,close,volume"
BAR = "10,12,9,11,1000"


def load(folder: Path, path: str = "*", **settings: Any) -> pl.DataFrame:
    return receive(folder, path, **settings).bars


def receive(folder: Path, path: str = "*", **settings: Any) -> Received:
    source = FilesSource.model_validate({"source": "files", "asset_class": "equity", "path": path, **settings})
    return read(source, start=dt.date(1900, 1, 1), end=dt.date(2100, 1, 1), directory=folder, seed=0)


def write(folder: Path, *lines: str, name: str = "bars.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def sessions_of(folder: Path, *dates: str, **settings: Any) -> list[dt.date]:
    """The sessions of a file with these dates, in its order of lines."""
    write(folder, *(f'A,"{date}",{BAR}' for date in dates))
    return load(folder, **settings).sort("source_line")["session"].to_list()
