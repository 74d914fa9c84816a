"""Symbols from the names of files and folders."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from trading_assets.market_data.sources import SourceError
from trading_assets.market_data.sources.symbols import from_filename, from_folder, from_partition
from trading_assets_tests.market_data.files_source import BAR, load, write

HEADER = "date,open,high,low,close,volume"
PART = "part-0.parquet"


def refusal(folder: Path, path: str, **settings: object) -> str:
    with pytest.raises(SourceError) as caught:
        load(folder, path, **settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("file", "symbol"),
    [
        ("AAPL.CSV", "AAPL"),
        ("AAPL.CSV.GZ", "AAPL"),
        ("x/AAPL.Parquet", "AAPL"),
        ("brk.b.csv", "brk.b"),
        ("A.csv.zip/A.Txt", "A"),
        ("BTC.feather", "BTC"),
        ("600519.SS.Json", "600519.SS"),
        ("CSV", "CSV"),
    ],
)
def test_no_ending_is_part_of_a_symbol(file: str, symbol: str) -> None:
    assert from_filename(file, None) == symbol


def test_upper_case_endings_are_read(tmp_path: Path) -> None:
    text = f"{HEADER}\n2020-01-02,{BAR}\n"
    (tmp_path / "A.CSV").write_text(text)
    (tmp_path / "B.CSV.GZ").write_bytes(gzip.compress(text.encode()))
    pl.read_csv(text.encode()).write_parquet(tmp_path / "C.PARQUET")
    (tmp_path / "D.JSON").write_text(pl.read_csv(text.encode()).write_json())
    assert load(tmp_path, symbol_from="filename")["symbol"].to_list() == ["A", "B", "C", "D"]


def test_a_folder_names_the_symbol(tmp_path: Path) -> None:
    for symbol in ("AAPL", "BRK.B"):
        write(tmp_path, f"2020-01-02,{BAR}", name=f"prices/{symbol}/daily.csv", header=HEADER)
    assert load(tmp_path, "prices/*/daily.csv", symbol_from="folder")["symbol"].to_list() == ["AAPL", "BRK.B"]
    assert load(Path("/"), f"{tmp_path}/prices/*/*.csv", symbol_from="folder")["symbol"].to_list() == ["AAPL", "BRK.B"]
    assert from_folder("isin=BRK%2FB/x.csv", None) == "BRK/B", "what a partition states"
    assert from_folder("us/AAPL/2020/d.csv", "us/(.+?)/") == "AAPL", "a pattern sees all folders"
    assert refusal(tmp_path / "prices/AAPL", "*.csv", symbol_from="folder").startswith("no folder to take")


def test_files_of_one_name_are_not_one_symbol(tmp_path: Path) -> None:
    """Three symbols' files called daily.csv: 2 x 4 sessions, all of them different."""
    for close, symbol in enumerate(("AAPL", "MSFT", "NVDA"), start=1):
        lines = (f"2020-01-{day:02d},10,12,9,{9 + close},5" for day in range(2, 6))
        write(tmp_path, *lines, name=f"{symbol}/daily.csv", header=HEADER)
    assert refusal(tmp_path, "*/daily.csv", symbol_from="filename") == (
        "3 files give one symbol 'daily', and differ on 4 of the 4 sessions that they share\n"
        "  file: AAPL/daily.csv, MSFT/daily.csv, NVDA/daily.csv\n"
        "  expected: files of one instrument under one symbol\n"
        "  do: take the symbol from elsewhere: `symbol_from: folder`, the name of a column, or `symbol_pattern`"
    )


def test_files_of_one_symbol_may_overlap(tmp_path: Path) -> None:
    """Two years' files share their last and first days, one of which was corrected."""
    for year in ("a", "b"):
        lines = (f"2020-01-{day:02d},10,12,9,{10 + (year == 'b' and day == 3)},5" for day in range(2, 7))
        write(tmp_path, *lines, name=f"{year}/X.csv", header=HEADER)
    assert load(tmp_path, "*/X.csv", symbol_from="filename").height == 10


@pytest.mark.parametrize("key", ["symbol", "ticker", "Symbol"])
def test_a_partition_names_the_symbol(tmp_path: Path, key: str) -> None:
    """As DuckDB, Polars and Spark write them; what no folder can be called is percent-encoded."""
    table = pl.DataFrame({"date": ["2020-01-02"]}).with_columns(**dict.fromkeys(HEADER.split(",")[1:], pl.lit(10.0)))
    for folder in ("AAPL", "BRK%2FB"):
        place = tmp_path / f"p/{key}={folder}/year=2020"
        place.mkdir(parents=True)
        table.write_parquet(place / PART)
    assert load(tmp_path, "p/**/*.parquet")["symbol"].to_list() == ["AAPL", "BRK/B"]


def test_a_column_goes_before_a_partition(tmp_path: Path) -> None:
    write(tmp_path, f"B,2020-01-02,{BAR}", name="symbol=A/x.csv")
    assert load(tmp_path, "*/x.csv")["symbol"].item() == "B"
    assert load(tmp_path, "*/x.csv", symbol_from="folder")["symbol"].item() == "A"


def test_partitions_written_by_polars(tmp_path: Path) -> None:
    names = ["AAPL", "MSFT"]
    frame = pl.DataFrame(
        {"isin": names, "date": ["2020-01-02"] * 2, **dict.fromkeys(HEADER.split(",")[1:], [10.0] * 2)}
    )
    frame.write_parquet(tmp_path, partition_by="isin")
    assert load(tmp_path, "**/*.parquet", symbol_from="isin")["symbol"].to_list() == names


def test_what_is_no_partition() -> None:
    assert from_partition("year=2020/x.parquet", ["symbol"], None) is None
    assert from_partition("symbols/x.parquet", ["symbol"], None) is None
    assert from_partition("symbol=AAPL.US/x.parquet", ["symbol"], r"(.+)\.US") == "AAPL"
    with pytest.raises(SourceError, match="no symbol"):
        from_partition("symbol=__HIVE_DEFAULT_PARTITION__/x.parquet", ["symbol"], None)
