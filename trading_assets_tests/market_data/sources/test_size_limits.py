"""Files that are too large: refused by name, size and key, before their bytes are in memory."""

from __future__ import annotations

import datetime as dt
import gzip
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import SourceError, read_bars
from trading_assets.market_data.sources.size_limits import MIB, SizeLimits

START, END = dt.date(2020, 1, 1), dt.date(2020, 12, 31)
HEADER, ROW = b"date,open,high,low,close,volume\n", b"2020-01-02,10,11,9,10.5,1000\n"


def read(folder: Path, name: str, **settings: Any) -> pl.DataFrame:
    source = FilesSource.model_validate(
        {"source": "files", "asset_class": "equity", "path": name, "symbol_from": "filename", **settings}
    )
    return read_bars(source, start=START, end=END, directory=folder, seed=0)


def csv(rows: int) -> bytes:
    return HEADER + ROW * rows


def zipped(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("AAA.csv", content)


def frame(rows: int) -> pl.DataFrame:
    values = {
        "date": [dt.date(2020, 1, 2)],
        "open": [10.0],
        "high": [11.0],
        "low": [9.0],
        "close": [10.5],
        "volume": [9.0],
    }
    return pl.DataFrame(values).select(pl.all().repeat_by(rows).explode())


WRITERS: dict[str, Callable[[Path, int], object]] = {
    "AAA.csv": lambda path, rows: path.write_bytes(csv(rows)),
    "AAA.csv.gz": lambda path, rows: path.write_bytes(gzip.compress(csv(rows))),
    "AAA.zip": lambda path, rows: zipped(path, csv(rows)),
    "AAA.parquet": lambda path, rows: frame(rows).write_parquet(path),
    "AAA.feather": lambda path, rows: frame(rows).write_ipc(path),
    "AAA.json": lambda path, rows: path.write_text(frame(rows).write_json()),
    "AAA.h5": lambda path, rows: frame(rows).to_pandas().to_hdf(path, key="bars", format="table"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_of_more_rows_or_bytes_than_allowed_is_named_with_its_key(tmp_path: Path, name: str) -> None:
    """40,000 rows of 29 bytes are 1.1 MiB of text; frames of six columns of 8 bytes are 1.8."""
    WRITERS[name](tmp_path / name, 40_000)
    if name != "AAA.h5":  # a frame of it is held to its bytes alone
        with pytest.raises(SourceError, match=r"40,00[01] rows[\s\S]*AAA[\s\S]*`most_rows`"):
            read(tmp_path, name, most_rows=39_000)
    if name != "AAA.feather":
        with pytest.raises(SourceError, match=r"MiB[\s\S]*AAA[\s\S]*`largest_mib`"):
            read(tmp_path, name, largest_mib=0.05)
    assert set(read(tmp_path, name)["symbol"]) == {"AAA"}


def test_a_file_at_its_limits_is_read(tmp_path: Path) -> None:
    content = csv(99)
    (tmp_path / "AAA.csv").write_bytes(content)
    assert read(tmp_path, "AAA.csv", most_rows=100, largest_mib=len(content) / MIB).height == 99


@pytest.mark.parametrize("name", ["AAA.csv.gz", "AAA.zip"])
def test_what_unpacks_to_far_more_than_any_bars_is_refused(tmp_path: Path, name: str) -> None:
    """65 MiB of one line again and again pack to a few hundredths of a percent."""
    WRITERS[name](tmp_path / name, 65 * MIB // len(ROW))
    with pytest.raises(SourceError, match=r"over 100 times its size[\s\S]*`most_packed`"):
        read(tmp_path, name)


def test_a_small_file_may_be_packed_as_well_as_it_likes() -> None:
    limits = SizeLimits(most_mib=100, most_packed=10)
    limits.assert_bytes("flat.zip", 64 * MIB, 1)
    with pytest.raises(SourceError):
        limits.assert_bytes("flat.zip", 64 * MIB + 1, MIB)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the largest size of a process from /proc")
@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.zip"])
def test_a_bomb_takes_no_memory(tmp_path: Path, name: str) -> None:
    """Two GiB of zeros in 2 MB: refused within 600 MiB of memory, most of which Python and Polars take.

    The largest size of the process itself: `ru_maxrss` of a child begins at that of the process that started it.
    """
    chunk = bytes(MIB)
    if name.endswith(".gz"):
        with gzip.open(tmp_path / name, "wb") as stream:
            for _ in range(2_048):
                stream.write(chunk)
    else:
        with (
            zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("AAA.csv", "w", force_zip64=True) as member,
        ):
            for _ in range(2_048):
                member.write(chunk)
    code = f"""
import datetime as dt
from pathlib import Path
from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import SourceError, read_bars
source = FilesSource.model_validate({{"source": "files", "asset_class": "equity", "path": {name!r}}})
try:
    read_bars(source, start=dt.date(2020, 1, 1), end=dt.date(2020, 2, 1), directory=Path({str(tmp_path)!r}), seed=0)
except SourceError as error:
    assert "most_packed" in str(error), error
    print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) / 1024 < 600
