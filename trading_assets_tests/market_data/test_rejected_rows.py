"""Nothing vanishes: a received row is a bar, in quarantine, or rejected with its reason."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_assets.market_data.sources import SourceError
from trading_assets.market_data.sources.raw import NO_DATE
from trading_assets.market_data.sources.stated_actions import NO_PRICES
from trading_assets.market_data.sources.unused_intraday import COPY, UNSOUND
from trading_assets.market_data.tables import BARS, QUARANTINE, RAW_BARS, REJECTED_ROWS
from trading_assets_tests.market_data.experiments import MONTHS, experiment, run
from trading_assets_tests.market_data.files_source import BAR, HEADER, receive, write
from trading_assets_tests.market_data.markets import NOW

LATER = NOW + dt.timedelta(days=1)

GOOD = [f"A,2024-01-{day:02d},{BAR}" for day in range(2, 6)]


def test_a_row_without_prices_takes_nothing_from_a_bar(tmp_path: Path) -> None:
    """Yahoo writes the dividend of a session on a line of its own, and lines of nulls beside bars."""
    zeros = "A,2024-01-05,0,0.0,0,0,0"
    lines = [*GOOD, "A,2024-01-03,0.23 Dividend,,,,", "A,2024-01-04,null,null,null,null,null", zeros]
    received = receive(write(tmp_path, *lines).parent)
    assert received.bars.select("source_line", "close", "cash_dividend").rows() == [
        (2, 11, None), (3, 11, 0.23), (4, 11, None), (5, 11, None),
    ]  # fmt: skip
    assert received.rejected.rows() == [
        ("files", "bars.csv", 6, dt.date(2024, 1, 3), NO_PRICES, "A,2024-01-03,0.23 Dividend,,,,"),
        ("files", "bars.csv", 7, dt.date(2024, 1, 4), NO_PRICES, "A,2024-01-04,null,null,null,null,null"),
        ("files", "bars.csv", 8, dt.date(2024, 1, 5), NO_PRICES, zeros),
    ]


def test_a_row_without_prices_that_stands_alone_stays(tmp_path: Path) -> None:
    received = receive(write(tmp_path, *GOOD, "A,2024-01-08,,,,,", "A,2024-01-09,0,0,0,0,0").parent)
    assert received.bars.height == 6 and received.rejected.is_empty()


def test_intraday_bars_that_no_session_is_made_of(tmp_path: Path) -> None:
    lines = [
        "A,2024-01-02T10:00:00Z,10,12,9,11,5",
        "A,2024-01-02T10:00:00Z,10,12,9,11,5",  # a copy
        "A,2024-01-02T11:00:00Z,10,8,9,11,5",  # high below low
        "A,2024-01-02T12:00:00Z,,,,,",
        "A,2024-01-02T15:00:00Z,10,12,9,11,",
        "A,2024-01-02T15:00:00Z,10,12,9,11,",  # a copy without a volume
        "A,2024-01-02T13:00:00Z,10,12,9,11,5",
        "A,2024-01-02T13:00:00Z,10,12,9,10,5",  # another bar of the same stamp
    ]
    received = receive(write(tmp_path, *lines).parent, interval="1h", calendar="24/7")
    assert received.bars.select("volume", "source_line").rows() == [(5, 2)]
    assert received.rejected.select("source_line", "reason").rows() == [
        (3, COPY), (4, UNSOUND), (5, UNSOUND), (7, COPY), (8, UNSOUND), (9, UNSOUND),
    ]  # fmt: skip
    assert received.rejected["text"][2] == lines[3]


CELL = st.sampled_from(["10", "10.5", "", "abc", "0", "-1", "null", "1e999"])
DATE = st.sampled_from(["2024-01-02", "2024-01-03", "2024-01-04", "", "soon", "2024-02-30"])
ROW = st.one_of(
    st.tuples(st.sampled_from("AB"), DATE, *[CELL] * 5),
    st.tuples(st.sampled_from("AB"), DATE, st.just("0.5 Dividend"), *[st.just("")] * 4),
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=12), st.booleans())
@pytest.mark.slow
def test_rows_received_are_bars_or_rejected(tmp_path: Path, rows: list[tuple[str, ...]], is_hourly: bool) -> None:
    """Every line of a file is exactly once among the bars and the rejected rows (of a session, its first bar)."""
    write(tmp_path, *(",".join(row) for row in rows))
    layout = {"interval": "1h", "calendar": "24/7"} if is_hourly else {}
    try:
        received = receive(tmp_path, bad_dates="skip", **layout)
    except SourceError as error:
        assert any(words in str(error) for words in ("no numbers", "can be read", "has no time of day"))
        return
    lines = [*received.bars["source_line"], *received.rejected["source_line"]]
    assert len(lines) == len(set(lines))
    if is_hourly:
        assert set(lines) <= set(range(2, len(rows) + 2))
    else:
        assert sorted(lines) == list(range(2, len(rows) + 2))
    undated = received.rejected.filter(reason=NO_DATE)
    assert undated.height == sum(row[1] in ("", "soon", "2024-02-30") for row in rows)
    assert undated["text"].to_list() == [",".join(row) for row in rows if row[1] in ("", "soon", "2024-02-30")]


def prices(folder: Path, *lines: str, name: str = "bars.csv") -> None:
    write(folder, *lines, name=f"prices/{name}", header=HEADER)


def source(**settings: object) -> list[dict[str, object]]:
    return [{"source": "files", "asset_class": "equity", "path": "prices/*.csv", "bad_dates": "skip", **settings}]


def test_rejected_rows_are_replaced_with_their_months(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """January and February have a row of a dividend each, and one row has no date; then January is put right."""
    lines = [*GOOD, f"A,2024-02-01,{BAR}", "A,soon,1,1,1,1,1", "A,2024-02-01,,,,,", "A,2024-01-03,0.5 Dividend,,,,"]
    prices(tmp_path, *lines)
    configuration = experiment(tmp_path, market_data=source())
    with caplog.at_level(logging.WARNING):
        warehouse = run(configuration, (MONTHS[0][0], MONTHS[1][1]))
    first = warehouse.read(REJECTED_ROWS)
    assert first.select("source_line", "reason").rows() == [(7, NO_DATE), (8, NO_PRICES), (9, NO_PRICES)]
    kept = [message for message in caplog.messages if "rejected_rows" in message]
    assert len(kept) == 1 and "3 received rows are no bars" in kept[0] and "1 no_date, 2 no_prices" in kept[0]

    prices(tmp_path, *lines[:-1])
    run(configuration, MONTHS[0], LATER)
    assert warehouse.read(REJECTED_ROWS).select("source_line", "reason").rows() == [(7, NO_DATE), (8, NO_PRICES)]
    prices(tmp_path, *GOOD, f"A,2024-02-01,{BAR}")
    run(configuration, MONTHS[1], LATER)
    assert warehouse.read(REJECTED_ROWS).is_empty(), "rows without a date are those of the last delivery"


def test_rows_are_counted_through_the_stage(tmp_path: Path) -> None:
    """9 rows in: 4 usable, 1 on a Saturday and 1 without a price in quarantine, 3 rejected."""
    lines = [
        *GOOD,
        f"A,2024-01-06,{BAR}",
        "A,2024-01-08,,,,,",
        "A,,1,1,1,1,1",
        "A,2024-01-05,,,,,",
        "A,2024-01-04,2:1 Stock Splits,,,,",
    ]
    prices(tmp_path, *lines)
    warehouse = run(experiment(tmp_path, market_data=source()))
    counts = [warehouse.read(table).height for table in (BARS, QUARANTINE, REJECTED_ROWS)]
    assert counts == [4, 2, 3] and warehouse.read(RAW_BARS).height == 6


def test_files_and_symbols_without_a_usable_bar_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    prices(tmp_path, *GOOD)
    prices(tmp_path, f"B,1999-01-04,{BAR}", f"B,1999-01-05,{BAR}", name="old.csv")
    prices(tmp_path, f"b,2024-01-03,{BAR}", f"B,2024-01-02,{BAR}", name="spelled.csv")
    prices(tmp_path, f"C,2024-01-06,{BAR}", f"C,2024-01-03,{BAR}".replace("12", "1"), name="weekend.csv")
    with caplog.at_level(logging.WARNING):
        run(experiment(tmp_path, market_data=source()))
    texts = "\n".join(caplog.messages)
    assert "1 of 4 files hold no bar from 2024-01-01 to 2024-03-31: prices/old.csv (1999-01-04 to 1999-01-05)" in texts
    assert "not one bar can be used of 1 symbols: C (not_a_session)" in texts
    assert "B and b differ by their case alone and are two instruments" in texts


def test_tickers_that_named_no_instrument_are_kept(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("symbol,ticker,start,end\nZ,A,2024-01-03,\n")
    prices(tmp_path, *GOOD)
    warehouse = run(experiment(tmp_path, market_data=source(symbology="names.csv")))
    assert warehouse.read(REJECTED_ROWS).select("source_line", "reason", "text").rows() == [
        (2, "no_instrument", "A,2024-01-02,10.0,12.0,9.0,11.0,1000.0")
    ]
    assert warehouse.read(BARS)["symbol"].to_list() == ["Z"] * 3


@pytest.mark.slow
def test_a_whole_range_and_its_months_reject_the_same(tmp_path: Path) -> None:
    lines = [*GOOD, "A,2024-01-03,,,,,", f"A,2024-02-05,{BAR}", "A,2024-02-05,,,,,", "A,x,,,,,"]
    tables: list[pl.DataFrame] = []
    for name, spans in (("whole", [(MONTHS[0][0], MONTHS[2][1])]), ("months", MONTHS)):
        prices(tmp_path / name, *lines)
        configuration = experiment(tmp_path / name, market_data=source())
        for span in spans:
            warehouse = run(configuration, span)
        tables.append(warehouse.read(REJECTED_ROWS))
    assert tables[0].equals(tables[1]) and tables[0].height == 3
