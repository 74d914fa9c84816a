"""What a file's volume counts, and how it says that it has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trading_assets.market_data.sources.errors import SourceError
from trading_assets_tests.market_data.files_source import load, write


def volumes(folder: Path, *cells: str, **settings: Any) -> list[float | None]:
    write(folder, *(f"A,2024-01-{day:02d},10,12,9,10,{cell}" for day, cell in enumerate(cells, start=2)))
    return load(folder, **settings)["volume"].to_list()


def test_lots_of_a_hundred(tmp_path: Path) -> None:
    """19,969.14 lots of 100 shares are 1,996,914 shares."""
    assert volumes(tmp_path, "19969.14", "0", volume_scale=100) == pytest.approx([1_996_914, 0])


def test_a_turnover_in_thousands(tmp_path: Path) -> None:
    """31.5 thousand at a close of 10 are 3,150 shares."""
    assert volumes(tmp_path, "31.5", volume_scale=1000, volume_in="quote") == [3150.0]


@pytest.mark.parametrize("cell", ["-1", "-1.0", "-1.00"])
def test_minus_one_is_no_volume(tmp_path: Path, cell: str) -> None:
    assert volumes(tmp_path, cell, cell, "7", cell) == [None, None, 7.0, None]
    assert volumes(tmp_path, cell, cell, volume_scale=100) == [None, None]


def test_minus_one_among_other_negative_volumes_is_negative(tmp_path: Path) -> None:
    assert volumes(tmp_path, "-1", "-5", "7") == [-1.0, -5.0, 7.0]


def test_a_file_that_has_no_volume_says_so(tmp_path: Path) -> None:
    """An index of points: undeclared, the message has the line to write; a column of that name is then left alone."""
    header = "symbol,date,open,high,low,close"
    write(tmp_path, "A,2024-01-02,10,12,9,10", header=header)
    with pytest.raises(SourceError, match=r'of files without one, as of an index, `columns: \{volume: ""\}`'):
        load(tmp_path)
    assert load(tmp_path, columns={"volume": ""}).select("close", "volume").rows() == [(10.0, None)]
    assert volumes(tmp_path, "7", columns={"volume": ""}, volume_in="quote", volume_scale=1000) == [None]


def test_a_close_cannot_be_said_to_be_absent(tmp_path: Path) -> None:
    write(tmp_path, "A,2024-01-02,10,12,9,10,7")
    with pytest.raises(SourceError, match="no column for 'close'"):
        load(tmp_path, columns={"close": ""})
