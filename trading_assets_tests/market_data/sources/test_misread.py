"""A column in another notation than declared is an error with the key that mends it; a bad cell is a bad cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_assets.market_data.sources import SourceError
from trading_assets_tests.market_data.files_source import load, write

HEADER = "date;open;high;low;close;volume"
NARROW, NO_BREAK, THIN = "\u202f", "\u00a0", "\u2009"


def of_prices(folder: Path, prices: list[str], volumes: list[str] | None = None, name: str = "A.csv") -> None:
    """A file of one symbol, a day a price, which is open, high, low and close."""
    volumes = volumes or ["1000"] * len(prices)
    days = [f"2023-{1 + day // 28:02d}-{1 + day % 28:02d}" for day in range(len(prices))]
    rows = (";".join([day, *[price] * 4, volume]) for day, price, volume in zip(days, prices, volumes, strict=True))
    write(folder, *rows, name=name, header=HEADER)


def refusal(folder: Path, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        load(folder, symbol_from="filename", **settings)
    return str(caught.value)


def test_most_prices_with_undeclared_groups(tmp_path: Path) -> None:
    """46 of 48 prices are above 1,000: the two that are not are no reason to go on with two bars."""
    of_prices(tmp_path, ["985.5", *["1,152.58"] * 46, "990.25"])
    assert refusal(tmp_path) == (
        "46 of 48 cells are no numbers, the first is '1,152.58'\n"
        "  file: A.csv, line 3\n"
        "  column: open (and high, low, close)\n"
        "  expected: numbers with a decimal point and no mark between thousands\n"
        '  do: set `thousands: ","`'
    )
    assert load(tmp_path, symbol_from="filename", thousands=",")["close"].to_list() == [985.5, *[1152.58] * 46, 990.25]


def test_the_few_highest_prices_are_not_lost(tmp_path: Path) -> None:
    """A price that passes 1,000 for three days of a hundred is another notation, not three bad cells."""
    of_prices(tmp_path, [*["999.5"] * 97, "1,000.25", "1,001", "1,002.5"])
    assert refusal(tmp_path).startswith("3 of 100 cells are no numbers, the first is '1,000.25'")


def test_no_volume_can_be_read(tmp_path: Path) -> None:
    of_prices(tmp_path, ["10.5", "11", "12"], ["1,996,914", "2,247,325", "998,001"])
    message = refusal(tmp_path)
    assert message.startswith("not one volume can be read, the first is '1,996,914'\n  file: A.csv, line 2\n")
    assert "column: volume\n" in message and message.endswith('do: set `thousands: ","`')


@pytest.mark.parametrize(
    ("cells", "given", "todo"),
    [
        (["1.152,58", "985,5", "2.001,25"], {}, 'set `decimal: ","` and `thousands: "."`'),
        (["1152,58", "985,5", "2001,25"], {}, 'set `decimal: ","`'),
        (["1152.58", "985.5", "2001.25"], {"decimal": ","}, 'set `decimal: "."`'),
        (["1 152,58", "985,5", "2 001,25"], {}, 'set `decimal: ","` and `thousands: " "`'),
        ([f"1{NARROW}152,58", "985,5", f"2{NARROW}001,25"], {"decimal": ","}, 'set `thousands: " "`'),
        (["1'152.58", "985.5", "2'001.25", "3'000.00"], {}, 'set `thousands: "\'"`'),
        (["18,95,771", "1,985", "14,36,618"], {}, 'set `thousands: ","`'),
        (["1,152", "985", "2,001", "3,007"], {}, 'if the comma parts thousands, `decimal: ","` if'),
        (["1,0000", "2,00,00", "1,2345,67"], {"thousands": ","}, "check `columns`"),
    ],
)
def test_the_key_that_mends_it_is_named(tmp_path: Path, cells: list[str], given: dict[str, object], todo: str) -> None:
    of_prices(tmp_path, cells)
    assert todo in refusal(tmp_path, **given)


@pytest.mark.parametrize("space", [" ", NARROW, NO_BREAK, THIN, "\u2007"])
def test_every_space_parts_thousands(tmp_path: Path, space: str) -> None:
    of_prices(tmp_path, [f"15{space}025,94", "985,5"], [f"1{space}996{space}914", f" 7{space}"])
    bars = load(tmp_path, symbol_from="filename", decimal=",", thousands=" ")
    assert bars.select("close", "volume").rows() == [(15025.94, 1996914.0), (985.5, 7.0)]


@pytest.mark.parametrize("mark", ["'", "\u2019", "`"])
def test_every_apostrophe_parts_thousands(tmp_path: Path, mark: str) -> None:
    of_prices(tmp_path, [f"15{mark}025.94", "985.5"])
    assert load(tmp_path, symbol_from="filename", thousands="'")["close"].to_list() == [15025.94, 985.5]


def test_groups_of_india(tmp_path: Path) -> None:
    """18,95,771 is 18 lakh 95 thousand 771: 18 x 100,000 + 95 x 1,000 + 771 = 1,895,771."""
    of_prices(tmp_path, ["1,152.58", "999.5"], ["18,95,771", "1,00,00,000"])
    assert load(tmp_path, symbol_from="filename", thousands=",")["volume"].to_list() == [1_895_771.0, 10_000_000.0]


@pytest.mark.parametrize("bad", ["abc", "1,5", "0x10", "#REF!", "12.3.4"])
def test_a_few_bad_cells_are_null(tmp_path: Path, bad: str) -> None:
    of_prices(tmp_path, ["10", bad, "11", "12", bad, "13"])
    assert load(tmp_path, symbol_from="filename")["close"].to_list() == [10, None, 11, 12, None, 13]


@pytest.mark.parametrize("nothing", ["", "-", "N/A", "NULL", "NaN", "null", "--", "inf", "1e999"])
def test_cells_of_nothing_are_no_numbers_of_another_kind(tmp_path: Path, nothing: str) -> None:
    of_prices(tmp_path, [*[nothing] * 8, "10"], [nothing] * 9)
    bars = load(tmp_path, symbol_from="filename")
    assert bars["close"].to_list() == [*[None] * 8, 10.0] and bars["volume"].null_count() == 9


def test_more_than_half_of_no_numbers_is_another_column(tmp_path: Path) -> None:
    of_prices(tmp_path, ["low", "high", "low", "7", "8"])
    assert "3 of 5 cells are no numbers, the first is 'low'" in refusal(tmp_path)


def test_the_whole_file_decides_whatever_is_asked_for(tmp_path: Path) -> None:
    """One marked cell in a wanted month and three in others: the same answer for one month and for all."""
    of_prices(tmp_path, [*["1,001.5"] * 3, *["999"] * 40, "1,000.25"])
    assert "4 of 44 cells" in refusal(tmp_path)


def test_an_optional_column_may_be_left_out(tmp_path: Path) -> None:
    rows = [f"2023-01-{day:02d};10;10;10;10;5;train" for day in range(2, 6)]
    write(tmp_path, *rows, name="A.csv", header=f"{HEADER};split")
    assert refusal(tmp_path).endswith('if it is no such column: `columns: {split_ratio: ""}`')
    assert load(tmp_path, symbol_from="filename", columns={"split_ratio": ""}).height == 4


MARKS = st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'"), (".", " ")])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(1, 1e7), min_size=1, max_size=12), MARKS)
def test_a_grouped_column_is_read_as_declared_or_refused(
    tmp_path: Path, numbers: list[float], marks: tuple[str, str]
) -> None:
    """Undeclared, no price becomes another one: each is as written, null, or the file is refused."""
    decimal, thousands = marks
    swap = str.maketrans({",": thousands, ".": decimal})
    of_prices(tmp_path, [f"{number:,.2f}".translate(swap) for number in numbers])
    expected = [float(f"{number:.2f}") for number in numbers]
    declared = load(tmp_path, symbol_from="filename", decimal=decimal, thousands=thousands)
    assert declared.sort("source_line")["close"].to_list() == expected
    try:
        undeclared = load(tmp_path, symbol_from="filename").sort("source_line")["close"].to_list()
    except SourceError as error:
        assert "set `" in str(error) or "check `columns`" in str(error)
    else:
        assert decimal == "." and all(got in (None, want) for got, want in zip(undeclared, expected, strict=True))
