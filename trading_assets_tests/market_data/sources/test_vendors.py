"""The vendors' own clients against a local server that replays their wire formats and their bad days."""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from trading_assets.config.remote_sources import (
    AlpacaSource,
    CcxtSource,
    MissingSecretError,
    RemoteSource,
    YfinanceSource,
)
from trading_assets.market_data import calendars
from trading_assets.market_data.adjustment import adjust
from trading_assets.market_data.sources import Access, SourceError, read_bars, remote
from trading_assets.market_data.sources.raw import SCHEMA
from trading_assets.market_data.sources.request_limit import RequestLimit
from trading_assets.market_data.tables import RAW_BARS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.market_data.experiments import WHOLE, deliver, experiment, run
from trading_assets_tests.market_data.markets import NOW, path
from trading_assets_tests.market_data.vendor_server import Service, midnight, vendor

START, TODAY = dt.date(2022, 11, 1), dt.date(2024, 3, 1)
#: Both the day of TODAY and its session are over.
TONIGHT = dt.datetime.combine(TODAY + dt.timedelta(days=1), dt.time())
NEW_YORK = ZoneInfo("America/New_York")
SESSIONS = calendars.sessions("XNYS", START, TODAY).to_list()
DAYS = calendars.sessions("24/7", START, TODAY).to_list()
SPLIT, EX = SESSIONS[100], SESSIONS[200]


def traded(day: dt.date, symbol: str = "A") -> dict[str, float]:
    """The prices at which `symbol` traded on `day`: halved by a split."""
    base = 100.14 + day.toordinal() % 17 + len(symbol)
    close = base / (2 if day >= SPLIT else 1)
    return {"o": close - 0.5, "h": close + 1, "l": close - 1, "c": close, "v": 1000.0 + day.day}


def yahoo(path: str, query: dict[str, str]) -> Any:
    """The chart service: prices, volumes and dividends as if every split had always been."""
    symbol = path.rsplit("/", 1)[-1]
    first, last = int(query.get("period1", 0)), int(query.get("period2", 2**40))
    days = [day for day in SESSIONS if first <= midnight(day, NEW_YORK) < last]
    later = [2 if day < SPLIT else 1 for day in days]
    quote = {
        name: [traded(day, symbol)[name[0]] / ratio for day, ratio in zip(days, later, strict=True)]
        for name in ("open", "high", "low", "close")
    }
    quote["volume"] = [int(traded(day, symbol)["v"] * ratio) for day, ratio in zip(days, later, strict=True)]
    opens = [midnight(day, NEW_YORK) + 9 * 3600 + 1800 for day in days]
    zone = {"timezone": "EST", "gmtoffset": -18000, "exchangeTimezoneName": "America/New_York"}
    period = {"start": opens[-1], "end": opens[-1] + 23400, **{key: zone[key] for key in ("timezone", "gmtoffset")}}
    events = {
        "dividends": {str(midnight(EX)): {"amount": 0.25, "date": midnight(EX, NEW_YORK) + 34200}},
        "splits": {
            str(midnight(SPLIT)): {
                "date": midnight(SPLIT, NEW_YORK) + 34200,
                "numerator": 2,
                "denominator": 1,
                "splitRatio": "2:1",
            }
        },
    }
    meta = {
        "currency": "USD",
        "symbol": symbol,
        "instrumentType": "EQUITY",
        "regularMarketPrice": quote["close"][-1],
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "max"],
        **zone,
    }
    result = {"meta": meta, "timestamp": opens, "events": events}
    result["indicators"] = {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]}
    return {"chart": {"result": [result], "error": None}}


def coinbase(path: str, query: dict[str, str]) -> Any:
    """Products, and candles newest first, at most 300 an answer."""
    if path.endswith("/products"):
        return [_product(name) for name in ("A-USD", "BB-USD")]
    if not path.endswith("/candles"):
        return []
    symbol = path.split("/")[-2].split("-", maxsplit=1)[0]
    first = dt.datetime.fromisoformat(query["start"].replace("Z", "+00:00")).date()
    last = dt.datetime.fromisoformat(query["end"].replace("Z", "+00:00")).date()
    days = [day for day in DAYS if first <= day <= last][:300]
    rows = [(midnight(day), traded(day, symbol)) for day in reversed(days)]
    return [[stamp, bar["l"], bar["h"], bar["o"], bar["c"], bar["v"]] for stamp, bar in rows]


def _product(name: str) -> dict[str, Any]:
    base, quote = name.split("-")
    return {
        "id": name,
        "base_currency": base,
        "quote_currency": quote,
        "quote_increment": "0.01",
        "base_increment": "0.00000001",
        "min_market_funds": "1",
        "status": "online",
        "trading_disabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
    }


def alpaca(path: str, query: dict[str, str]) -> Any:
    """Bars of one or more symbols, 100 a page."""
    symbol = query["symbols"]
    first, last = query["start"][:10], query["end"][:10]
    days = [day for day in SESSIONS if first <= day.isoformat() <= last]
    page = int(query.get("page_token") or 0)
    bars = [
        {
            "t": f"{dt.datetime.combine(day, dt.time(), NEW_YORK).astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
            "n": 10,
            "vw": 1.0,
            **traded(day, symbol),
        }
        for day in days[100 * page : 100 * page + 100]
    ]
    more = str(page + 1) if len(days) > 100 * page + 100 else None
    return {"bars": {symbol: bars}, "next_page_token": more}


PATIENCE = {"timeout_seconds": 0.7, "first_wait_seconds": 0.01, "requests_per_second": 1000}
KINDS: dict[str, tuple[Any, type[RemoteSource], dict[str, Any]]] = {
    "yfinance": (yahoo, YfinanceSource, {"symbols": ["A", "BB"]}),
    "ccxt": (coinbase, CcxtSource, {"symbols": ["A/USD", "BB/USD"], "exchange": "coinbaseexchange"}),
    "alpaca": (alpaca, AlpacaSource, {"symbols": ["A", "BB"]}),
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APCA_API_KEY_ID", "the-key-itself")
    monkeypatch.setenv("APCA_API_SECRET_KEY", "the-secret-itself")


def source_of(kind: str, service: Service, **settings: Any) -> RemoteSource:
    _, model, own = KINDS[kind]
    return model.model_validate({"source": kind, "base_url": service.url, **PATIENCE, **own, **settings})


def fetched(
    source: RemoteSource, folder: Path, start: dt.date = START, end: dt.date = TODAY, now: dt.datetime = TONIGHT
) -> pl.DataFrame:
    access = Access(folder / "cache", START, TODAY, now)
    return read_bars(source, start=start, end=end, directory=folder, seed=0, access=access)  # type: ignore[arg-type]


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


def test_an_unknown_exchange_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="ccxt has no exchange 'krakn'"):
        fetched(CcxtSource.model_validate({"source": "ccxt", "exchange": "krakn", "symbols": ["A/USD"]}), tmp_path)
