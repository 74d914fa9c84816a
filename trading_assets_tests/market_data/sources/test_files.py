"""Bars from files: what is found, mapped and kept."""

from __future__ import annotations

import datetime as dt
import gzip
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import SourceError, read_bars
from trading_assets.market_data.sources.files import find
from trading_assets.market_data.sources.raw import SCHEMA
from trading_assets_tests.market_data.files_source import BAR, HEADER, load, receive, write


def test_a_long_file(tmp_path: Path) -> None:
    write(tmp_path, "B,2020-01-03,10,12,9,11,1000", "A,2020-01-03,1.5,2,1,1.25,7", "A,2020-01-02,1,2,1,1,5")
    bars = load(tmp_path)
    assert bars.schema == SCHEMA
    assert bars.rows() == [
        ("A", "equity", dt.date(2020, 1, 2), 1, 2, 1, 1, 5, *[None] * 5, "files", "bars.csv", 4),
        ("A", "equity", dt.date(2020, 1, 3), 1.5, 2, 1, 1.25, 7, *[None] * 5, "files", "bars.csv", 3),
        ("B", "equity", dt.date(2020, 1, 3), 10, 12, 9, 11, 1000, *[None] * 5, "files", "bars.csv", 2),
    ]


def test_only_the_span_is_handed_over(tmp_path: Path) -> None:
    write(tmp_path, *(f"A,2020-01-{day:02d},{BAR}" for day in range(1, 11)))
    source = FilesSource(source="files", asset_class="equity", path="*.csv")
    span: dict[str, Any] = {"directory": tmp_path, "seed": 0}
    found = read_bars(source, start=dt.date(2020, 1, 3), end=dt.date(2020, 1, 5), **span)
    assert found["session"].to_list() == [dt.date(2020, 1, day) for day in (3, 4, 5)]
    nothing = read_bars(source, start=dt.date(2021, 1, 1), end=dt.date(2021, 1, 31), **span)
    assert nothing.is_empty() and nothing.schema == SCHEMA


