"""Rates as published, from files as FRED and others write them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from trading_assets.config.sections import RiskFree
from trading_assets.market_data.reference.files import ReferenceError
from trading_assets.market_data.reference.risk_free import money_market_yield, read_rates


def _written(folder: Path, text: str) -> Path:
    path = folder / "rates.csv"
    path.write_text(text)
    return path


def test_a_series_of_percents_with_holes(tmp_path: Path) -> None:
    path = _written(tmp_path, "observation_date,DTB3,DGS10\n2024-01-03,5.25,4\n2024-01-01,.,4\n2024-01-02,5.20,4\n")
    found = read_rates(path, RiskFree(file="rates.csv", column="DTB3"))
    assert found.rows() == [(dt.date(2024, 1, 2), pytest.approx(0.052)), (dt.date(2024, 1, 3), pytest.approx(0.0525))]


def test_a_discount_is_of_the_face_value() -> None:
    """A 91-day bill at 5 % costs 1 - 0.05 x 91 / 360 = 0.9873611; the 0.0126389 earned are 5.0640 % of that a year."""
    assert money_market_yield(pl.Series([0.05]), 91)[0] == pytest.approx(0.0126388889 / 0.9873611111 * 360 / 91)
    assert money_market_yield(pl.Series([0.05]), 91)[0] == pytest.approx(0.050640, abs=5e-7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,rate\n2024-01-02,5\n2024-01-02,6\n", "line 3"),
        ("date,rate\n2024-01-02,five\n", "line 2"),
        ("date,rate\n02/01/2024,5\n", "line 2"),
        ("date,rate\n2024-01-02,525\n", "unit"),
        ("date,rate\n2016-02-17,-1.25\n2024-01-02,-60\n", "line 3"),
        ("date,rate\n2024-01-02,.\n", "no rate"),
        ("date\n2024-01-02\n", "risk_free.column"),
    ],
)
def test_what_is_no_rate_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ReferenceError, match=said):
        read_rates(_written(tmp_path, text), RiskFree(file="rates.csv"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReferenceError, match=r"risk_free\.file"):
        read_rates(tmp_path / "rates.csv", RiskFree(file="rates.csv"))


def test_a_constant_or_a_file_but_not_both() -> None:
    with pytest.raises(ValidationError, match="got both"):
        RiskFree(rate=0.02, file="rates.csv")
