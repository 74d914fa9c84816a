"""Files that other programs open."""

from __future__ import annotations

import csv
import io
import json
import threading
from pathlib import Path

import polars as pl
import pytest

from trading_assets.reports.build import write_files
from trading_assets.reports.exports import csv_text, json_text

FORMULAS = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x.example")']
PLAIN = ["BRK-B", "a=b", "../../x", "'; DROP TABLE bars; --", 'say "hi", twice', "two\nlines", "", "<script>"]


@pytest.mark.parametrize("text", FORMULAS)
def test_hostile_input_formula_cells_are_text(text: str) -> None:
    [cell] = read(csv_text(pl.DataFrame({"symbol": [text]})))["symbol"]
    assert cell == "'" + text


@pytest.mark.parametrize("text", FORMULAS)
def test_hostile_input_formula_cells_in_lists(text: str) -> None:
    [cell] = read(csv_text(pl.DataFrame({"flags": [[text, "spike"]]})))["flags"]
    assert cell == f"'{text};spike"


def test_other_text_is_left_as_it_is() -> None:
    assert read(csv_text(pl.DataFrame({"symbol": PLAIN, "row": range(len(PLAIN))})))["symbol"] == PLAIN


def test_negative_numbers_stay_numbers_to_the_last_digit() -> None:
    values = [-0.1, 1 / 3, -1e-300, 123456789.123456789, None]
    column = read(csv_text(pl.DataFrame({"row": range(5), "pnl": values})))["pnl"]
    assert [float(text) if text else None for text in column] == values


def test_json_has_the_same_values() -> None:
    frame = pl.DataFrame({"symbol": [*FORMULAS, *PLAIN]}).with_columns(
        pnl=pl.lit(-1 / 3), session=pl.lit("2020-02-29").str.to_date(), nothing=pl.lit(None, pl.Float64)
    )
    rows = json.loads(json_text(frame))
    assert [row["symbol"] for row in rows] == [*FORMULAS, *PLAIN]
    assert rows[0] | {"symbol": ""} == {"symbol": "", "pnl": -1 / 3, "session": "2020-02-29", "nothing": None}


def test_no_rows_are_a_header() -> None:
    assert csv_text(pl.DataFrame(schema={"symbol": pl.String, "pnl": pl.Float64})) == "symbol,pnl\n"
    assert json.loads(json_text(pl.DataFrame(schema={"symbol": pl.String}))) == []


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.html": "old", "b.html": "old"})
    with pytest.raises(UnicodeEncodeError):
        write_files(tmp_path, {"a.html": "new", "b.html": "half \ud800"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.html": "new", "b.html": "old"}


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    seen: set[str] = set()
    done = threading.Event()
    texts = [letter * 1_000_000 for letter in "ab"]
    write_files(tmp_path, {"page.html": texts[0]})

    def read_on() -> None:
        while not done.is_set():
            seen.add((tmp_path / "page.html").read_text())

    reader = threading.Thread(target=read_on)
    reader.start()
    for number in range(60):
        write_files(tmp_path, {"page.html": texts[number % 2]})
    done.set()
    reader.join()
    assert seen <= set(texts)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def read(text: str) -> dict[str, list[str]]:
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    return {name: [row[name] for row in rows] for name in rows[0]}