def test_every_container_gives_the_same_bars(tmp_path: Path) -> None:
    plain = write(tmp_path, f"A,2020-01-02,{BAR}", f"B,2020-01-02,{BAR}")
    (tmp_path / "bars.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with zipfile.ZipFile(tmp_path / "bars.zip", "w") as archive:
        archive.write(plain, "inner/bars.csv")
        archive.writestr("__MACOSX/inner/._bars.csv", b"\x00\x05")
        archive.writestr("readme.md", "not bars")
    pl.read_csv(plain, try_parse_dates=True).write_parquet(tmp_path / "bars.parquet")

    expected = load(tmp_path, "bars.csv").drop("source_file", "source_line")
    names = {"bars.csv.gz": "bars.csv.gz", "bars.zip": "bars.zip/inner/bars.csv", "bars.parquet": "bars.parquet"}
    for path, source_file in names.items():
        bars = load(tmp_path, path)
        assert bars["source_file"].unique().to_list() == [source_file]
        assert_frame_equal(bars.drop("source_file", "source_line"), expected)
    assert load(tmp_path, "bars.parquet")["source_line"].to_list() == [1, 2]


def test_one_file_a_symbol(tmp_path: Path) -> None:
    for symbol in ("BRK.B", "A"):
        write(tmp_path, f"2020-01-02,{BAR}", name=f"deep/x_{symbol}_d.csv", header="date,open,high,low,close,volume")
    bars = load(tmp_path, "**/*.csv", symbol_from="filename", symbol_pattern=r"x_(.+)_d")
    assert bars["symbol"].to_list() == ["A", "BRK.B"]
    assert bars["source_file"].to_list() == ["deep/x_A_d.csv", "deep/x_BRK.B_d.csv"]
    whole = load(tmp_path, "deep/*.csv", symbol_from="filename")
    assert whole["symbol"].to_list() == ["x_A_d", "x_BRK.B_d"]


def test_an_absolute_glob_leaves_no_absolute_path(tmp_path: Path) -> None:
    write(tmp_path, f"A,2020-01-02,{BAR}", name="2020/bars.csv")
    for path in (f"{tmp_path}/*/bars.csv", f"{tmp_path}/2020/bars.csv"):
        name = load(Path("/"), path)["source_file"].item()
        assert str(tmp_path) not in name and name.endswith("bars.csv")


def test_vendor_layouts_need_no_mapping(tmp_path: Path) -> None:
    layouts = {
        "yahoo.csv": ("Date,Open,High,Low,Close,Adj Close,Volume", "2020-01-02,10,12,9,11,5.5,1000"),
        "coins.csv": (
            "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume",
            "1,Bitcoin,x,2020-01-02 23:59:59,12,9,10,11,1e3",
        ),
        "terminal.csv": ("<TICKER>,<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", "x,20200102,10,12,9,11,1000"),
        "kaggle.csv": ("date,open,high,low,close,volume,Name", "2020-01-02,10,12,9,11,1000,x"),
        "both.csv": ("unix,date,open,high,low,close,volume", "1,2020-01-02,10,12,9,11,1000"),
        "bom.csv": ("\ufeffDate,Open,High,Low,Close,Volume", "2020-01-02,10,12,9,11,1000"),
    }
    for name, (header, line) in layouts.items():
        write(tmp_path, line, name=name, header=header)
        symbol_from = "filename" if name in ("yahoo.csv", "both.csv", "bom.csv") else "symbol"
        bars = load(tmp_path, name, symbol_from=symbol_from)
        assert bars.select("session", "open", "high", "low", "close", "volume").row(0) == (
            dt.date(2020, 1, 2), 10, 12, 9, 11, 1000,
        ), name  # fmt: skip
        assert bars["symbol"].item() == ("x" if symbol_from == "symbol" else name.removesuffix(".csv"))
        assert bars["adj_close"].item() == (5.5 if name == "yahoo.csv" else None)


def test_a_banner_newest_first_and_a_volume_named_after_the_symbol(tmp_path: Path) -> None:
    header = "unix,date,symbol,open,high,low,close,Volume {},Volume USDT,tradecount"
    for coin in ("BTC", "ETH"):
        write(
            tmp_path,
            header.format(coin),
            f"1577923200000,2020-01-02 00:00:00,{coin}/USDT,10,12,9,11,5,55,3",
            f"1577836800.0,2020-01-01,{coin}/USDT,9,11,8,10,4,40,NULL",
            name=f"V_{coin}USDT.csv",
            header="https://vendor.example",
        )
    layout: dict[str, Any] = {"skip_rows": 1, "symbol_from": "filename", "symbol_pattern": "V_(.+)USDT"}
    by_text = load(tmp_path, **layout, columns={"volume": "Volume {symbol}"})
    assert by_text.select("symbol", "session", "volume", "source_line").rows() == [
        ("BTC", dt.date(2020, 1, 1), 4, 4),
        ("BTC", dt.date(2020, 1, 2), 5, 3),
        ("ETH", dt.date(2020, 1, 1), 4, 4),
        ("ETH", dt.date(2020, 1, 2), 5, 3),
    ]
    by_epoch = load(tmp_path, **layout, columns={"volume": "Volume {symbol}", "session": "unix"})
    assert_frame_equal(by_epoch, by_text)


def test_mapped_columns_and_price_scale(tmp_path: Path) -> None:
    write(
        tmp_path,
        "1,2,A,2020-01-02,100000,120000,90000,110000,55000,1000",
        header="Open,Close,Ticker,When,O,H,L,Last,Adjusted,Shares",
    )
    names = {
        "session": "when",
        "open": "O",
        "high": "H",
        "low": "L",
        "close": "Last",
        "volume": "Shares",
        "adj_close": "Adjusted",
    }
    bars = load(tmp_path, symbol_from="Ticker", columns=names, price_scale=1e-4)
    expected = [price * 1e-4 for price in (100000, 120000, 90000, 110000, 55000)] + [1000]
    assert bars.select("open", "high", "low", "close", "adj_close", "volume").row(0) == tuple(expected)
    assert bars["symbol"].item() == "A"


def test_bad_cells_are_null_and_their_rows_stay(tmp_path: Path) -> None:
    cells = ["", "abc", "NaN", "inf", "-Infinity", "1e999", "1,5", "NULL", "0x10"]
    lines = [f'A,2020-01-{day:02d},"{cell}",12,9,11,1000' for day, cell in enumerate(cells, start=1)]
    kept = {"-5": -5.0, " 7.5 ": 7.5, "1e3": 1000.0, "0": 0.0}
    lines += [f"A,2020-02-{day:02d},{cell},12,9,11,1000" for day, cell in enumerate(kept, start=1)]
    write(tmp_path, *lines, "A,2020-03-01,10")
    bars = load(tmp_path)
    assert bars["open"].to_list() == [None] * len(cells) + list(kept.values()) + [10.0]
    assert bars.tail(1).select("high", "low", "close", "volume").row(0) == (None,) * 4


def test_a_text_symbol_is_never_a_missing_value(tmp_path: Path) -> None:
    symbols = ["NA", "NULL", "NaN", "TRUE", "1E5", "None", "007"]
    write(tmp_path, *(f"{symbol},2020-01-02,{BAR}" for symbol in symbols))
    assert load(tmp_path)["symbol"].to_list() == sorted(symbols)


def test_duplicates_stay_in_the_order_of_their_lines(tmp_path: Path) -> None:
    write(tmp_path, "A,2020-01-02,1,1,1,1,1", "A,2020-01-02,2,2,2,2,2", "A,2020-01-02,1,1,1,1,1")
    assert load(tmp_path)["open"].to_list() == [1, 2, 1]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path: Path, ending: str) -> None:
    lines = [HEADER, f"A,2020-01-01,{BAR}", "", f"A,2020-01-02,{BAR}", "", ""]
    (tmp_path / "bars.csv").write_bytes(ending.join(lines).encode())
    assert load(tmp_path)["source_line"].to_list() == [2, 4]


