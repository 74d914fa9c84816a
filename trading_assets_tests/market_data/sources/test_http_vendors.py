"""Alpha Vantage and Polygon against a local server: pages, limits in words, faults, keys, actions on their ex-dates."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from trading_assets.config.remote_sources import AlphaVantageSource, MissingSecretError, PolygonSource, RemoteSource
from trading_assets.market_data import calendars
from trading_assets.market_data.sources import Access, SourceError, read_bars
from trading_assets.market_data.sources.http_json import JsonService, seconds_asked
from trading_assets.market_data.sources.http_vendors import polygon
from trading_assets.market_data.sources.request_limit import RequestLimit
from trading_assets_tests.market_data.vendor_server import Service, midnight, vendor

START, TODAY = dt.date(2022, 11, 1), dt.date(2024, 3, 1)
NEW_YORK = ZoneInfo("America/New_York")
SESSIONS = calendars.sessions("XNYS", START, TODAY).to_list()
SPLIT, EX = SESSIONS[100], SESSIONS[200]
KEY = "the-key-itself"
PAGE = 90
PATIENCE = {"timeout_seconds": 0.7, "first_wait_seconds": 0.01, "requests_per_second": 1000}


def traded(day: dt.date) -> dict[str, float]:
    """Prices of a day as traded: a half after a split of 2 for 1."""
    close = (100.0 + day.toordinal() % 17) / (2 if day >= SPLIT else 1)
    return {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close, "volume": 1000.0 + day.day}


def alpha_vantage_service(path: str, query: dict[str, str]) -> Any:
    """The whole history, newest first, numbers as text."""
    assert path == "/query" and query["function"] == "TIME_SERIES_DAILY_ADJUSTED" and query["outputsize"] == "full"
    series = {}
    for day in reversed(SESSIONS):
        bar = {name: f"{value:.4f}" for name, value in traded(day).items()}
        series[day.isoformat()] = {
            **{f"{number}. {name}": bar[name] for number, name in enumerate(("open", "high", "low", "close"), start=1)},
            "5. adjusted close": bar["close"],
            "6. volume": bar["volume"],
            "7. dividend amount": "0.2500" if day == EX else "0.0000",
            "8. split coefficient": "2.0" if day == SPLIT else "1.0",
        }
    return {"Meta Data": {"2. Symbol": query["symbol"], "5. Time Zone": "US/Eastern"}, "Time Series (Daily)": series}


def polygon_service(path: str, query: dict[str, str]) -> Any:
    """Aggregates in pages of 90, whose next addresses are absolute; splits and dividends by their dates."""
    if path == "/stocks/v1/splits":
        return {"status": "OK", "results": _between(query, "execution_date", [{"split_from": 1, "split_to": 2}], SPLIT)}
    if path == "/stocks/v1/dividends":
        paid: list[dict[str, Any]] = [
            {"cash_amount": 0.2},
            {"cash_amount": 0.05},
            {"cash_amount": 9.0, "currency": "CAD"},
        ]
        return {"status": "OK", "results": _between(query, "ex_dividend_date", paid, EX)}
    *_, first, last = path.split("/")
    days = [day for day in SESSIONS if first <= day.isoformat() <= last]
    page = int(query.get("cursor", 0))
    rows = [
        {
            "t": midnight(day, NEW_YORK) * 1000,
            "n": 5,
            "vw": 1.0,
            **{name[0]: value for name, value in traded(day).items()},
        }
        for day in days[PAGE * page : PAGE * (page + 1)]
    ]
    answer: dict[str, Any] = {"status": "DELAYED", "adjusted": False, "results": rows}
    if len(days) > PAGE * (page + 1):
        answer["next_url"] = f"https://elsewhere.example{path}?cursor={page + 1}"
    return answer


def _between(query: dict[str, str], name: str, rows: list[dict[str, Any]], day: dt.date) -> list[dict[str, Any]]:
    is_asked = query[f"{name}.gte"] <= day.isoformat() <= query[f"{name}.lte"]
    return [{"ticker": query["ticker"], name: day.isoformat(), **row} for row in rows] if is_asked else []


KINDS: dict[str, tuple[Any, type[RemoteSource]]] = {
    "alpha_vantage": (alpha_vantage_service, AlphaVantageSource),
    "polygon": (polygon_service, PolygonSource),
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY", KEY)
    monkeypatch.setenv("POLYGON_API_KEY", KEY)
    monkeypatch.delenv("MASSIVE_API_KEY", raising=False)


def source_of(kind: str, service: Service, **settings: Any) -> RemoteSource:
    model = KINDS[kind][1]
    return model.model_validate({"source": kind, "symbols": ["A"], "base_url": service.url, **PATIENCE, **settings})


def fetched(source: RemoteSource, folder: Path, start: dt.date = START, end: dt.date = TODAY) -> pl.DataFrame:
    access = Access(folder / "cache", START, TODAY, now=dt.datetime(2024, 3, 2, 3))
    return read_bars(source, start=start, end=end, directory=folder, seed=0, access=access)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_bars_are_those_that_were_traded(tmp_path: Path, kind: str) -> None:
    """Through all pages, over two ends of years, with the day of New York in summer and winter."""
    with vendor(KINDS[kind][0]) as service:
        bars = fetched(source_of(kind, service), tmp_path)
    assert bars["session"].to_list() == SESSIONS
    for name in ("open", "high", "low", "close", "volume"):
        assert bars[name].to_list() == pytest.approx([traded(day)[name] for day in SESSIONS], rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_splits_and_dividends_are_on_their_ex_dates(tmp_path: Path, kind: str) -> None:
    """2 for 1 on one day; 0.25 on another (of Polygon 0.20 and 0.05, and what is paid in another currency is not)."""
    with vendor(KINDS[kind][0]) as service:
        bars = fetched(source_of(kind, service), tmp_path)
    assert bars.filter(pl.col("split_ratio") != 1).select("session", "split_ratio").rows() == [(SPLIT, 2.0)]
    ((session, cash),) = bars.filter(pl.col("cash_dividend") != 0).select("session", "cash_dividend").rows()
    assert (session, cash) == (EX, pytest.approx(0.25))


def test_an_action_without_a_bar_of_its_day_is_on_the_next_one(tmp_path: Path) -> None:
    """Ex on Saturday 31 December: on Tuesday 3 January, the first bar after it, though the next request has that."""

    def answer(path: str, query: dict[str, str]) -> Any:
        if path == "/stocks/v1/splits":
            day = dt.date(2022, 12, 31)
            return {"results": _between(query, "execution_date", [{"split_from": 3, "split_to": 1}], day)}
        return polygon_service(path, query)

    with vendor(answer) as service:
        source = source_of("polygon", service)
        offered = polygon(source, RequestLimit(source))  # type: ignore[arg-type]
        years = [offered.fetch("A", dt.date(year, 1, 1), dt.date(year, 12, 31)) for year in (2022, 2023)]
    found = pl.concat(years).filter(pl.col("split_ratio") != 1).select("session", "split_ratio").rows()
    assert found == [(dt.date(2023, 1, 3), pytest.approx(1 / 3))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["429", "500", "cut", "slow"])
def test_a_request_is_tried_again(tmp_path: Path, kind: str, fault: str) -> None:
    with vendor(KINDS[kind][0]) as service:
        expected = fetched(source_of(kind, service), tmp_path / "other")
        service.faults, service.retry_after = [fault, fault], "0"
        assert fetched(source_of(kind, service), tmp_path).equals(expected)
        assert service.faults == []


def test_a_fault_on_a_later_page_leaves_no_half_of_the_bars(tmp_path: Path) -> None:
    with vendor(polygon_service) as service:
        service.faults = ["", "", "500", "", "cut"]
        bars = fetched(source_of("polygon", service, attempts=8), tmp_path)
    assert bars["session"].to_list() == SESSIONS


@pytest.mark.parametrize("words", ["note", "information"])
def test_a_limit_told_in_words_is_waited_for(tmp_path: Path, words: str) -> None:
    with vendor(alpha_vantage_service) as service:
        service.faults = [words, words]
        assert fetched(source_of("alpha_vantage", service), tmp_path)["session"].to_list() == SESSIONS
        assert len(service.asked) == 3


@pytest.mark.parametrize(
    ("words", "told"), [("premium", "This is a premium endpoint"), ("error message", "Invalid API call for")]
)
def test_a_refusal_told_in_words_is_not_tried_again(tmp_path: Path, words: str, told: str) -> None:
    with vendor(alpha_vantage_service) as service:
        service.faults = [words] * 9
        with pytest.raises(SourceError, match="did not deliver 1 of 1") as caught:
            fetched(source_of("alpha_vantage", service), tmp_path)
        assert len(service.asked) == 1
    assert told in str(caught.value) and KEY not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["403", "302", "information", "500"])
def test_no_key_is_told_to_anyone(tmp_path: Path, kind: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a message nor in a log nor in the cache, and not to another host: redirections are refused."""
    with vendor(KINDS[kind][0]) as service, caplog.at_level(logging.DEBUG):
        fetched(source_of(kind, service), tmp_path, end=dt.date(2023, 12, 31))  # the past is cached
        service.faults = [fault] * 1000
        with pytest.raises(SourceError) as caught:
            fetched(source_of(kind, service, attempts=2), tmp_path / "other")
    assert KEY not in str(caught.value) + caplog.text
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert stored and KEY.encode() not in stored


