"""Hostile files: whatever one holds, it is read or refused with a message that names it, and nothing else happens."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.quality import OverrideError, read_overrides
from trading_assets.market_data.reference.corporate_actions import read_actions
from trading_assets.market_data.reference.files import ReferenceError
from trading_assets.market_data.reference.symbology import read_symbology
from trading_assets.market_data.revisions import reconcile
from trading_assets.market_data.sources import SourceError, read_bars
from trading_assets.market_data.sources.raw import SCHEMA
from trading_assets.market_data.tables import RAW_BARS
from trading_assets.reports.exports import FORMULA_STARTS, csv_text
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.market_data.files_source import HEADER
from trading_assets_tests.market_data.markets import NOW, SESSIONS

HOSTILE = [
    "../../x",
    "'; DROP TABLE bars; --",
    "=cmd|'/C calc'!A0",
    "@SUM(1)",
    "-2+3",
    "\x00",
    "\u202e",
    "NaN",
    "inf",
    "1e999",
    "-0",
    "9" * 400,
    "1,234",
    '"',
    '""',
    "2020-02-30",
    "99999999999999999999",
    "0000-00-00",
    "2020-01-02T25:61:61+99:99",
    "١٢٣",
    "",
    " ",
    "\ufeff",
    "A" * 70,
]
CELLS = st.one_of(
    st.sampled_from([*HOSTILE, "A", "2020-01-02", "20200102", "1577923200000", "10.5", "7"]), st.text(max_size=12)
)
DELIMITERS = st.sampled_from([",", ";", "\t", "|"])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "skip_rows": st.integers(0, 3),
        "date_format": st.sampled_from(["auto", "epoch_s", "epoch_ms", "%Y-%m-%d", "%d.%m.%y %H:%M"]),
        "timezone": st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu"]),
        "bad_dates": st.sampled_from(["error", "skip"]),
        "decimal": st.just(","),
        "thousands": st.just("'"),
        "interval": st.sampled_from(["1m", "1h"]),
        "calendar": st.just("24/7"),
        "header": st.just(["symbol", "date", "open", "high", "low", "close", "volume"]),
        "symbol_from": st.sampled_from(["filename", "symbol"]),
        "volume_in": st.just("quote"),
        "price_scale": st.sampled_from([1e-8, 1e8]),
        "where": st.just({"symbol": "A"}),
    },
)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    separator = draw(DELIMITERS)
    lines = [HEADER.replace(",", separator)] if draw(st.booleans()) else []
    lines += [separator.join(row) for row in draw(st.lists(st.lists(CELLS, min_size=1, max_size=9), max_size=8))]
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines).encode("utf-8", "surrogatepass")
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe"])) + text


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), CELLS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["symbol", "date", "open", "high", "low", "close", "volume", "data"]), inner, max_size=8
        ),
    ),
    max_leaves=30,
)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def zipped(data: bytes, member: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, data)
    return buffer.getvalue()


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    data = draw(st.one_of(tables(), JSON_VALUES.map(as_json), st.binary(max_size=200)))
    ending = draw(st.sampled_from([".csv", ".json", ".jsonl", ".csv.gz", ".zip", ".parquet", ".txt"]))
    if ending == ".csv.gz":
        data = gzip.compress(data)
    if ending == ".zip":
        data = zipped(data, draw(st.sampled_from(["../../../tmp/escaped.csv", "a.csv", "a.json", "/etc/a.csv"])))
    if draw(st.integers(0, 4)) == 0:
        data = data[: draw(st.integers(0, len(data)))]
    return f"bars{ending}", data


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def reads_or_refuses(file: tuple[str, bytes], chosen: dict[str, Any]) -> None:
    name, data = file
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "data"
        folder.mkdir()
        (folder / name).write_bytes(data)
        before = snapshot(Path(place))
        source = FilesSource.model_validate({"source": "files", "asset_class": "crypto", "path": "*", **chosen})
        try:
            bars = read_bars(
                source,
                start=SESSIONS[0].replace(year=1900),
                end=SESSIONS[0].replace(year=2100),
                directory=folder,
                seed=0,
            )
        except SourceError as error:
            assert "file: bars" in str(error)
        else:
            assert bars.schema == SCHEMA
            numbers = bars.select(pl.col(pl.Float64))
            assert numbers.select(pl.all().is_finite().all()).row(0) == (True,) * numbers.width
            raw = reconcile(RAW_BARS.empty(), bars.with_columns(calendar=pl.lit("24/7")), NOW).raw_bars
            RAW_BARS.validate(RAW_BARS.conform(raw))
        assert snapshot(Path(place)) == before, "reading writes nothing"


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(files(), SETTINGS)
def test_any_file_is_read_or_refused(file: tuple[str, bytes], chosen: dict[str, Any]) -> None:
    reads_or_refuses(file, chosen)


@pytest.mark.acceptance
@settings(max_examples=10_000, suppress_health_check=list(HealthCheck))
@given(files(), SETTINGS)
def test_ten_thousand_files_are_read_or_refused(file: tuple[str, bytes], chosen: dict[str, Any]) -> None:
    reads_or_refuses(file, chosen)


REFERENCE_HEADERS = ("symbol,session,split_ratio", "symbol,ticker,start,end", "symbol,session,rule", "20200101,1,1,1")
READERS: dict[str, Callable[[Path], object]] = {
    "actions": lambda path: read_actions(path.name, path.parent),
    "symbology": lambda path: read_symbology(path.name, path.parent),
    "overrides": read_overrides,
}


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    header=st.sampled_from(
        ["symbol,session,split_ratio", "symbol,ticker,start,end", "symbol,session,rule", "20200101,1,1,1", ""]
    ),
    rows=st.lists(st.lists(CELLS, max_size=5), max_size=5),
)
def test_any_reference_file_is_read_or_refused(reader: str, header: str, rows: list[list[str]]) -> None:
    text = "\n".join([header, *[",".join(row) for row in rows]])
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "file.csv"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            READERS[reader](path)
        except (ReferenceError, OverrideError) as error:
            assert str(path) in str(error) or "file.csv" in str(error)


@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.sampled_from(HOSTILE).filter(lambda text: text.strip() and text.isprintable() and len(text) <= 64),
        min_size=1,
    )
)
def test_symbols_are_data_in_the_warehouse_and_no_formula_in_an_export(symbols: list[str]) -> None:
    rows = pl.DataFrame({"symbol": sorted(set(symbols))}).with_columns(
        session=pl.lit(SESSIONS[0]), asset_class=pl.lit("crypto"), source=pl.lit("files"), calendar=pl.lit("24/7")
    )
    blank = rows.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in rows.columns
    )
    raw = reconcile(RAW_BARS.empty(), blank, NOW).raw_bars
    with tempfile.TemporaryDirectory() as place:
        warehouse = Warehouse(Path(place) / "warehouse.duckdb")
        warehouse.replace(Whole(), {RAW_BARS: raw})
        assert warehouse.read(RAW_BARS)["symbol"].to_list() == sorted(set(symbols))
        for symbol in symbols:
            assert warehouse.read(RAW_BARS, where="symbol = ?", parameters=[symbol]).height == 1
    exported = pl.read_csv(csv_text(raw.select("symbol")).encode(), infer_schema=False)["symbol"].to_list()
    assert not [cell for cell in exported if cell is not None and cell.startswith(FORMULA_STARTS)]