def test_parquet_keeps_types(tmp_path: Path) -> None:
    base = pl.DataFrame(
        {"symbol": ["A"], "open": [1.0], "high": [float("nan")], "low": [None], "close": [1], "volume": ["5"]}
    )
    stamp = dt.datetime(2020, 1, 2, 23, 30)
    dates = {
        "date": pl.Series([stamp.date()]),
        "naive": pl.Series([stamp], dtype=pl.Datetime("ns")),
        "zoned": pl.Series([stamp]).dt.replace_time_zone("America/New_York"),
        "epoch": pl.Series([1577971800]),
        "basic": pl.Series([20200102]),
        "text": pl.Series(["2020-01-02"], dtype=pl.Categorical),
    }
    for name, column in dates.items():
        base.with_columns(column.alias("date")).write_parquet(tmp_path / f"{name}.parquet")
    bars = load(tmp_path, timezone="America/New_York")
    expected = {name: dt.date(2020, 1, 2) for name in dates}
    assert dict(zip(bars["source_file"].str.strip_suffix(".parquet"), bars["session"], strict=True)) == expected
    assert bars.select("open", "high", "low", "close", "volume").unique().rows() == [(1.0, None, None, 1.0, 5.0)]


def test_rows_without_a_date_are_an_error_or_are_rejected(tmp_path: Path) -> None:
    write(tmp_path, f"A,2020-01-02,{BAR}", f"A,,{BAR}", f"A,soon,{BAR}", f"A,2020-01-03,{BAR}")
    with pytest.raises(SourceError, match=r"no date \(2 such rows\)\n  file: bars.csv, line 3\n  column: date"):
        load(tmp_path)
    received = receive(tmp_path, bad_dates="skip")
    assert received.bars["source_line"].to_list() == [2, 5]
    assert received.rejected.select("source_file", "source_line", "session", "reason", "text").rows() == [
        ("bars.csv", 3, None, "no_date", f"A,,{BAR}"),
        ("bars.csv", 4, None, "no_date", f"A,soon,{BAR}"),
    ]


NUMBER = st.floats(allow_nan=False, allow_infinity=False)
ROW = st.tuples(st.sampled_from("ABC"), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), *[NUMBER] * 5)


@given(rows=st.lists(ROW, min_size=1, max_size=20), columns=st.permutations(range(7)))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read_to_the_last_bit(
    tmp_path: Path, rows: list[tuple[object, ...]], columns: list[int]
) -> None:
    header = HEADER.split(",")
    write(
        tmp_path,
        *(",".join(str(row[index]) for index in columns) for row in rows),
        header=",".join(header[index] for index in columns),
    )
    bars = load(tmp_path).sort("source_line")
    assert bars.select("symbol", "session", "open", "high", "low", "close", "volume").rows() == rows


def test_a_folder_is_told_how_its_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "prices").mkdir()
    for name in ("aaa.txt", "bbb.csv", "ccc.csv"):
        (tmp_path / "prices" / name).touch()
    for pattern in ("prices", "prices/", str(tmp_path / "prices")):
        with pytest.raises(SourceError, match="is a folder") as found:
            find(pattern, tmp_path)
        assert f'path: "{pattern.rstrip("/")}/*.csv"' in str(found.value)
