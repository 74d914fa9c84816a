"""How symbols are fetched, whatever the vendor: what is kept on disk, how fast, how long, and when it is given up."""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config.remote_sources import AlpacaSource
from trading_assets.market_data.sources import SourceError, remote
from trading_assets.market_data.sources.request_limit import RequestLimit
from trading_assets.market_data.tables import RAW_BARS
from trading_assets_tests.market_data.experiments import WHOLE, deliver, experiment, run
from trading_assets_tests.market_data.markets import NOW, path
from trading_assets_tests.market_data.vendor_answers import (
    KINDS,
    PATIENCE,
    SESSIONS,
    START,
    TODAY,
    alpaca,
    coinbase,
    fetched,
    source_of,
)
from trading_assets_tests.market_data.vendor_server import vendor

pytestmark = pytest.mark.usefixtures("alpaca_keys")


def test_the_time_of_a_source_ends(tmp_path: Path) -> None:
    """Each symbol takes 40 of 100 seconds: the third has none left, and the others are not asked for."""
    now, asked = [0.0], list[str]()

    def fetch(symbol: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        limit.admit()
        now[0] += 40.0
        asked.append(symbol)
        return pl.DataFrame({"session": [first], "close": [1.0]})

    source = AlpacaSource.model_validate(
        {"source": "alpaca", "symbols": ["A", "B", "C", "D", "E"], "deadline_seconds": 100}
    )
    limit = RequestLimit(source, lambda seconds: None, lambda: now[0])
    offered = remote.Vendor(fetch, by_year=False, limit=limit)
    with pytest.raises(SourceError, match="did not deliver 2 of 5 symbols") as caught:
        remote.read(source, offered, start=START, end=TODAY, today=TODAY, cache=tmp_path)
    assert asked == ["A", "B", "C"]
    assert "D: not had within 100 s (`deadline_seconds`)" in str(caught.value) and "E: not asked" in str(caught.value)


def test_an_empty_answer_about_the_past_is_not_kept(tmp_path: Path) -> None:
    """A service that has nothing today may have it tomorrow: it is asked again, and so is what was kept before."""
    with vendor(lambda path, query: {"bars": {}, "next_page_token": None}) as service:
        assert fetched(source_of("alpaca", service, symbols=["A"]), tmp_path).is_empty()
    assert not list((tmp_path / "cache").rglob("*.parquet"))
    with vendor(alpaca) as service:
        source = source_of("alpaca", service, symbols=["A"])
        whole = fetched(source, tmp_path)
        assert whole["session"].to_list() == SESSIONS
        for file in (tmp_path / "cache").rglob("*.parquet"):
            pl.read_parquet(file).clear().write_parquet(file)
        assert fetched(source, tmp_path).equals(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_is_down_is_given_up(tmp_path: Path, kind: str) -> None:
    with vendor(KINDS[kind][0]) as service:
        service.faults = ["500"] * 1000
        symbols = [f"S{number}/USD" if kind == "ccxt" else f"S{number}" for number in range(50)]
        source = source_of(kind, service, symbols=symbols, attempts=2, breaker_failures=3)
        with pytest.raises(SourceError, match=f"{kind} did not deliver 3 of 50 symbols, and was given up after 3"):
            fetched(source, tmp_path)
        assert len(service.asked) < 40
    assert not list((tmp_path / "cache").rglob("*")) if (tmp_path / "cache").exists() else True


def test_a_refused_symbol_leaves_nothing_of_the_source(tmp_path: Path) -> None:
    with vendor(coinbase) as service, pytest.raises(SourceError, match="did not deliver 1 of 2 symbols") as caught:
        fetched(source_of("ccxt", service, symbols=["A/USD", "NONE/USD"]), tmp_path)
    assert "NONE/USD: BadSymbol" in str(caught.value)


def test_the_past_is_asked_for_once(tmp_path: Path) -> None:
    with vendor(alpaca) as service:
        source = source_of("alpaca", service, symbols=["A"])
        first = fetched(source, tmp_path)
        asked = len(service.asked)
        assert fetched(source, tmp_path).equals(first)
        again = [query["start"][:10] for _, query in service.asked[asked:]]
        assert again == ["2024-01-01"], "the two years before are on disk"
        for file in (tmp_path / "cache").rglob("*.parquet"):
            file.write_bytes(b"damaged")
        assert fetched(source, tmp_path).equals(first)
    names = [file.name for file in (tmp_path / "cache").rglob("*") if file.is_file()]
    assert len(names) == 2 and all(name.endswith(".parquet") for name in names)


def test_no_more_requests_a_second_than_allowed(tmp_path: Path) -> None:
    moments, now = list[float](), [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def fetch(symbol: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        limit.admit()
        moments.append(now[0])
        now[0] += 0.05
        return pl.DataFrame({"session": [first], "close": [1.0]})

    source = AlpacaSource.model_validate(
        {"source": "alpaca", "symbols": ["A", "B", "C", "D"], "requests_per_second": 4}
    )
    limit = RequestLimit(source, sleep, lambda: now[0])
    offered = remote.Vendor(fetch, by_year=True, limit=limit)
    remote.read(source, offered, start=START, end=TODAY, today=TODAY, cache=tmp_path)
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert len(moments) == 12 and gaps == pytest.approx([0.25] * 11)


def test_source_down(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a source delivered before stays when it fails; the others' new bars come in; no key is told to anyone."""
    files = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}
    deliver(tmp_path, path([100.0, 101.0], "FILE"))
    with vendor(alpaca) as service, caplog.at_level(logging.DEBUG):
        settings = {"source": "alpaca", "symbols": ["A"], "base_url": service.url, **PATIENCE, "attempts": 2}
        configuration = experiment(tmp_path, market_data=[files, settings])
        warehouse = run(configuration, now=NOW)
        before = warehouse.read(RAW_BARS)
        assert set(before["symbol"]) == {"FILE", "A"}
        deliver(tmp_path, path([100.0, 102.0, 103.0], "FILE"))
        service.faults = ["403"] * 100
        with pytest.raises(SourceError, match="alpaca did not deliver 1 of 1") as caught:
            run(configuration, WHOLE, now=NOW)
    after = warehouse.read(RAW_BARS)
    assert after.filter(symbol="A").equals(before.filter(symbol="A"))
    assert after.filter(symbol="FILE")["close"].to_list() == [100.0, 102.0, 103.0]
    told = str(caught.value) + caplog.text
    assert "the-key-itself" not in told and "the-secret-itself" not in told
    stored = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file())
    assert b"the-key-itself" not in stored and b"the-secret-itself" not in stored
