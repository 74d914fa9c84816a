"""Borrow rates on record: the file, and what becomes of it in the tables and in a backtest's market."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.market_data.reference.borrow_rates import read_borrow_rates
from trading_assets.market_data.reference.files import ReferenceError
from trading_assets.market_data.tables import BORROW_RATES
from trading_assets_tests.market_data.experiments import deliver, experiment, run
from trading_assets_tests.market_data.markets import SESSIONS, path

D = dt.date


def test_a_file_of_borrow_rates(tmp_path: Path) -> None:
    (tmp_path / "borrow.csv").write_text(
        "Symbol,From,borrow_bps,borrowable\nGME,2021-01-20,,No\nGME,2021-01-04,8000,\nAAPL,,25,true\nAAPL,,25,true\n"
    )
    assert read_borrow_rates("borrow.csv", tmp_path).rows() == [
        ("AAPL", None, 25.0, True),
        ("GME", D(2021, 1, 4), 8000.0, True),
        ("GME", D(2021, 1, 20), None, False),
    ]


def test_a_list_of_what_cannot_be_borrowed(tmp_path: Path) -> None:
    (tmp_path / "borrow.csv").write_text("symbol,borrowable\nGME,false\n")
    assert read_borrow_rates("borrow.csv", tmp_path).rows() == [("GME", None, None, False)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ticker,borrow_bps\nA,1\n", "no column 'symbol'"),
        ("symbol,borrow_bps\n,1\n", "(?s)wrong 'symbol'.*line 2"),
        ("symbol,borrow_bps\nA,1\nB,x\n", "(?s)wrong 'borrow_bps'.*line 3"),
        ("symbol,borrow_bps\nA,-1\n", "wrong 'borrow_bps'"),
        ("symbol,borrow_bps\nA,1e9\n", "wrong 'borrow_bps'"),
        ("symbol,borrow_bps\nA,inf\n", "wrong 'borrow_bps'"),
        ("symbol,borrow_bps\nA,\n", "(?s)wrong 'borrow_bps'.*borrowable: false"),
        ("symbol,borrowable\nA,maybe\n", "wrong 'borrowable'"),
        ("symbol,from,borrow_bps\nA,3.1.2020,1\n", "wrong 'from'"),
        ("symbol,from,borrow_bps\nA,2020-01-03,1\nA,2020-01-03,2\n", "two borrow rates from 2020-01-03"),
        ("symbol,borrow_bps\nA,1\nA,2\n", "(?s)two borrow rates from the beginning.*costs.borrow_rates"),
    ],
)
def test_files_that_cannot_be_used(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "borrow.csv").write_text(text)
    with pytest.raises(ReferenceError, match=what):
        read_borrow_rates("borrow.csv", tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReferenceError, match=r"(?s)no file matches.*costs\.borrow_rates"):
        read_borrow_rates("borrow.csv", tmp_path)


def test_borrow_rates_in_the_tables(tmp_path: Path) -> None:
    (tmp_path / "borrow.csv").write_text(
        f"symbol,from,borrow_bps,borrowable\nAAA,{SESSIONS[3]},,false\nAAA,,400,\nZZZ,,1,\n"
    )
    deliver(tmp_path, pl.concat([path([100.0] * 9, "AAA"), path([100.0] * 9, "BBB")]))
    warehouse = run(experiment(tmp_path, costs={"borrow_rates": "borrow.csv"}))
    assert warehouse.read(BORROW_RATES).sort("symbol", "row").rows() == [
        ("AAA", 0, None, 400.0, True),
        ("AAA", 1, SESSIONS[3], None, False),
    ]
