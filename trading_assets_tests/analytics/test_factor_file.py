"""Files of factors as people have them: French's layout, units, and what is wrong in which line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from trading_assets.analytics.factor_file import read_factors
from trading_assets.market_data.reference.files import ReferenceError

FRENCH = """This file was created by using the 202401 CRSP database.
The Tbill return is the simple daily rate.

,Mkt-RF,SMB,HML,RF
20240102,  -0.70,  -1.20,   0.55,   0.022
20240103,  -0.99,  -99.99,   0.15,   0.022
20240104,  -0.31,   0.10,  -0.20,   0.022

 Annual Factors: January-December
,Mkt-RF,SMB,HML,RF
2023,  21.7, -3.1, -13.6, 4.9

Copyright 2024 Eugene F. Fama and Kenneth R. French
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "factors.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_french_is_read_up_to_its_annual_table_and_in_fractions(tmp_path: Path) -> None:
    found = read_factors(written(tmp_path, FRENCH), "auto")
    assert found.columns == ["session", "mkt_rf", "smb", "hml"]
    assert found["session"].to_list() == [dt.date(2024, 1, day) for day in (2, 3, 4)]
    assert found["mkt_rf"].to_list() == pytest.approx([-0.0070, -0.0099, -0.0031])
    assert found["smb"].to_list()[1] is None


def test_fractions_stay_what_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, "date,quality\n2024-01-03,0.002\n2024-01-02,-0.004\n")
    assert read_factors(path, "auto").rows() == [(dt.date(2024, 1, 2), -0.004), (dt.date(2024, 1, 3), 0.002)]
    assert read_factors(path, "percent")["quality"].to_list() == pytest.approx([-0.00004, 0.00002])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,a\n2024-01-02,0.07\n", "percent or fractions"),
        ("date,a\n2024-01-02,0.1\n2024-01-03,x\n", "line 3"),
        ("date,a\n2024-01-02,0.1\n2024-01-02,0.2\n", "one line a day"),
        ("date,a,b\n2024-01-02,0.1\n", "2 returns, as the names in line 1"),
        ("date,a\n01/02/2024,0.1\n", "no line begins with a date"),
        ("2024-01-02,0.1\n", "no line with names"),
        ("date,a\n2024-01-02,\n", "no factor returns"),
        ("date,a\n2024-01-02,250\n", "a daily return of 250%"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ReferenceError) as raised:
        read_factors(path, "auto")
    assert said in str(raised.value)
    assert str(path) in str(raised.value) and "analytics.factor" in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReferenceError, match="cannot read factors"):
        read_factors(tmp_path / "none.csv", "auto")
