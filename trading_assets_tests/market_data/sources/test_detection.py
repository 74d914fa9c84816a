"""`config detect`: what it believes, why, the bars as read, doubts, and YAML that reads the same bars."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from trading_assets.market_data.sources import SourceError
from trading_assets.market_data.sources.detection import detect
from trading_assets_tests.conftest import TINY, called
from trading_assets_tests.market_data.sources.test_layouts import AMBIGUOUS, EACH, about, bars_of, put, read
from trading_assets_tests.market_data.vendor_files import VendorFile
from trading_assets_tests.market_data.vendor_files.asia import ASIA


@pytest.mark.parametrize(("name", "file"), EACH)
def test_the_yaml_to_paste_reads_the_file(tmp_path: Path, name: str, file: VendorFile) -> None:
    """As the layout's own test reads it, whatever class of assets was guessed."""
    put(tmp_path, file)
    (detection,) = detect(file.name, tmp_path)
    (belief,) = detection.beliefs
    assert (belief.name, detection.number) == (name, 1)
    assert belief.reasons and belief.says.keys() == {"session", "volume", "prices"}
    (pasted,) = yaml.safe_load(belief.yaml)["market_data"]
    assert pasted.pop("source") == "files"
    bars = bars_of(read(tmp_path, **{**pasted, **file.settings}), file.first[0])
    assert [bars[0], bars[-1]] == [about(file.first), about(file.last)]


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_question_shows_both_readings(tmp_path: Path, case: str) -> None:
    name, text, layouts, difference = AMBIGUOUS[case]
    (tmp_path / name).write_text(text.removeprefix("\n"))
    (detection,) = detect(name, tmp_path)
    assert [belief.name for belief in detection.beliefs] == layouts
    told = [f"{key}: {value}" for belief in detection.beliefs for key, value in belief.says.items()]
    assert any(difference in line for line in told)
    assert all(belief.first_bars.height == 2 for belief in detection.beliefs)


def test_adjusted_prices_beside_volume_as_traded_are_doubtful(tmp_path: Path) -> None:
    """Prices a third of what was traded: 10,500 yuan by 1,000 shares are 10.5, above a high of 4."""
    text = ASIA["akshare_shares"][0].text.replace("10,11,12,9", "3,3.6,4,3").replace("11,12.5,13,10", "3.6,4.1,4.3,3.3")
    (tmp_path / "00700.csv").write_text(text.removeprefix("\n"))
    ((belief,),) = [detection.beliefs for detection in detect("00700.csv", tmp_path)]
    assert belief.name == "akshare_shares"
    assert "成交额 by volume is outside of low to high on 2 of the first 2 bars" in belief.doubts[0]


GENERIC = "date,open,high,low,close,volume\n"


@pytest.mark.parametrize(
    ("rows", "doubt"),
    [
        ("2024-01-06,10,12,9,11,5\n2024-01-08,10,12,9,11,5\n", "1 of 2 days are no sessions of XNYS"),
        ("2024-01-05,10,12,9,11,5\n2024-01-05,11,12,9,10,5\n", "1 sessions have several bars of one symbol"),
        ("2024-01-05,10,12,9,11,5\n2024-01-12,10,12,9,11,5\n", "bars are 7 days apart"),
        ("2024-01-05,10,12,9,11,0\n2024-01-08,10,12,9,11,\n", "there is no volume"),
    ],
)  # fmt: skip
def test_bars_raise_doubts_of_their_own(tmp_path: Path, rows: str, doubt: str) -> None:
    (tmp_path / "A.csv").write_text(GENERIC + rows)
    ((belief,),) = [detection.beliefs for detection in detect("A.csv", tmp_path)]
    assert belief.name == "generic"
    assert belief.source["symbol_from"] == "filename"
    assert any(doubt in each for each in belief.doubts)


def test_files_of_several_kinds_are_told_apart(tmp_path: Path) -> None:
    for name in ("A.csv", "B.csv"):
        (tmp_path / name).write_text(GENERIC + "2024-01-05,10,12,9,11,5\n")
    put(tmp_path, ASIA["baostock"][0], "k.csv")
    found = detect("*.csv", tmp_path)
    assert [(each.file, each.number, each.beliefs[0].name) for each in found] == [
        ("A.csv", 2, "generic"), ("k.csv", 1, "baostock"),
    ]  # fmt: skip
    assert [each.beliefs[0].source["path"] for each in found] == ["A.csv", "k.csv"]


@pytest.mark.parametrize("pattern", ["bars/*.csv", "bars/k.csv"])
def test_an_absolute_path_is_read_from_anywhere(tmp_path: Path, pattern: str) -> None:
    """As a relative one is read from the folder that it starts at; nothing is doubtful but what is of the file."""
    (tmp_path / "bars").mkdir()
    (tmp_path / "elsewhere").mkdir()
    put(tmp_path / "bars", ASIA["baostock"][0], "k.csv")
    (near,) = detect(pattern, tmp_path)
    (far,) = detect(str(tmp_path / pattern), tmp_path / "elsewhere")
    assert near.beliefs[0].first_bars.height > 0
    assert far.beliefs[0].first_bars.equals(near.beliefs[0].first_bars)
    assert far.beliefs[0].doubts == near.beliefs[0].doubts
    assert far.beliefs[0].source["path"] == str(tmp_path / pattern)


def test_kinds_of_files_of_an_absolute_pattern_are_named_with_their_folder(tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_text(GENERIC + "2024-01-05,10,12,9,11,5\n")
    put(tmp_path, ASIA["baostock"][0], "k.csv")
    found = detect(str(tmp_path / "*.csv"), tmp_path.parent)
    assert [each.beliefs[0].source["path"] for each in found] == [str(tmp_path / "A.csv"), str(tmp_path / "k.csv")]


def test_what_is_no_table_of_bars_says_so(tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_text("name,age\nx,3\n")
    with pytest.raises(SourceError, match="no column for"):
        detect("A.csv", tmp_path)


def _run(folder: Path, file: str) -> subprocess.CompletedProcess[str]:
    return called(TINY, folder / "data", "config", "detect", file, folder=folder)


@pytest.mark.slow
def test_the_command_prints_and_exits(tmp_path: Path) -> None:
    """0 with an answer, 1 with a question, 2 with nothing to answer."""
    put(tmp_path, ASIA["nse_bhavcopy"][0], "bhav.csv")
    known = _run(tmp_path, "bhav.csv")
    assert known.returncode == 0, known.stderr
    for part in ("nse_bhavcopy", "because: columns SYMBOL", "doubtful: splits", "2024-01-02", "calendar: XBOM"):
        assert part in known.stdout
    name, text, layouts, _ = AMBIGUOUS["month first or day first, no day above 12"]
    (tmp_path / name).write_text(text.removeprefix("\n"))
    question = _run(tmp_path, name)
    assert question.returncode == 1
    assert all(f"layout: {layout}" in question.stdout for layout in layouts)
    missing = _run(tmp_path, "nothing.csv")
    assert missing.returncode == 2
    assert "no file matches" in missing.stderr
