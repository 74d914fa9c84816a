"""Answers of ALFRED in both shapes, and a service that answers, waits, refuses and breaks off: on this machine."""

from __future__ import annotations

import datetime as dt
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from trading_assets.config.alternative import Alfred, AlternativeData
from trading_assets.market_data.alternative.alfred import ask_for
from trading_assets.market_data.alternative.publications import read_provider
from trading_assets.market_data.sources.errors import SourceError

KEY = "0123456789abcdef0123456789abcdef"
#: As the service's documentation has it: GNP of 1929 and 1930, the first of them revised once.
ROWS = [
    {"realtime_start": "2013-08-14", "realtime_end": "2014-07-29", "date": "1929-01-01", "value": "1065.9"},
    {"realtime_start": "2014-07-30", "realtime_end": "9999-12-31", "date": "1929-01-01", "value": "1066.8"},
    {"realtime_start": "2013-08-14", "realtime_end": "9999-12-31", "date": "1930-01-01", "value": "."},
]
WIDE = [
    {"date": "1929-01-01", "GNPCA_20130814": "1065.9", "GNPCA_20131001": "1065.9", "GNPCA_20140730": "1066.8"},
    {"date": "1930-01-01", "GNPCA_20130814": "."},
]
Answers = Callable[[dict[str, str]], tuple[int, Any]]


class Service:
    """A service that gives answers in turn, the last one for ever."""

    def __init__(self, *answers: Answers) -> None:
        self.asked: list[dict[str, str]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(parts.query))
                status, answer = answers[min(len(service.asked), len(answers) - 1)](query)
                service.asked.append({"path": parts.path, **query})
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Service]]:
    monkeypatch.setenv("FRED_API_KEY", KEY)
    made: list[Service] = []

    def serve(*answers: Answers) -> Service:
        made.append(Service(*answers))
        return made[-1]

    yield serve
    for each in made:
        each.close()


def page(query: dict[str, str]) -> tuple[int, Any]:
    """Two rows at most, whatever is asked for: an answer in pages."""
    offset = int(query["offset"])
    return 200, {"count": len(ROWS), "offset": offset, "observations": ROWS[offset : offset + 2]}


def settings(**alfred: Any) -> AlternativeData:
    return AlternativeData.model_validate(
        {
            "path": "gnp.json",
            "values": {"gnp": "value"},
            "timezone": "America/Chicago",
            "alfred": {"series": "GNPCA", **alfred},
        }
    )


def taken(own: AlternativeData, folder: Path) -> list[tuple[Any, ...]]:
    found = read_provider("macro", own, folder)
    assert found.rejected.is_empty()
    rows = found.publications.sort("observed", "published_at")
    return rows.select(pl.col("observed").dt.date(), "session", "value").rows()


#: A mere day counts from the next one on; what has no value is no publication.
EXPECTED = [
    (dt.date(1929, 1, 1), dt.date(2013, 8, 15), 1065.9),
    (dt.date(1929, 1, 1), dt.date(2014, 7, 31), 1066.8),
]


@pytest.mark.parametrize("rows", [ROWS, WIDE], ids=["a row a value", "a column a vintage"])
def test_both_shapes_of_a_file_are_the_same_publications(rows: list[dict[str, str]], tmp_path: Path) -> None:
    """A vintage that repeats the value before it is none: the value was in force since that one."""
    (tmp_path / "gnp.json").write_text(json.dumps({"file_type": "json", "observations": rows}))
    assert taken(settings(ask=False), tmp_path) == EXPECTED


def test_the_service_is_asked_for_all_vintages_page_by_page(served: Callable[..., Service], tmp_path: Path) -> None:
    service = served(page)
    assert taken(settings(base_url=service.url), tmp_path) == EXPECTED
    assert [each["offset"] for each in service.asked] == ["0", "2"]
    first = service.asked[0]
    assert (first["path"], first["series_id"], first["api_key"]) == ("/fred/series/observations", "GNPCA", KEY)
    assert (first["realtime_start"], first["realtime_end"], first["output_type"]) == ("1776-07-04", "9999-12-31", "1")
    assert json.loads((tmp_path / "gnp.json").read_text())["observations"] == ROWS
    assert KEY not in (tmp_path / "gnp.json").read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["gnp.json"]


def test_a_service_that_fails_for_a_while_is_asked_again(served: Callable[..., Service], tmp_path: Path) -> None:
    waits: list[float] = []
    service = served(lambda _: (503, {}), lambda _: (200, b"{cut"), lambda _: (200, {"observations": ROWS}), page)
    ask_for(Alfred(series="GNPCA", base_url=service.url), tmp_path / "gnp.json", waits.append)
    assert [each["offset"] for each in service.asked] == ["0", "0", "0", "0", "2"] and len(waits) >= 3
    assert json.loads((tmp_path / "gnp.json").read_text())["observations"] == ROWS


def test_a_service_that_stays_down_is_given_up(served: Callable[..., Service], tmp_path: Path) -> None:
    service = served(lambda _: (503, {}))
    with pytest.raises(SourceError, match="ALFRED has not answered for GNPCA: the service failed"):
        ask_for(Alfred(series="GNPCA", base_url=service.url, attempts=3), tmp_path / "gnp.json", lambda _: None)
    assert len(service.asked) == 3 and not (tmp_path / "gnp.json").exists()


def test_a_refusal_is_told_without_the_key_and_nothing_older_takes_its_place(
    served: Callable[..., Service], tmp_path: Path
) -> None:
    """The file of the last run is there, and is not read for news."""
    (tmp_path / "gnp.json").write_text(json.dumps({"observations": ROWS}))
    service = served(lambda query: (400, {"error_message": f"api_key {query['api_key']} is not registered"}))
    with pytest.raises(SourceError, match="ALFRED has not answered for GNPCA: HTTP 400") as error:
        read_provider("macro", settings(base_url=service.url), tmp_path)
    assert KEY not in str(error.value) and "key: alternative_data.macro" in str(error.value)
    assert len(service.asked) == 1


def test_without_a_key_the_variable_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FRED_API_KEY", raising=False)
    with pytest.raises(SourceError, match="FRED_API_KEY is not set"):
        read_provider("macro", settings(), tmp_path)


@pytest.mark.parametrize("content", ['{"error_message": "Bad Request."}', '{"observations": [1]}', "[]", "no"])
def test_a_file_that_is_no_answer_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "gnp.json").write_text(content)
    with pytest.raises(SourceError, match=r"no answer of ALFRED|not JSON"):
        read_provider("macro", settings(ask=False), tmp_path)


def test_an_answer_without_observations_has_no_publication(tmp_path: Path) -> None:
    (tmp_path / "gnp.json").write_text('{"count": 0, "observations": []}')
    assert read_provider("macro", settings(ask=False), tmp_path).publications.is_empty()


@pytest.mark.parametrize("wrong", [{"path": "*.json"}, {"path": "gnp.csv"}, {"values": {"a": "value", "b": "value"}}])
def test_a_series_has_one_file_and_one_value(wrong: dict[str, Any]) -> None:
    given = settings().model_dump(exclude_unset=True) | wrong
    with pytest.raises(ValidationError, match=r"ends in \.json|has one column"):
        AlternativeData.model_validate(given)