def test_the_key_goes_where_the_service_wants_it(tmp_path: Path) -> None:
    """Alpha Vantage takes it in the address, Polygon in a header; the next page is asked of the same host."""
    with vendor(alpha_vantage_service) as service:
        fetched(source_of("alpha_vantage", service), tmp_path / "a")
        assert [query["apikey"] for _, query in service.asked] == [KEY]
    with vendor(polygon_service) as service:
        fetched(source_of("polygon", service), tmp_path / "p")
        assert {headers["Authorization"] for headers in service.headers} == {f"Bearer {KEY}"}
        assert all(KEY not in str(query) for _, query in service.asked)
        assert any("cursor" in query for _, query in service.asked)


def test_missing_keys_name_their_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ALPHAVANTAGE_API_KEY")
    monkeypatch.delenv("POLYGON_API_KEY")
    for source, variable in (
        (AlphaVantageSource.model_validate({"source": "alpha_vantage", "symbols": ["A"]}), "ALPHAVANTAGE_API_KEY"),
        (PolygonSource.model_validate({"source": "polygon", "symbols": ["A"]}), "POLYGON_API_KEY"),
    ):
        with pytest.raises(MissingSecretError, match=f"environment variable {variable}"):
            source.key()  # type: ignore[attr-defined]
    monkeypatch.setenv("MASSIVE_API_KEY", "new")
    assert PolygonSource.model_validate({"source": "polygon", "symbols": ["A"]}).key().get_secret_value() == "new"


