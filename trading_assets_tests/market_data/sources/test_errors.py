"""Files that cannot be used: the error says which, where, what was expected and what to do."""

from __future__ import annotations

import gzip
import re
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import SourceError
from trading_assets_tests.market_data.files_source import BAR, HEADER, load, write

GOOD = f"A,2020-01-02,{BAR}"


def refusal(folder: Path, path: str = "*", **settings: object) -> str:
    with pytest.raises(SourceError) as caught:
        load(folder, path, **settings)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_empty_source(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bars.csv").write_bytes(content)
    assert refusal(tmp_path).startswith("the file is empty\n  file: bars.csv, line 1\n  expected: a header and rows")


def test_empty_parquet(tmp_path: Path) -> None:
    (tmp_path / "bars.parquet").touch()
    assert refusal(tmp_path).startswith("the file is empty\n  file: bars.parquet")
    (tmp_path / "bars.parquet").write_text("symbol,date\n")
    assert refusal(tmp_path).startswith("not a readable Parquet file")


def test_header_only(tmp_path: Path) -> None:
    write(tmp_path)
    assert refusal(tmp_path).startswith("a header without rows\n  file: bars.csv, line 1")


def test_truncated_gzip(tmp_path: Path) -> None:
    # Digits that do not repeat, so that a part of the lines survives the cut.
    lines = [f"A,2020-01-02,{index**7 % 99991},{index**5 % 99989},1,1,1" for index in range(5000)]
    whole = gzip.compress("\n".join([HEADER, *lines]).encode())
    (tmp_path / "bars.csv.gz").write_bytes(whole[: len(whole) // 2])
    message = refusal(tmp_path)
    assert message.startswith("the gzip file is cut\n  file: bars.csv.gz, line ")
    line = int(re.findall(r"line (\d+)\n", message)[0])
    assert 1000 < line < 4000

    (tmp_path / "bars.csv.gz").write_bytes(whole[:200] + b"\xff" * 50 + whole[250:])
    assert "damaged" in refusal(tmp_path)
    (tmp_path / "bars.csv.gz").write_text(HEADER)
    assert refusal(tmp_path).startswith("not a gzip file")


def test_unusable_zip(tmp_path: Path) -> None:
    path = tmp_path / "bars.zip"
    path.write_bytes(b"PK")
    assert refusal(tmp_path).startswith("the zip cannot be read")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.md", "no bars here")
    assert refusal(tmp_path).startswith("no CSV in the zip\n  file: bars.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.csv", f"{HEADER}\n{GOOD}\nA,never,{BAR}\n")
    assert "file: bars.zip/../../evil.csv, line 3" in refusal(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["bars.zip"], "nothing is unpacked"


def test_wrong_columns(tmp_path: Path) -> None:
    write(tmp_path, GOOD, header="symbol,date,open,high,low,clsoe,volume")
    assert refusal(tmp_path) == (
        "no column for 'close'\n"
        "  file: bars.csv, line 1\n"
        "  column: close\n"
        "  expected: 'close' among the columns found: symbol, date, open, high, low, clsoe, volume (nearest: clsoe)\n"
        "  do: name it under `columns`: {close: clsoe}; if the header is further down, set `skip_rows`"
    )
    assert "'Shut' among the columns" in refusal(tmp_path, columns={"close": "Shut"})


def test_a_file_of_one_symbol_says_how_to_name_it(tmp_path: Path) -> None:
    write(tmp_path, f"2024-01-02,{BAR}", name="AAPL.csv", header="date,open,high,low,close,volume")
    message = refusal(tmp_path)
    assert message.startswith("no column for 'symbol'\n  file: AAPL.csv, line 1")
    assert "set `symbol_from: filename` (or `folder`)" in message
    assert load(tmp_path, symbol_from="filename")["symbol"].item() == "AAPL"


def test_all_missing_columns_are_one_message(tmp_path: Path) -> None:
    write(tmp_path, "A,2024-01-02,1,2", header="symbol,date,close,volume")
    message = refusal(tmp_path)
    assert message.startswith("no column for 'open', 'high', 'low'\n")
    assert "orders fill at the open" in message


def test_two_columns_of_one_name_are_told_apart_as_the_message_says(tmp_path: Path) -> None:
    write(tmp_path, f"{GOOD},1", header=f"{HEADER},close")
    assert "both are called 'close'" in refusal(tmp_path) and "set `skip_rows: 1`" in refusal(tmp_path)
    named = ["symbol", "date", "open", "high", "low", "traded", "volume", "close"]
    assert load(tmp_path, header=named, skip_rows=1)["close"].item() == 1


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_a_first_column_without_a_name_holds_the_dates(tmp_path: Path, name: str) -> None:
    """As pandas writes the index of a frame; with a column of dates beside it, it is a number of the row."""
    write(tmp_path, f"2024-01-02,A,{BAR}", header=f"{name},symbol,open,high,low,close,volume")
    assert str(load(tmp_path)["session"].item()) == "2024-01-02"
    write(tmp_path, f"0,A,2024-01-03,{BAR}", header=f"{name},symbol,date,open,high,low,close,volume")
    assert str(load(tmp_path)["session"].item()) == "2024-01-03"
    write(tmp_path, f"0,A,{BAR}", header=f"{name},symbol,open,high,low,close,volume")
    assert "'0' is no date" in refusal(tmp_path)


def test_old_line_ends_are_named(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_bytes(f"{HEADER}\r{GOOD}\r".encode())
    assert "save the file with the line ends of Unix or Windows" in refusal(tmp_path)


def test_bytes_that_cannot_be_shown_take_no_room(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with (tmp_path / "bars.csv").open("ab") as file:
        file.write(b"A," + b"\0" * 200 + f",{BAR}\n".encode())
    assert len(refusal(tmp_path).splitlines()[0]) < 120


def test_a_column_that_two_can_be(tmp_path: Path) -> None:
    write(tmp_path, f"{GOOD},1", header=f"{HEADER},Close")
    assert refusal(tmp_path).startswith("2 columns can be 'close': close, Close\n  file: bars.csv, line 1")
    assert load(tmp_path, columns={"close": "Close"})["close"].item() == 1


@pytest.mark.parametrize(("given", "right"), [(0, 2), (5, 2)])
def test_a_header_elsewhere_is_pointed_out(tmp_path: Path, given: int, right: int) -> None:
    write(tmp_path, "second banner", HEADER, GOOD, GOOD, GOOD, GOOD, header="https://vendor.example")
    assert f"do: set `skip_rows: {right}`: line {right + 1} looks like the header" in refusal(tmp_path, skip_rows=given)
    assert load(tmp_path, skip_rows=right).height == 4


def test_skip_rows_beyond_the_end(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert refusal(tmp_path, skip_rows=9).startswith("no header\n  file: bars.csv, line 10")


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_bytes(f"{HEADER}\n{GOOD}\nSociété,2020-01-03,{BAR}\n".encode("latin-1"))
    assert refusal(tmp_path) == (
        "not UTF-8 text (byte 0xe9)\n  file: bars.csv, line 3\n  column: symbol\n  expected: UTF-8\n"
        "  do: convert it, or name what it is written in: `encoding: cp1252`"
    )
    (tmp_path / "bars.csv").write_bytes(f"{HEADER}\n{GOOD}\n".encode("utf-16"))
    assert refusal(tmp_path).startswith("not UTF-8 text (byte 0xff)\n  file: bars.csv, line 1")


def test_more_fields_than_columns(tmp_path: Path) -> None:
    write(tmp_path, GOOD, f"{GOOD},7")
    assert refusal(tmp_path).startswith("more fields than the header has\n  file: bars.csv, line 3\n  column: volume")


@pytest.mark.parametrize(
    "line", ['A,2020-01-03,10,12,9,11,"1000', 'A,2020-01-03,10,12,9,11,1000,"a', 'A,"2020-01-03,1']
)
def test_a_stray_quote_swallows_no_line(tmp_path: Path, line: str) -> None:
    header = f"{HEADER},note"
    write(tmp_path, f"{GOOD},x", line, f"{GOOD},x", f'{GOOD},b"', header=header)
    assert refusal(tmp_path).startswith("a quoted field does not end on its line\n  file: bars.csv, line 3")


def test_old_line_ends(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_bytes(f"{HEADER}\r{GOOD}\r".encode())
    assert refusal(tmp_path).startswith("not a line of CSV")


def test_columns_without_one_number(tmp_path: Path) -> None:
    write(tmp_path, 'A,2020-01-02,"1,5","1,6","1,4","1,5",10', 'A,2020-01-03,"1,5","1,6","1,4","1,5",10')
    message = refusal(tmp_path)
    assert message.startswith("not one price can be read, the first is '1,5'\n  file: bars.csv, line 2\n  column: open")
    write(tmp_path, "A,2020-01-02,,,,,")
    assert load(tmp_path).height == 1, "empty cells are for the quality rules"


def test_no_file_matches(tmp_path: Path) -> None:
    message = refusal(tmp_path, "prices/*.csv")
    assert message.startswith("no file matches 'prices/*.csv'") and str(tmp_path) in message
    (tmp_path / "prices").mkdir()
    assert refusal(tmp_path, "*").startswith("no file matches"), "a folder is no file"


@pytest.mark.parametrize(
    "symbol",
    ["../../x", "'; DROP TABLE bars; --", "=cmd|' /C calc'!A0", "BTC/USDT", "日本 7203", "<b>", "{symbol}", "%s"],
)
def test_hostile_input_symbol_is_data(tmp_path: Path, symbol: str) -> None:
    write(tmp_path, f'" {symbol} ",2020-01-02,{BAR}')
    assert load(tmp_path)["symbol"].item() == symbol
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["bars.csv"]


@pytest.mark.parametrize(
    "symbol", ["", "   ", "A\tB", "A\x00", "A\x1b[31m", "A\u202eB", "A\u2028B", "x" * 65, "x" * 99_000]
)
def test_hostile_input_symbol_is_rejected(tmp_path: Path, symbol: str) -> None:
    write(tmp_path, GOOD, f"{symbol},2020-01-02,{BAR}")
    message = refusal(tmp_path)
    assert "  file: bars.csv, line 3\n  column: symbol\n  expected: 1 to 64 printable characters" in message
    assert len(message) < 400 and message.replace("\n", "").isprintable()


@pytest.mark.parametrize("field", [0, 2, 6])
def test_hostile_input_field_of_10_mb(tmp_path: Path, field: int) -> None:
    cells = GOOD.split(",")
    cells[field] = "9" * 10_000_000
    write(tmp_path, GOOD, ",".join(cells))
    message = refusal(tmp_path)
    column = HEADER.split(",")[field]
    assert message.startswith("a line of 10,000,0") and f"bars.csv, line 3\n  column: {column}" in message
    assert len(message) < 400


def test_symbol_pattern_that_does_not_fit(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert refusal(tmp_path, symbol_pattern=r"(.+)/USDT").startswith(
        "'A' does not fit `symbol_pattern`\n  file: bars.csv, line 2\n  column: symbol"
    )
    assert "'bars' does not fit" in refusal(tmp_path, symbol_from="filename", symbol_pattern=r"^(\d+)$")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("symbol_pattern", "(", "not a regular expression"),
        ("symbol_pattern", "(a)(b)", "with one group, got 2"),
        ("date_format", "iso", "expected auto"),
        ("timezone", "America/NewYork", "did you mean 'America/New_York'"),
        ("timezone", "../../etc/passwd", "unknown time zone"),
        ("columns", {"shut": "Close"}, "unknown column 'shut'"),
        ("columns", {"volume": "Volume {symbol}"}, "needs `symbol_from: filename`"),
        ("bad_dates", "drop", "'error' or 'skip'"),
    ],
)
def test_settings_are_checked_before_anything_is_read(key: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        FilesSource.model_validate({"source": "files", "asset_class": "equity", "path": "x.csv", key: value})
