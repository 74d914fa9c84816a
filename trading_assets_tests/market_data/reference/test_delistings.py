"""Delistings on record: the file, and what becomes of it in the tables."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config import ConfigurationError
from trading_assets.market_data.reference.delistings import read_delistings, recorded_delistings
from trading_assets.market_data.reference.files import ReferenceError
from trading_assets.market_data.tables import DELISTINGS, INSTRUMENTS
from trading_assets_tests.market_data.experiments import deliver, experiment, run
from trading_assets_tests.market_data.markets import SESSIONS, path

D = dt.date


def test_a_file_of_delistings(tmp_path: Path) -> None:
    (tmp_path / "ends.csv").write_text(
        "Symbol,session,value,unit,reason,exchange\nLEH,2008-09-17,0.13,per_share,bankruptcy,NYSE\n"
        "WCOM,2002-07-30,-0.9,Return,,Nasdaq\nXYZ,2010-01-04,,,merger,\n"
    )
    assert read_delistings("*.csv", tmp_path).rows() == [
        ("LEH", D(2008, 9, 17), 0.13, "per_share", "bankruptcy", "NYSE"),
        ("WCOM", D(2002, 7, 30), -0.9, "return", None, "Nasdaq"),
        ("XYZ", D(2010, 1, 4), None, None, "merger", None),
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("symbol,value\nA,1\n", "no column 'session'"),
        ("symbol,session\n,2020-01-02\n", "wrong 'symbol'"),
        ("symbol,session\nA,\n", "wrong 'session'"),
        ("symbol,session\nA,2.1.2020\n", "wrong 'session'"),
        ("symbol,session,value\nA,2020-01-02,3\n", "wrong 'unit'"),
        ("symbol,session,value,unit\nA,2020-01-02,3,percent\n", "wrong 'unit'"),
        ("symbol,session,value,unit\nA,2020-01-02,x,return\n", "wrong 'value'"),
        ("symbol,session,value,unit\nA,2020-01-02,-1,per_share\n", "wrong 'value'"),
        ("symbol,session,value,unit\nA,2020-01-02,-30,return\n", "wrong 'value'"),
        ("symbol,session,reason\nA,2020-01-02,x\nA,2020-01-02,y\n", "'A' is delisted twice"),
    ],
)
def test_files_that_cannot_be_used(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "ends.csv").write_text(text)
    with pytest.raises(ReferenceError, match=what):
        read_delistings("ends.csv", tmp_path)


def test_delistings_in_the_tables(tmp_path: Path) -> None:
    """The date of the file goes before that of the table of tickers; what is no symbol of the data is left out."""
    (tmp_path / "ends.csv").write_text(
        f"symbol,session,value,unit,reason,exchange\nAAA,{SESSIONS[9]},0.5,per_share,bankruptcy,XNAS\n"
        f"ZZZ,{SESSIONS[9]},,,,\n"
    )
    (tmp_path / "names.csv").write_text(
        f"symbol,ticker,start,end,delisted\nAAA,AAA,2000-01-03,,{SESSIONS[3]}\nBBB,BBB,2000-01-03,,{SESSIONS[4]}\n"
    )
    deliver(tmp_path, pl.concat([path([100.0] * 9, "AAA"), path([100.0] * 9, "BBB"), path([100.0] * 20, "CCC")]))
    source = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}
    configuration = experiment(tmp_path, market_data=[source | {"delistings": "ends.csv", "symbology": "names.csv"}])
    assert recorded_delistings(configuration)["symbol"].to_list() == ["AAA", "ZZZ"]
    warehouse = run(configuration)
    rows = warehouse.read(DELISTINGS).sort("symbol").select("symbol", "session", "value", "unit", "reason", "exchange")
    assert rows.rows() == [
        ("AAA", SESSIONS[9], 0.5, "per_share", "bankruptcy", "XNAS"),
        ("BBB", SESSIONS[4], None, None, None, None),
    ]
    found = warehouse.read(INSTRUMENTS).sort("symbol")
    assert found["delisted"].to_list() == [SESSIONS[9], SESSIONS[4], None]
    assert found["delisting_value"].to_list() == [0.5, None, None]


def test_a_synthetic_source_has_no_file_of_delistings(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="delistings"):
        experiment(tmp_path, market_data=[{"source": "synthetic", "asset_class": "equity", "delistings": "ends.csv"}])
