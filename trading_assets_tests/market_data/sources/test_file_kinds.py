"""Files that are something else than they seem: each is read, or named with what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import logging
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.market_data.sources import SourceError
from trading_assets_tests.market_data.files_source import BAR, HEADER, load, receive, write

LINES = [f"A,2020-01-02,{BAR}", f"A,2020-01-03,{BAR}"]
TEXT = "\n".join([HEADER, *LINES]) + "\n"
ORIGIN = ("source_file", "source_line")


def refusal(folder: Path, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        load(folder, **settings)
    return str(caught.value)


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return buffer.getvalue()


def database(folder: Path) -> bytes:
    path = folder / "db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bars (x)")
    data = path.read_bytes()
    path.unlink()
    return data


@pytest.mark.parametrize("name", ["bars.csv", "bars.xlsx", "bars"])
@pytest.mark.parametrize(
    ("data", "what", "todo"),
    [
        (zipped(xl__workbook="", xl__worksheets__sheet1=""), "an Excel workbook (xlsx)", "save the sheet as CSV"),
        (zipped(mimetype="", **{"content.xml": ""}), "an OpenDocument file", "save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an Excel workbook (xls)", "save the sheet as CSV"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "compressed with Zstandard", "zstd -d"),
        (bz2.compress(TEXT.encode()), "compressed with bzip2", "bunzip2"),
        (lzma.compress(TEXT.encode()), "compressed with xz", "unxz"),
        (tarred(), "a tar archive", "unpack it"),
        (pickle.dumps({"open": [1.0] * 20}, protocol=4), "a Python pickle", "read_pickle"),
        (b"FEA1" + bytes(40), "a Feather file of version 1", "Feather version 2"),
    ],
)
def test_other_kinds_are_named(tmp_path: Path, name: str, data: bytes, what: str, todo: str) -> None:
    (tmp_path / name).write_bytes(data)
    message = refusal(tmp_path)
    assert message.startswith(f"the file is {what}\n  file: {name}\n  expected: CSV, JSON")
    assert todo in message and "iconv" not in message and "UTF-8" not in message


def test_a_database_is_for_another_source(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_bytes(database(tmp_path))
    assert "the file is an SQLite database" in refusal(tmp_path) and "`source: sql`" in refusal(tmp_path)


def test_containers_are_told_by_their_bytes(tmp_path: Path) -> None:
    """The same two bars as Parquet, Feather, gzip and zip, all under a name that says CSV."""
    table = pl.read_csv(TEXT.encode(), try_parse_dates=True)
    expected = load(write(tmp_path / "plain", *LINES).parent).drop(ORIGIN)
    table.write_parquet(tmp_path / "a.csv")
    table.write_ipc(tmp_path / "b.csv", compression="zstd")
    (tmp_path / "c.csv").write_bytes(gzip.compress(TEXT.encode()))
    (tmp_path / "d.csv").write_bytes(zipped(**{"x.csv": TEXT}))
    for name in "abcd":
        assert_frame_equal(load(tmp_path, f"{name}.csv").drop(ORIGIN), expected)


def test_feather_gives_a_symbol_by_its_name(tmp_path: Path) -> None:
    pl.read_csv(TEXT.encode(), try_parse_dates=True).drop("symbol").write_ipc(tmp_path / "BTC.feather")
    bars = load(tmp_path, symbol_from="filename")
    assert bars["symbol"].to_list() == ["BTC", "BTC"] and bars["source_line"].to_list() == [1, 2]
    (tmp_path / "BTC.feather").write_bytes((tmp_path / "BTC.feather").read_bytes()[:200])
    assert "not a readable Arrow file" in refusal(tmp_path, symbol_from="filename")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>", "a web page, which says '404 Not"),
        ("  <html><body>Rate limit exceeded</body></html>", "a web page, which says 'Rate limit exceeded'"),
        ("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page, which says 'AccessDenied'"),
        ('{"Note": "Our call frequency is 5 calls per minute"}', 'JSON, which says \'{"Note": "Our call frequency'),
        ('{"code": -1121, "msg": "Invalid symbol."}', "JSON, which says"),
    ],
)
def test_the_answer_of_a_service_in_place_of_data(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "A.csv").write_text(text)
    assert refusal(tmp_path, symbol_from="filename").startswith(f"the file is {says}")


@pytest.mark.parametrize("first", ["ORCL", "[symbol]", "<DIVISION>", "PAR1", "FEA1", "BZhang", "Rar!", "{x}"])
def test_texts_that_begin_like_something_else(tmp_path: Path, first: str) -> None:
    header = HEADER.replace("symbol", first)
    write(tmp_path, *LINES, header=header)
    assert load(tmp_path, symbol_from=first)["symbol"].to_list() == ["A", "A"]


def test_what_a_service_says_is_told_whatever_the_ending(tmp_path: Path) -> None:
    for name in ("A.parquet", "A.csv.gz", "A.zip", "A.json"):
        (tmp_path / name).write_text("<html><title>503 Service Unavailable</title></html>")
        with pytest.raises(SourceError, match="a web page, which says '503 Service Unavailable'"):
            load(tmp_path, name)


def test_members_that_are_not_read_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "bars.zip").write_bytes(zipped(**{"a.csv": TEXT, "b.parquet": "", "notes.md": ""}))
    with caplog.at_level(logging.WARNING):
        assert load(tmp_path).height == 2
    assert caplog.messages == ["bars.zip: members that are not read: b.parquet, notes.md"]


def test_a_message_in_json_is_shown(tmp_path: Path) -> None:
    (tmp_path / "A.json").write_text('{"status": {"error_message": "API key missing", "n": 3}}')
    assert refusal(tmp_path).startswith("no list of bars; the file says 'error_message: API key missing; n: 3'")


def test_all_empty_files_are_named_at_once(tmp_path: Path) -> None:
    for name in ("A.csv", "C.csv"):
        (tmp_path / name).touch()
    (tmp_path / "B.csv").write_text(HEADER)
    (tmp_path / "D.csv").write_text(TEXT)
    assert refusal(tmp_path) == (
        "3 files hold no bars\n  file: A.csv (empty)\n  file: B.csv (a header without rows)\n  file: C.csv (empty)\n"
        "  expected: a header and rows of bars\n  do: deliver them again, or take them out of `path`"
    )


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gbk", "股票代码,名称"),
        ("cp932", "コード,メイガラ"),
        ("euc_kr", "종목코드,이름"),
        ("cp1252", "société,é"),
        ("utf-16", "名,称"),
    ],
)
def test_other_encodings_are_read_as_declared_or_named(tmp_path: Path, encoding: str, text: str) -> None:
    """Vendors' headers in their own encodings; the prices below them are the same everywhere."""
    header = f"{text},symbol,date,open,high,low,close,volume"
    (tmp_path / "bars.csv").write_bytes("\n".join([header, *(f"1,2,{line}" for line in LINES)]).encode(encoding))
    assert f"`encoding: {encoding}`" in refusal(tmp_path).partition("or name what it is written in: ")[2]
    assert load(tmp_path, encoding=encoding)["close"].to_list() == [11, 11]


