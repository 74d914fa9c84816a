"""Every shipped layout is read as its vendor means it, and recognised among all the others."""

from __future__ import annotations

import datetime as dt
import gzip
import tempfile
import zipfile
from importlib import resources
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config.file_layouts import file_layouts
from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import SourceError, read_bars
from trading_assets.market_data.sources.layouts import readings_of
from trading_assets.market_data.sources.samples import sample_of
from trading_assets_tests.market_data.layout_table import documented, table
from trading_assets_tests.market_data.vendor_files import VendorFile
from trading_assets_tests.market_data.vendor_files.asia import ASIA
from trading_assets_tests.market_data.vendor_files.brokers import BROKERS
from trading_assets_tests.market_data.vendor_files.crypto import CRYPTO
from trading_assets_tests.market_data.vendor_files.equity import EQUITY

FILES = {**CRYPTO, **EQUITY, **BROKERS, **ASIA}
EACH = [pytest.param(name, file, id=f"{name}-{at}") for name, files in FILES.items() for at, file in enumerate(files)]


def put(folder: Path, file: VendorFile, name: str = "") -> Path:
    path = folder / (name or file.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text.removeprefix("\n"), encoding="utf-8")
    return path


def read(folder: Path, path: str, **settings: object) -> pl.DataFrame:
    source = FilesSource.model_validate({"source": "files", "path": path, **settings})
    return read_bars(source, start=dt.date(1990, 1, 1), end=dt.date(2100, 1, 1), directory=folder, seed=0)


def bars_of(frame: pl.DataFrame, symbol: str) -> list[tuple[object, ...]]:
    own = frame.filter(pl.col("symbol") == symbol)
    return own.select(
        "symbol", pl.col("session").cast(pl.String), "open", "high", "low", "close", "volume"
    ).rows()  # fmt: skip