def test_pages_of_one_fetch_keep_to_the_limit() -> None:
    """Four requests at two a second: half a second between them."""
    now, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    def answer(path: str, query: dict[str, str]) -> Any:
        page = int(query.get("page", 0))
        return {"results": [{"page": page}], "next_url": f"/x?page={page + 1}" if page < 3 else None}

    with vendor(answer) as service:
        limit = RequestLimit(source_of("polygon", service, requests_per_second=2.0), sleep, lambda: now[0])
        asked = JsonService(service.url, headers={}, secret="s", limit=limit, timeout_seconds=5.0)
        assert [row["page"] for row in asked.pages("/x", {})] == [0, 1, 2, 3]
    assert waits == pytest.approx([0.5, 0.5, 0.5])


@pytest.mark.parametrize(
    "answer", [{"results": {"a": 1}}, [], {}, "text", {"status": "OK", "results": [{"t": 1}]}, {"results": [{"x": 1}]}]
)
def test_an_answer_of_another_shape_is_a_broken_one(tmp_path: Path, answer: Any) -> None:
    with vendor(lambda path, query: answer) as service, pytest.raises(SourceError, match="a broken answer"):
        fetched(source_of("polygon", service, attempts=2), tmp_path)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-7", None),
        ("soon", None),
        ("Sat, 02 Mar 2024 00:02:00 GMT", 120.0),
        ("Fri, 01 Mar 2024 23:00:00 GMT", 0.0),
    ],
)
def test_a_wait_is_asked_for_in_seconds_or_by_a_date(asked: str | None, seconds: float | None) -> None:
    assert seconds_asked(asked, dt.datetime(2024, 3, 2, tzinfo=dt.UTC)) == seconds


def test_numbers_written_as_text_are_none_of_polygon_s(tmp_path: Path) -> None:
    rows = [{"t": midnight(SPLIT, NEW_YORK) * 1000, **dict.fromkeys("ohlcv", "1.0")}]
    with (
        vendor(lambda path, query: {"status": "OK", "results": rows}) as service,
        pytest.raises(SourceError, match=r"'1\.0' is no number"),
    ):
        fetched(source_of("polygon", service, attempts=2), tmp_path)


def test_nothing_traded_is_no_fault(tmp_path: Path) -> None:
    with vendor(lambda path, query: {"status": "OK", "resultsCount": 0}) as service:
        assert fetched(source_of("polygon", service), tmp_path).is_empty()
