"""Separators, marks, files without a header, JSON and conditions."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import SourceError
from trading_assets.market_data.sources.numbers import to_numbers
from trading_assets_tests.market_data.files_source import load, write

PRICES = ["open", "high", "low", "close", "volume"]
ROWS = [("A", "2020-01-02", 1.5, 2.0, 1.0, 1.25, 5000.0), ("A", "2020-01-03", 1234.5, 2000.0, 1000.25, 1100.0, 7.0)]


def values(bars: pl.DataFrame) -> list[tuple[object, ...]]:
    return bars.select("symbol", pl.col("session").cast(pl.String), "open", "high", "low", "close", "volume").rows()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_separator_is_found(tmp_path: Path, separator: str) -> None:
    names = ["symbol", "date", *PRICES]
    write(tmp_path, *(separator.join(map(str, row)) for row in ROWS), header=separator.join(names))
    assert values(load(tmp_path)) == ROWS
    assert values(load(tmp_path, separator=separator)) == ROWS


@pytest.mark.parametrize(
    ("decimal", "thousands", "numbers"),
    [
        (",", ".", ("1,5", "2,0", "1", "1,25", "5.000")),
        (",", " ", ("1,5", "2,0", "1", "1,25", "5 000")),
        (".", ",", ("1.5", "2", "1.00", "1.25", "5,000.0")),
        (".", "'", ("1.5", "$2", "€ 1.00", "1.25", "5'000")),
        (".", "", ("1.5", "$2.00", "1", "1.25", "5K")),
    ],
)
def test_marks_of_numbers(tmp_path: Path, decimal: str, thousands: str, numbers: tuple[str, ...]) -> None:
    """The same bar as five countries write it."""
    write(tmp_path, ";".join(["A", "2020-01-02", *numbers]), header=";".join(["symbol", "date", *PRICES]))
    assert values(load(tmp_path, decimal=decimal, thousands=thousands)) == ROWS[:1]


@pytest.mark.parametrize("cell", ["1,234", "1,23,456", "12,34", "1..5", "$", "K", "1.5X", "--1", "1 2", "", "1.5.K"])
def test_what_cannot_be_told_is_no_number(cell: str) -> None:
    assert to_numbers(pl.Series([cell, "1"])).to_list() == [None, 1.0]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("-$1.5", -1.5), ("$-1.5", -1.5), ("55.63M", 55.63e6), ("2b", 2e9), ("1e-3", 1e-3), ("+7", 7.0), ("£ 3", 3.0)],
)
def test_signs_and_multiples(cell: str, value: float) -> None:
    assert to_numbers(pl.Series([cell])).to_list() == [value]


@pytest.mark.parametrize("cell", ["1.23.4", "1.2345", ".123", "12.34", "1.234,5,6", "1.5"])
def test_a_mark_in_a_wrong_place_makes_no_number(cell: str) -> None:
    assert to_numbers(pl.Series([cell]), decimal=",", thousands=".").to_list() == [None]


@given(st.floats(-1e12, 1e12, allow_nan=False), st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'")]))
@settings(max_examples=200)
def test_grouped_numbers_are_those_that_were_written(number: float, marks: tuple[str, str]) -> None:
    decimal, thousands = marks
    written = f"{number:,.4f}"
    swapped = written.translate(str.maketrans(",.", thousands + decimal))
    assert to_numbers(pl.Series([swapped]), decimal=decimal, thousands=thousands).to_list() == [float(f"{number:.4f}")]


def test_files_without_a_header(tmp_path: Path) -> None:
    """One headerless file a symbol in a zip, prices in ten-thousandths, as exchanges' archives have them."""
    for symbol in ("aaa", "bbb"):
        with zipfile.ZipFile(tmp_path / f"{symbol}.zip", "w") as archive:
            archive.writestr(f"{symbol}.csv", "19980102 00:00,136300,162500,135000,162500,6315000\n")
    bars = load(tmp_path, "*.zip", symbol_from="filename", header=["session", *PRICES], price_scale=0.0001)
    assert bars.select("symbol", "session", "open", "close", "volume", "source_file", "source_line").rows() == [
        (symbol, dt.date(1998, 1, 2), 13.63, 16.25, 6315000.0, f"{symbol}.zip/{symbol}.csv", 1)
        for symbol in ("aaa", "bbb")
    ]


