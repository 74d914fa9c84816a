"""The sample of the dependencies."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.config.sources import SampleSource, SyntheticSource
from trading_assets.market_data.sources import read_bars
from trading_assets.market_data.sources.raw import SCHEMA
from trading_assets.market_data.sources.sample import index_bars, read

NUMBERS = ("open", "high", "low", "close", "volume", "adj_close")
EVER = (dt.date(1900, 1, 1), dt.date(2100, 1, 1))


def test_sample_has_five_stocks_and_the_index() -> None:
    bars = read_bars(SampleSource(source="sample"), start=EVER[0], end=EVER[1], directory=Path(), seed=0)
    assert bars.schema == SCHEMA
    spans = bars.group_by("symbol", maintain_order=True).agg(
        pl.col("asset_class").unique().first(),
        pl.len(),
        pl.col("session").min().alias("first"),
        pl.col("session").max().alias("last"),
    )
    assert spans.rows() == [
        ("AAPL", "equity", 3270, dt.date(2000, 3, 1), dt.date(2013, 3, 1)),
        ("FB", "equity", 196, dt.date(2012, 5, 18), dt.date(2013, 3, 1)),
        ("GOOG", "equity", 2148, dt.date(2004, 8, 19), dt.date(2013, 3, 1)),
        ("IBM", "equity", 3270, dt.date(2000, 3, 1), dt.date(2013, 3, 1)),
        ("MSFT", "equity", 3270, dt.date(2000, 3, 1), dt.date(2013, 3, 1)),
        ("SPX", "index", 5031, dt.date(1999, 1, 4), dt.date(2018, 12, 31)),
    ]
    assert bars["source"].unique().to_list() == ["sample"]
    assert bars["source_file"].null_count() == bars["source_line"].null_count() == bars.height
    assert sum(bars.select(NUMBERS).null_count().row(0)) == 0
    assert bars.select("symbol", "session").is_unique().all()


def test_stocks_equal_the_library_s_own_reading() -> None:
    from bokeh_sampledata import stocks

    for symbol in ("AAPL", "FB", "GOOG", "IBM", "MSFT"):
        theirs = pl.DataFrame(getattr(stocks, symbol)).select(
            session=pl.col("date").str.to_date(), **{name: pl.col(name).cast(pl.Float64) for name in NUMBERS}
        )
        ours = read(*EVER).filter(pl.col("symbol") == symbol).select(theirs.columns)
        assert_frame_equal(ours, theirs, check_exact=True)


def test_prices_are_raw_as_traded() -> None:
    """Splits on record (AAPL 2-for-1 on 2000-06-21 and 2005-02-28, MSFT on 2003-02-18) halve the raw close."""
    bars = read(*EVER).with_columns(ratio=pl.col("close") / pl.col("close").shift().over("symbol"))
    for symbol, session in (("AAPL", (2000, 6, 21)), ("AAPL", (2005, 2, 28)), ("MSFT", (2003, 2, 18))):
        ratio = bars.filter(symbol=symbol, session=dt.date(*session))["ratio"].item()
        assert 0.45 < ratio < 0.55


def test_index_bars_are_the_index_of_the_sample() -> None:
    span = (dt.date(2008, 9, 1), dt.date(2008, 9, 30))
    index = index_bars(*span)
    assert_frame_equal(index, read(*span).filter(pl.col("symbol") == "SPX"))
    assert index.height == 21 and index["asset_class"].unique().to_list() == ["index"]
    # The close of the day Lehman Brothers failed, as published.
    assert index.filter(session=dt.date(2008, 9, 15))["close"].item() == pytest.approx(1192.70, abs=0.005)


def test_reading_the_sample_imports_neither_pandas_nor_arch() -> None:
    code = (
        "import datetime as dt, sys\n"
        "from trading_assets.market_data.sources.sample import read\n"
        "assert read(dt.date(2001, 1, 1), dt.date(2001, 2, 1)).height\n"
        "print(sorted({'pandas', 'arch', 'exchange_calendars'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_synthetic_source_is_dispatched_with_its_own_seed() -> None:
    span: dict[str, Any] = {"start": dt.date(2020, 1, 1), "end": dt.date(2020, 3, 31), "directory": Path()}
    source = {"source": "synthetic", "asset_class": "crypto", "symbols": ["X"]}
    free, seeded = SyntheticSource.model_validate(source), SyntheticSource.model_validate({**source, "seed": 3})
    assert read_bars(free, seed=1, **span).schema == SCHEMA
    assert_frame_equal(read_bars(seeded, seed=1, **span), read_bars(seeded, seed=2, **span))
    assert_frame_equal(read_bars(free, seed=3, **span), read_bars(seeded, seed=1, **span))
    assert not read_bars(free, seed=1, **span).equals(read_bars(free, seed=2, **span))