def test_a_wrong_encoding_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_bytes(f"{TEXT}é".encode("latin-1"))
    assert refusal(tmp_path, encoding="ascii").startswith("not text in ascii (byte 0xe9)\n  file: bars.csv, line 4")


@pytest.mark.parametrize("ticker", ["AAPL", "BRK-B"])
@pytest.mark.parametrize("heads", [("Price", "Ticker"), ("Attributes", "Symbols"), ("", "")])
def test_a_header_of_three_lines(tmp_path: Path, ticker: str, heads: tuple[str, str]) -> None:
    """As yfinance and pandas-datareader write the bars of one ticker."""
    lines = [f"{heads[1]}," + ",".join([ticker] * 5), "Date,,,,,", "2023-01-03,11,12,9,10,1000"]
    write(tmp_path, *lines, name="prices.csv", header=f"{heads[0]},Close,High,Low,Open,Volume")
    bars = load(tmp_path)
    assert bars.select("symbol", "open", "high", "low", "close", "volume", "source_line").rows() == [
        (ticker, 10, 12, 9, 11, 1000, 4)
    ]
    assert load(tmp_path, symbol_from="filename")["symbol"].item() == "prices"


def test_several_tickers_side_by_side_say_what_to_write(tmp_path: Path) -> None:
    lines = ["Ticker,A,B,A,B,A,B", "Date,,,,,,", "2023-01-03,1,2,3,4,5,6"]
    write(tmp_path, *lines, name="p.csv", header="Price,Close,Close,High,High,Low,Low")
    assert "2 tickers side by side" in refusal(tmp_path) and 'stack("Ticker"' in refusal(tmp_path)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (
            "1672531200000,16541.77,16545.7,16508.39,16529.67,4364.83,1672534799999,72146293.5,149854,2179.94,36e6,0",
            "session, open, high, low, close, volume, close_time, quote_volume, trades, taker_base, taker_quote, "
            "ignore",
        ),
        ("2023-01-03,10,12,9,11,1000", "session, open, high, low, close, volume"),
        ("1672531200,10,12,9,11,1000,7", "session, open, high, low, close, volume, column_7"),
        ("AAPL,20230103,10,12,9,11,1000", "symbol, session, open, high, low, close, volume"),
    ],
)
def test_a_file_without_a_header_says_what_to_write(tmp_path: Path, line: str, names: str) -> None:
    (tmp_path / "A.csv").write_text(f"{line}\n{line}\n")
    origin = "symbol" if "symbol" in names else "filename"
    message = refusal(tmp_path, symbol_from=origin, layout="generic")
    assert message.startswith("no names of columns: the line is ") and f"set `header: [{names}]`" in message
    assert load(tmp_path, symbol_from=origin, header=names.split(", ")).height == 2, "what it says is right"


def test_empty_files_do_not_hide_behind_each_other(tmp_path: Path) -> None:
    (tmp_path / "A.parquet").touch()
    (tmp_path / "B.json").touch()
    assert refusal(tmp_path).startswith("2 files hold no bars\n  file: A.parquet (empty)\n  file: B.json (empty)")
    assert receive(write(tmp_path / "x", *LINES).parent).spans.height == 1
