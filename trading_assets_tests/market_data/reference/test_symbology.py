"""One symbol for an instrument through all its names."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.market_data.reference.files import ReferenceError
from trading_assets.market_data.reference.symbology import NO_SYMBOLOGY, identified, read_symbology
from trading_assets.market_data.tables import BARS, INSTRUMENTS
from trading_assets_tests.market_data.experiments import deliver, experiment, run
from trading_assets_tests.market_data.markets import SESSIONS, path

D = dt.date


def test_a_table_of_tickers(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text(
        "symbol,ticker,start,end,delisted\nMETA,FB,2012-05-18,2022-06-08,\nMETA,META,2022-06-09,,\n"
        "ROUND,META,2021-06-30,2022-01-31,2022-01-31\n"
    )
    assert read_symbology("names.csv", tmp_path).rows() == [
        ("META", "FB", D(2012, 5, 18), D(2022, 6, 8), None),
        ("ROUND", "META", D(2021, 6, 30), D(2022, 1, 31), D(2022, 1, 31)),
        ("META", "META", D(2022, 6, 9), None, None),
    ]


def test_map_files_of_lean(tmp_path: Path) -> None:
    """Google's two classes in 2014, and a Facebook before Facebook."""
    (tmp_path / "goog.csv").write_text("20140327,goocv,Q\n20140402,goocv,Q\n20501231,goog,Q\n")
    (tmp_path / "googl.csv").write_text("20040819,goog,Q\n20140402,goog,Q\n20501231,googl,Q\n")
    (tmp_path / "fb.1.csv").write_text("19990929,fb\n20030328,fb\n")
    assert read_symbology("*.csv", tmp_path).rows() == [
        ("fb.1", "fb", D(1999, 9, 29), D(2003, 3, 28), D(2003, 3, 28)),
        ("goog", "goocv", D(2014, 3, 27), D(2014, 4, 2), None),
        ("googl", "goog", D(2004, 8, 19), D(2014, 4, 2), None),
        ("goog", "goog", D(2014, 4, 3), None, None),
        ("googl", "googl", D(2014, 4, 3), None, None),
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("symbol,start\nA,2020-01-01\n", "no column 'ticker'"),
        ("symbol,ticker,start\nA,X,now\n", "wrong 'start'"),
        ("symbol,ticker,start\nA,X,\n", "wrong 'start'"),
        ("symbol,ticker,start,end\nA,X,2020-01-02,2020-01-01\n", "wrong 'end'"),
        ("symbol,ticker,start\nA,X,2020-01-02\nB,X,2021-01-01\n", "ticker 'X' names two instruments"),
        ("20200102,\n20210101,x\n", "wrong 'row'"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "names.csv").write_text(text)
    with pytest.raises(ReferenceError, match=what):
        read_symbology("names.csv", tmp_path)


@given(
    spells=st.lists(
        st.tuples(st.sampled_from("XYZ"), st.integers(0, 50), st.integers(0, 15), st.sampled_from("ABCDE")), max_size=6
    ),
    bars=st.lists(st.tuples(st.sampled_from("WXYZ"), st.integers(0, 59)), max_size=40, unique=True),
)
@settings(max_examples=100)
def test_agrees_with_looking_up_each_bar(spells: list[tuple[str, int, int, str]], bars: list[tuple[str, int]]) -> None:
    taken: dict[str, set[int]] = {}
    kept = []
    for ticker, start, length, symbol in spells:
        days = set(range(start, start + length + 1))
        if not days & taken.setdefault(ticker, set()):
            taken[ticker] |= days
            kept.append(
                (symbol, ticker, SESSIONS[0] + dt.timedelta(start), SESSIONS[0] + dt.timedelta(start + length), None)
            )
    table = pl.DataFrame(kept, schema=NO_SYMBOLOGY.schema, orient="row").sort("ticker", "start")
    frame = pl.DataFrame(
        [(ticker, SESSIONS[0] + dt.timedelta(day), number) for number, (ticker, day) in enumerate(bars)],
        schema={"symbol": pl.String, "session": pl.Date, "number": pl.Int64},
        orient="row",
    )
    found, nobody = identified(frame, table)
    expected, lost = [], []
    for number, (ticker, day) in enumerate(bars):
        session = SESSIONS[0] + dt.timedelta(day)
        owners = [symbol for symbol, name, start, end, _ in kept if name == ticker and start <= session <= end]
        if owners or ticker not in {row[1] for row in kept}:
            expected.append(((owners or [ticker])[0], session, number))
        else:
            lost.append((ticker, session, number))
    assert sorted(found.rows(), key=lambda row: row[2]) == expected
    assert sorted(nobody.rows(), key=lambda row: row[2]) == lost


def test_a_rename_through_the_stage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """OLD becomes NEW after thirty sessions and OLD goes to another company five sessions later."""
    own = pl.concat([path([100.0] * 30, "OLD"), path([100.0] * 60, "NEW").filter(pl.col("session") >= SESSIONS[30])])
    other = path([7.0] * 60, "OLD").filter(pl.col("session") >= SESSIONS[33])
    deliver(tmp_path, pl.concat([own, other]))
    (tmp_path / "names.csv").write_text(
        f"symbol,ticker,start,end,delisted\nNEW,OLD,2020-01-01,{SESSIONS[29]},\nNEW,NEW,{SESSIONS[30]},,\n"
        f"OTHER,OLD,{SESSIONS[35]},{SESSIONS[50]},{SESSIONS[50]}\n"
    )
    source = {"source": "files", "asset_class": "equity", "path": "prices/*.csv", "symbology": "names.csv"}
    with caplog.at_level(logging.WARNING):
        warehouse = run(experiment(tmp_path, market_data=[source]))
    bars = warehouse.read(BARS)
    assert bars.filter(symbol="NEW")["session"].to_list() == SESSIONS
    assert bars.filter(symbol="NEW")["close"].to_list() == [100.0] * 60
    assert bars.filter(symbol="OTHER")["session"].to_list() == SESSIONS[35:51]
    assert warehouse.read(INSTRUMENTS).select("symbol", "tickers", "delisted").rows() == [
        ("NEW", ["OLD", "NEW"], None),
        ("OTHER", ["OLD"], SESSIONS[50]),
    ]
    assert "11 bars of 1 tickers are left out" in caplog.text and f"the first OLD on {SESSIONS[33]}" in caplog.text
