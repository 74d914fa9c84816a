"""The vendors' own clients against a local server that replays their wire formats and their bad days."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config.remote_sources import AlpacaSource, CcxtSource, MissingSecretError
from trading_assets.market_data.adjustment import adjust
from trading_assets.market_data.sources import Access, SourceError, read_bars
from trading_assets.market_data.sources.raw import SCHEMA
from trading_assets.market_data.tables import RAW_BARS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.market_data.experiments import deliver, experiment, run
from trading_assets_tests.market_data.markets import path
from trading_assets_tests.market_data.vendor_answers import (
    DAYS,
    EX,
    KINDS,
    SESSIONS,
    SPLIT,
    START,
    TODAY,
    alpaca,
    coinbase,
    fetched,
    source_of,
    traded,
    yahoo,
)
from trading_assets_tests.market_data.vendor_server import vendor

pytestmark = pytest.mark.usefixtures("alpaca_keys")


@pytest.mark.parametrize("kind", KINDS)
def test_bars_are_those_that_were_traded(tmp_path: Path, kind: str) -> None:
    """Through all pages, over two ends of years, both symbols, with the day of the exchange."""
    with vendor(KINDS[kind][0]) as service:
        bars = fetched(source_of(kind, service), tmp_path)
    assert bars.schema == SCHEMA
    days = DAYS if kind == "ccxt" else SESSIONS
    for symbol in KINDS[kind][2]["symbols"]:
        own = bars.filter(symbol=symbol)
        assert own["session"].to_list() == days
        for name in ("open", "high", "low", "close", "volume"):
            expected = [traded(day, symbol.split("/")[0])[name[0]] for day in days]
            assert own[name].to_list() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("now", "last_of_exchange", "last_of_crypto"),
    [
        (dt.datetime(2024, 3, 1, 0, 10), (2024, 2, 29), (2024, 2, 29)),
        (dt.datetime(2024, 3, 1, 16, 0), (2024, 2, 29), (2024, 2, 29)),
        (dt.datetime(2024, 3, 1, 20, 59), (2024, 2, 29), (2024, 2, 29)),
        (dt.datetime(2024, 3, 1, 21, 0), (2024, 3, 1), (2024, 2, 29)),
        (dt.datetime(2024, 3, 1, 23, 59), (2024, 3, 1), (2024, 2, 29)),
        (dt.datetime(2024, 3, 2, 0, 0), (2024, 3, 1), (2024, 3, 1)),
    ],
)
def test_unfinished_bar(
    tmp_path: Path,
    kind: str,
    now: dt.datetime,
    last_of_exchange: tuple[int, int, int],
    last_of_crypto: tuple[int, int, int],
) -> None:
    """New York closes at 16:00, in winter 21:00 UTC; the day of a coin ends at 24:00 UTC."""
    with vendor(KINDS[kind][0]) as service:
        bars = fetched(source_of(kind, service), tmp_path, start=dt.date(2024, 2, 20), now=now)
    expected = dt.date(*(last_of_crypto if kind == "ccxt" else last_of_exchange))
    assert bars.group_by("symbol").agg(pl.col("session").max())["session"].to_list() == [expected] * 2


def test_without_a_time_of_day_the_day_of_the_run_is_not_over(tmp_path: Path) -> None:
    with vendor(coinbase) as service:
        source = source_of("ccxt", service)
        access = Access(tmp_path / "cache", START, TODAY)
        bars = read_bars(source, start=dt.date(2024, 2, 20), end=TODAY, directory=tmp_path, seed=0, access=access)  # type: ignore[arg-type]
    assert bars["session"].max() == TODAY - dt.timedelta(days=1)


def test_yahoo_s_actions_are_told_by_an_adjusted_close_that_only_the_past_has_changed(tmp_path: Path) -> None:
    with vendor(yahoo) as service:
        whole = fetched(source_of("yfinance", service, symbols=["A"]), tmp_path)
        before = fetched(source_of("yfinance", service, symbols=["A"]), tmp_path, end=SESSIONS[150])
    found = adjust(whole, 0.2)
    assert found.filter(pl.col("split_ratio") != 1).select("session", "split_ratio").rows() == [(SPLIT, 2.0)]
    paid = found.filter(pl.col("cash_dividend") != 0).select("session", "cash_dividend")
    assert paid["session"].to_list() == [EX]
    assert paid["cash_dividend"].to_list() == pytest.approx([0.25], rel=1e-9)
    assert before["adj_close"].to_list() == whole["adj_close"].head(151).to_list()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["429", "500", "cut", "slow"])
def test_a_request_is_tried_again(tmp_path: Path, kind: str, fault: str) -> None:
    with vendor(KINDS[kind][0]) as service:
        service.faults, service.only = [fault, fault], "chart" if kind == "yfinance" else ""
        source = source_of(kind, service)
        bars = fetched(source, tmp_path)
        assert bars["symbol"].n_unique() == 2
        assert bars.equals(fetched(source_of(kind, service), tmp_path / "other"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_drips_is_given_up(tmp_path: Path, kind: str) -> None:
    """A byte each tenth of a second would take minutes; a request may take 0.7 seconds, to its last byte."""
    with vendor(KINDS[kind][0]) as service:
        service.faults = ["drip"] * 100
        service.only = {"yfinance": "chart", "ccxt": "products"}.get(kind, "")
        symbols = ["A/USD", "BB/USD"] if kind == "ccxt" else ["DRIP", "DROP"]
        source = source_of(kind, service, attempts=2, breaker_failures=1, symbols=symbols)
        with pytest.raises(SourceError, match=f"{kind} did not deliver 1 of 2 symbols, and was given up"):
            fetched(source, tmp_path)
        assert len([path for path, _ in service.asked if service.only in path]) == 2


def test_pages_that_do_not_end_are_given_up(tmp_path: Path) -> None:
    def endless(path: str, query: dict[str, str]) -> Any:
        return {**alpaca(path, {**query, "page_token": "0"}), "next_page_token": "more"}

    with vendor(endless) as service:
        with pytest.raises(SourceError, match=r"A: an answer has more than 4 pages \(`most_pages`\)"):
            fetched(source_of("alpaca", service, symbols=["A"], most_pages=4), tmp_path)
        assert len(service.asked) == 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "answer",
    [None, [], [None], [[]], {}, 7, "text", {"bars": None}, {"bars": {"A": [None]}}, {"chart": {"result": [None]}}],
)
def test_json_of_another_shape_is_a_failure_in_words(tmp_path: Path, kind: str, answer: Any) -> None:
    """Valid JSON that is no answer never ends in a traceback; a service may have no bars, and say so in its words."""

    def misshapen(path: str, query: dict[str, str]) -> Any:
        return coinbase(path, query) if path.endswith("/products") else answer

    with vendor(misshapen) as service:
        # yfinance remembers what it was answered in this process: a symbol that no other test asks for.
        source = source_of(kind, service, attempts=2, symbols=["A/USD" if kind == "ccxt" else "MISSHAPEN"])
        try:
            assert fetched(source, tmp_path).is_empty()
        except SourceError as error:
            assert f"{kind} did not deliver 1 of 1" in str(error)


def test_json_that_is_nested_deeply_is_a_failure_in_words(tmp_path: Path) -> None:
    nested: Any = []
    for _ in range(900):
        nested = [nested]
    with vendor(lambda path, query: nested) as service, pytest.raises(SourceError, match="did not deliver"):
        fetched(source_of("alpaca", service, attempts=2), tmp_path)


def test_missing_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, the other source is kept, and the run fails."""
    monkeypatch.delenv("APCA_API_SECRET_KEY")
    with pytest.raises(MissingSecretError, match="environment variable APCA_API_SECRET_KEY"):
        AlpacaSource.model_validate({"source": "alpaca", "symbols": ["A"]}).keys()
    deliver(tmp_path, path([100.0, 101.0], "FILE"))
    files = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}
    with pytest.raises(SourceError, match="APCA_API_SECRET_KEY"):
        run(experiment(tmp_path, market_data=[files, {"source": "alpaca", "symbols": ["A"]}]))
    kept = Warehouse(experiment(tmp_path).warehouse_path).read(RAW_BARS)
    assert kept["symbol"].to_list() == ["FILE", "FILE"]


def test_an_unknown_exchange_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="ccxt has no exchange 'krakn'"):
        fetched(CcxtSource.model_validate({"source": "ccxt", "exchange": "krakn", "symbols": ["A/USD"]}), tmp_path)