def actions_of(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    """session, dividend, ratio of the rows that state one."""
    actions = frame.select(
        pl.col("session").cast(pl.String), pl.col("cash_dividend").fill_null(0), pl.col("split_ratio").fill_null(1)
    )
    return actions.filter(
        (pl.col("cash_dividend") != 0) | ((pl.col("split_ratio") > 0) & (pl.col("split_ratio") != 1))
    ).rows()


def about(bar: tuple[object, ...]) -> tuple[object, ...]:
    return (*bar[:2], *(pytest.approx(value, rel=1e-12) for value in bar[2:]))


def test_every_layout_has_a_file() -> None:
    assert set(FILES) == set(file_layouts())
    assert len(FILES) >= 20


@pytest.mark.parametrize(("name", "file"), EACH)
@pytest.mark.parametrize("how", ["named", "recognised"])
def test_first_and_last_bar(tmp_path: Path, name: str, file: VendorFile, how: str) -> None:
    """One line of configuration reads a vendor's file: the session, and the unit of volume, that it means."""
    put(tmp_path, file)
    layout = file_layouts()[name]
    calendar = {"calendar": layout.read["calendar"]} if "calendar" in layout.read else {}
    stated = {"layout": name} if how == "named" else {"asset_class": layout.asset_class, **calendar}
    frame = read(tmp_path, file.name, **stated, **file.settings)
    bars = bars_of(frame, file.first[0])
    assert len(bars) == file.sessions
    assert bars[0] == about(file.first)
    assert bars[-1] == about(file.last)
    assert actions_of(frame) == list(file.actions)


@pytest.mark.parametrize(("name", "file"), EACH)
def test_a_file_fits_its_own_layout_alone(tmp_path: Path, name: str, file: VendorFile) -> None:
    path = put(tmp_path, file)
    source = FilesSource.model_validate(
        {"source": "files", "asset_class": "equity", "path": file.name, **file.settings}
    )
    found = readings_of(sample_of(path, file.name), source)
    assert [reading.layout.name for reading in found] == [name]
    assert all(reading.reasons for reading in found)


KLINES = """
1704067200000,100.0,110.0,95.0,105.0,2000,1704153599999,205000.0,900,1000,102500.0,0
1704153600000,105.0,108.0,101.0,102.0,1500,1704239999999,156000.0,800,700,72800.0,0
"""
WHOLE_DOLLARS = """
20240102 00:00,100000,120000,90000,110000,1000
20240103 00:00,110000,130000,100000,125000,2000
"""
NO_VOLUME = """
2024.01.08,00:00,1.10,1.12,1.09,1.11,0
2024.01.09,00:00,1.11,1.13,1.10,1.125,0
"""
EARLY_DAYS = """
"Date","Price","Open","High","Low","Vol.","Change %"
"02/01/2024","12.50","11.00","13.00","10.00","2.00K","13.64%"
"01/02/2024","11.00","10.00","12.00","9.00","1.00K","1.00%"
"""
#: Name and text of a file, the layouts that fit it, and something that differs between them.
AMBIGUOUS = {
    "binance spot or futures, neither header nor folder": (
        "SOLUSDT-1d-2024-01.csv",
        KLINES,
        ["binance_spot", "binance_usdm_futures"],
        "prices: as traded, of a perpetual or dated future",
    ),
    "lean equity or crypto, whole numbers and no folder": (
        "abc.csv",
        WHOLE_DOLLARS,
        ["lean_crypto", "lean_equity"],
        "price_scale: 0.0001",
    ),
    "bitfinex or ccxt, bars of one price": (
        "tSOLUSD.csv",
        "\n1704067200000,5,5,5,5,1\n1704153600000,6,6,6,6,1\n",
        ["bitfinex", "ccxt"],
        "header: ['mts', 'open', 'close', 'high', 'low', 'volume']",
    ),
    "hands or shares, no value traded": (
        "600000.csv",
        "\n日期,开盘,收盘,最高,最低,成交量\n2024-01-02,10,11,12,9,10\n2024-01-03,11,12.5,13,10,20\n",
        ["akshare", "akshare_shares"],
        "volume: shares (成交量 counts hands of 100)",
    ),
    "metatrader or histdata, no volume and no name": (
        "EURUSD.csv",
        NO_VOLUME,
        ["histdata_mt", "metatrader4"],
        "timezone: Etc/GMT+5",
    ),
    "month first or day first, no day above 12": (
        "SAP.csv",
        EARLY_DAYS,
        ["investing_day_first", "investing_month_first"],
        "date_format: %d/%m/%Y",
    ),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_two_layouts_that_fit_are_a_question(tmp_path: Path, case: str) -> None:
    """Both are named with what differs, either answer is accepted, and the answers differ where the files do."""
    name, text, layouts, difference = AMBIGUOUS[case]
    (tmp_path / name).write_text(text.removeprefix("\n"))
    with pytest.raises(SourceError, match="2 layouts fit") as caught:
        read(tmp_path, name, asset_class="equity")
    told = str(caught.value)
    assert all(f"set `layout: {layout}`" in told and f"  {layout}: " in told for layout in layouts)
    assert difference in told
    assert f"file: {name}" in told
    assert all(read(tmp_path, name, layout=layout).height == 2 for layout in layouts)


def test_the_order_of_day_and_month_is_the_layouts(tmp_path: Path) -> None:
    """02/01/2024 is 2 January day first and 1 February month first."""
    (tmp_path / "SAP.csv").write_text(EARLY_DAYS.removeprefix("\n"))
    sessions = {
        layout: read(tmp_path, "SAP.csv", layout=layout)["session"].to_list()
        for layout in ("investing_day_first", "investing_month_first")
    }
    first, second = dt.date(2024, 1, 2), dt.date(2024, 2, 1)
    assert sessions == {"investing_day_first": [first, second], "investing_month_first": [first, second]}
    closes = read(tmp_path, "SAP.csv", layout="investing_day_first")["close"].to_list()
    assert closes == [12.5, 11.0]
    assert read(tmp_path, "SAP.csv", layout="investing_month_first")["close"].to_list() == [11.0, 12.5]


def test_one_file_of_a_source_decides_for_the_others(tmp_path: Path) -> None:
    """Only spot has microseconds, so the file in milliseconds beside it is one of spot, too."""
    put(tmp_path, FILES["binance_spot"][0], "SOLUSDT-1d-2025-01.csv")
    (tmp_path / "SOLUSDT-1d-2024-01.csv").write_text(KLINES.removeprefix("\n"))
    bars = read(tmp_path, "*.csv", asset_class="crypto")
    assert bars["session"].to_list() == [
        dt.date(2024, 1, 1), dt.date(2024, 1, 2), dt.date(2025, 1, 1), dt.date(2025, 1, 2),
    ]  # fmt: skip


def test_a_named_layout_reads_files_that_somebody_gave_a_header(tmp_path: Path) -> None:
    (tmp_path / "SOL-USD.csv").write_text("time,low,high,open,close,volume\n1704067200,95,110,100,105,2000.5\n")
    bars = bars_of(read(tmp_path, "*.csv", layout="coinbase"), "SOL-USD")
    assert bars == [("SOL-USD", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.5)]


def test_files_of_several_vendors_are_read_each_in_its_way(tmp_path: Path) -> None:
    put(tmp_path, FILES["kraken"][0], "SOLUSD_1440.csv")
    put(tmp_path, FILES["binance_usdm_futures"][0], "SOLUSDT.csv")
    bars = read(tmp_path, "*.csv", asset_class="crypto")
    assert dict(bars.group_by("symbol").agg(pl.col("volume").sum()).iter_rows()) == {"SOLUSD": 3500.75, "SOLUSDT": 3500}


def test_what_the_source_states_comes_first(tmp_path: Path) -> None:
    """The whole name as symbol, volume left as the file counts it, and a column of the user's."""
    file = FILES["binance_coinm_futures"][0]
    put(tmp_path, file, "BTCUSD_PERP-1d.csv")
    stated = {"layout": "binance_coinm_futures", "symbol_from": "filename", "columns": {"volume": "volume"}}
    bars = read(tmp_path, "*.csv", **stated)
    assert bars["symbol"].unique().to_list() == ["BTCUSD_PERP-1d"]
    assert bars["volume"].to_list() == [8000.0, 4100.0]
    assert bars["asset_class"].unique().to_list() == ["crypto"]
    assert read(tmp_path, "*.csv", **stated, asset_class="equity")["asset_class"].unique().to_list() == ["equity"]


def test_a_unit_stated_by_the_source_replaces_the_layouts(tmp_path: Path) -> None:
    """coinmarketcap means quote currency; 210,000 stay 210,000 if the source says that they are units."""
    file = FILES["coinmarketcap_kaggle"][0]
    put(tmp_path, file)
    assert read(tmp_path, file.name, asset_class="crypto", volume_in="units")["volume"][0] == 210_000.0


def test_generic_and_columns_of_the_source_ask_no_layout(tmp_path: Path) -> None:
    """Header names alone: the middle of the file's columns is what it says, and no unit is changed."""
    file = FILES["coinmarketcap_kaggle"][0]
    put(tmp_path, file)
    generic = read(tmp_path, file.name, asset_class="crypto", layout="generic")
    mapped = read(tmp_path, file.name, asset_class="crypto", columns={"close": "Close"})
    assert generic["volume"].to_list() == mapped["volume"].to_list() == [210_000.0, 153_000.0]


@pytest.mark.parametrize(
    "text",
    [
        "symbol,date,open,high,low,close,volume\nA,2020-01-02,1,2,1,1,5\n",
        "Date,Open,High,Low,Close,Volume\n2020-01-02,1,2,1,1,5\n",
        "timestamp,open,high,low,close,volume\n2020-01-02,1,2,1,1,5\n",
        "time,open,high,low,close,Volume\n1577923200,1,2,1,1,5\n",
    ],
)
def test_common_columns_fit_no_layout(tmp_path: Path, text: str) -> None:
    (tmp_path / "A.csv").write_text(text)
    source = FilesSource.model_validate({"source": "files", "asset_class": "equity", "path": "A.csv"})
    assert readings_of(sample_of(tmp_path / "A.csv", "A.csv"), source) == []
    assert read(tmp_path, "A.csv", asset_class="equity", symbol_from="filename").height == 1


@pytest.mark.parametrize("kind", ["gz", "zip", "parquet"])
def test_a_layout_is_recognised_in_any_container(tmp_path: Path, kind: str) -> None:
    file = FILES["polygon_flat"][0]
    text = file.text.removeprefix("\n")
    if kind == "gz":
        (tmp_path / "2024.csv.gz").write_bytes(gzip.compress(text.encode()))
    elif kind == "zip":
        with zipfile.ZipFile(tmp_path / "2024.zip", "w") as archive:
            archive.writestr("2024.csv", text)
    else:
        pl.read_csv(text.encode()).write_parquet(tmp_path / "2024.parquet")
    bars = bars_of(read(tmp_path, "2024*", asset_class="equity"), "AAPL")
    assert bars == [about(file.first), about(file.last)]


def test_bars_of_an_unknown_length_are_an_error(tmp_path: Path) -> None:
    """Klines of four hours: 1704067200 and 14,400 seconds later."""
    lines = [f"{1704067200 + 14400 * number},100,110,95,105,5,9" for number in range(12)]
    (tmp_path / "SOLUSD_240.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(SourceError, match="bars of 4:00:00"):
        read(tmp_path, "*.csv", asset_class="crypto")


def test_an_unknown_layout_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'binance_spot'"):
        FilesSource.model_validate({"source": "files", "asset_class": "crypto", "path": "*", "layout": "binance_spott"})


@pytest.mark.parametrize("name", file_layouts())
def test_a_layout_says_where_its_facts_are_from(name: str) -> None:
    path = Path(str(resources.files("trading_assets.config") / "layouts" / f"{name}.yaml"))
    assert path.read_text(encoding="utf-8").startswith("# Facts: ")
    layout = file_layouts()[name]
    source = FilesSource.model_validate({"source": "files", "layout": name, "path": "*"})
    assert source.asset_class == layout.asset_class
    assert source.calendar == layout.read.get("calendar", "24/7" if layout.asset_class == "crypto" else "XNYS")


@given(st.permutations(range(6)))
@settings(max_examples=50)
def test_columns_of_a_named_layout_come_in_any_order(order: list[int]) -> None:
    """A header is recognised by its names, wherever they stand."""
    names = ["Date", "Close/Last", "Volume", "Open", "High", "Low"]
    cells = ["01/16/2024", "$12.50", "2000", "$11.00", "$13.00", "$10.00"]
    with tempfile.TemporaryDirectory() as folder:
        lines = [",".join(row[at] for at in order) for row in (names, cells)]
        (Path(folder) / "AAPL.csv").write_text("\n".join(lines) + "\n")
        bars = bars_of(read(Path(folder), "AAPL.csv", asset_class="equity"), "AAPL")
    assert bars == [("AAPL", "2024-01-16", 11.0, 13.0, 10.0, 12.5, 2000.0)]


def test_a_calendar_of_another_exchange_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Minutes of Shanghai have no place in New York's hours: an error. Days have one, most of them: a warning."""
    put(tmp_path, FILES["baostock_minutes"][0])
    with pytest.raises(SourceError, match="have the sessions of XSHG, and the source those of XNYS") as caught:
        read(tmp_path, "m.csv", asset_class="equity")
    assert "state `calendar: XSHG`" in str(caught.value)
    put(tmp_path, FILES["baostock"][0])
    assert read(tmp_path, "k.csv", asset_class="equity").height == 2
    assert "state `calendar: XSHG`" in caplog.text


@pytest.mark.parametrize("how", [{}, {"layout": "metatrader4"}])
def test_what_the_file_does_not_say_is_asked_for(tmp_path: Path, how: dict[str, object]) -> None:
    """Minutes in the time of a broker's server need its zone; days do not."""
    put(tmp_path, FILES["metatrader4"][1])
    with pytest.raises(SourceError, match="time of the broker's server, and the file does not say which `timezone`"):
        read(tmp_path, "AAPL.csv", asset_class="equity", **how)


def test_splits_that_prices_do_not_contain_are_no_yfinance(tmp_path: Path) -> None:
    """Columns of yfinance over prices as traded: 2 for 1 halves the close from 11 to 5.5, so the split is applied."""
    lines = [
        "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits",
        "2024-01-02,10,12,9,11,1000,0,0",
        "2024-01-03,5.5,6,5,5.5,2000,0,2.0",
    ]
    (tmp_path / "AAPL.csv").write_text("\n".join(lines) + "\n")
    bars = read(tmp_path, "AAPL.csv", asset_class="equity", symbol_from="filename")
    assert actions_of(bars) == [("2024-01-03", 0.0, 2.0)]
    (tmp_path / "AAPL.csv").write_text("\n".join(lines).replace("5.5,6,5,5.5", "11,12,10,11") + "\n")
    assert actions_of(read(tmp_path, "AAPL.csv", asset_class="equity", symbol_from="filename")) == []


def test_chinese_columns_in_their_encoding(tmp_path: Path) -> None:
    file = FILES["akshare"][0]
    (tmp_path / file.name).write_bytes(file.text.removeprefix("\n").encode("gbk"))
    bars = read(tmp_path, file.name, asset_class="equity", calendar="XSHG", encoding="gbk")
    assert bars_of(bars, "600000") == [about(file.first), about(file.last)]
    assert bars_of(read(tmp_path, file.name, layout="akshare", encoding="gbk"), "600000")[0] == about(file.first)


@pytest.mark.parametrize("unit", [{"volume_scale": 1}, {"volume_scale": 1000}, {"volume_in": "quote"}])
def test_the_source_s_unit_of_volume_replaces_the_layouts(tmp_path: Path, unit: dict[str, object]) -> None:
    """tushare counts hands of 100; who states something else gets that alone: 10, 10,000, 10 yuan at a close of 11."""
    put(tmp_path, FILES["tushare"][0])
    expected = {1: 10.0, 1000: 10_000.0}.get(unit.get("volume_scale", 0), 10 / 11)  # type: ignore[call-overload]
    bars = read(tmp_path, "daily.csv", layout="tushare", **unit)
    assert bars["volume"][0] == pytest.approx(expected)


def test_the_documented_table_is_that_of_the_layouts() -> None:
    assert documented() == table(), "run: python -m trading_assets_tests.market_data.layout_table"