def test_a_headerless_file_after_a_banner(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("exported today\nA,2020-01-02,1.5,2,1,1.25,5000\n")
    bars = load(tmp_path, header=["symbol", "date", *PRICES], skip_rows=1)
    assert values(bars) == ROWS[:1]
    assert bars["source_line"].to_list() == [2]


def test_a_row_wider_than_the_given_header_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("A,2020-01-02,1.5,2,1,1.25,5000\nA,2020-01-03,1,2,1,1,5,9\n")
    with pytest.raises(SourceError, match="more fields than the header has") as caught:
        load(tmp_path, header=["symbol", "date", *PRICES])
    assert "bars.csv, line 2" in str(caught.value)


def _as_json(shape: str) -> str:
    names = ["symbol", "date", *PRICES]
    objects = [dict(zip(names, row, strict=True)) for row in ROWS]
    columns = {name: [row[at] for row in ROWS] for at, name in enumerate(names)}
    return {
        "objects": json.dumps(objects),
        "indented": json.dumps(objects, indent=4),
        "inside": json.dumps({"status": "ok", "count": 2, "data": {"bars": objects}}),
        "lines": "\n".join(map(json.dumps, objects)) + "\n",
        "columns": json.dumps({"s": "ok", "next": None, **columns}),
        "arrays": json.dumps(ROWS),
    }[shape]


@pytest.mark.parametrize("shape", ["objects", "indented", "inside", "lines", "columns", "arrays"])
@pytest.mark.parametrize("container", ["plain", "gz", "zip"])
def test_every_shape_of_json(tmp_path: Path, shape: str, container: str) -> None:
    text = _as_json(shape)
    if container == "plain":
        (tmp_path / "bars.json").write_text(text)
    elif container == "gz":
        (tmp_path / "bars.json.gz").write_bytes(gzip.compress(text.encode()))
    else:
        with zipfile.ZipFile(tmp_path / "bars.zip", "w") as archive:
            archive.writestr("bars.json", text)
    header: dict[str, Any] = {"header": ["symbol", "date", *PRICES]} if shape == "arrays" else {}
    assert values(load(tmp_path, **header)) == ROWS


def test_json_keeps_every_digit_and_null(tmp_path: Path) -> None:
    (tmp_path / "A.json").write_text(
        '[{"date": 1577923200000, "open": 0.1234567890123456, "high": 1, "low": 0.1, "close": null, "volume": "1e3"}]'
    )
    bars = load(tmp_path, symbol_from="filename")
    assert bars.select("symbol", "session", "open", "close", "volume").row(0) == (
        "A", dt.date(2020, 1, 2), 0.1234567890123456, None, 1000.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("", "the file is empty", 1),
        ("[", "not JSON", 1),
        ('[{"date": "2020-01-02",\n "open": }]', "not JSON", 2),
        ('{"date": 1}\n{"date": \n', "not a JSON object", 2),
        ("[]", "no list of bars", 1),
        ('{"a": [{"x": 1}], "b": [{"x": 1}]}', "no list of bars", 1),
        ("3", "no list of bars", 1),
        ('[{"date": 1}, 3]', "beside rows of another kind", 2),
        ("[[1, 2]]", "rows without names", 1),
        ("[" * 100_000, "not JSON", 1),
    ],
)
def test_unusable_json_names_file_and_line(tmp_path: Path, text: str, what: str, line: int) -> None:
    (tmp_path / "bars.json").write_text(text)
    with pytest.raises(SourceError, match=what) as caught:
        load(tmp_path)
    assert f"bars.json, line {line}" in str(caught.value)


def test_only_the_rows_wanted(tmp_path: Path) -> None:
    write(
        tmp_path,
        "A,1m,2020-01-02,1,2,1,1,5",
        "A,1d,2020-01-02,1.5,2,1,1.25,5000",
        header="symbol,tf,date,open,high,low,close,volume",
    )
    assert values(load(tmp_path, where={"tf": "1d"})) == ROWS[:1]
    with pytest.raises(SourceError, match="no column 'frame'"):
        load(tmp_path, where={"frame": "1d"})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("thousands", ".", "name both marks"),
        ("header", ["a", "a"], "'a' is there twice"),
        ("separator", ":", "separator"),
        ("interval", "2h", "interval"),
    ],
)
def test_settings_are_checked(key: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FilesSource.model_validate({"source": "files", "asset_class": "equity", "path": "*", key: value})
