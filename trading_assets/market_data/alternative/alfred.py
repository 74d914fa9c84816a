"""ALFRED, the archive of FRED's vintages: an answer of `fred/series/observations` as rows, and how to ask for it.

An answer says of each observation from which day on a value was in force. It comes in two shapes: a row a value with
`realtime_start` (`output_type` 1), or a row an observation with a column a vintage, ``CPIAUCSL_20231212`` (2, 3 and 4).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_assets.config import ConfigurationError
from trading_assets.config.alternative import Alfred
from trading_assets.config.secrets import secret_of
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.http_json import JsonService
from trading_assets.market_data.sources.json_table import JsonTable
from trading_assets.market_data.sources.request_limit import DeadlineError, RefusedError, RequestLimit, TransientError
from trading_assets.market_data.sources.retries import tried
from trading_assets.market_data.sources.size_limits import SizeLimits

ALFRED_URL = "https://api.stlouisfed.org"
_PATH = "/fred/series/observations"
#: All vintages that there are.
_EVER = {"realtime_start": "1776-07-04", "realtime_end": "9999-12-31"}
#: Rows of an answer at most, as the service has it.
_PAGE = 100_000
_VINTAGE = re.compile(r"^.+_([0-9]{8})$")


@dataclass(frozen=True)
class _Limits:
    """What the service is asked at most, in one run, and how patiently."""

    timeout_seconds: float
    attempts: int
    requests_per_second: float = 2.0
    deadline_seconds: float = 3_600.0
    most_pages: int = 1_000
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 300.0


def ask_for(settings: Alfred, file: Path, sleep: Callable[[float], None] = time.sleep) -> None:
    """Ask the service for all vintages of a series, and keep the answer; a file that says the same stays as it is.

    Parameters
    ----------
    settings, file
        Series, and the file that its answer is kept in.
    sleep
        What waits between two requests.

    Raises
    ------
    SourceError
        There is no key, or no whole answer after all tries: nothing older takes its place.
    """
    if not settings.ask:
        return
    try:
        key = secret_of(settings.key_variable).strip()
    except ConfigurationError as error:
        raise SourceError(f"no key of ALFRED: {error}") from None
    if not key:
        raise SourceError(
            f"no key of ALFRED: {settings.key_variable} is not set",
            expected=f"a key of the service in the environment variable {settings.key_variable}",
            todo="set it, or `alfred: {ask: false}` if the file is there",
        )
    limits = _Limits(settings.timeout_seconds, settings.attempts)
    limit = RequestLimit(limits, sleep)
    service = JsonService(
        settings.base_url or ALFRED_URL,
        headers={},
        secret=key,
        limit=limit,
        timeout_seconds=settings.timeout_seconds,
    )
    query = {"series_id": settings.series, "api_key": key, "file_type": "json", "output_type": "1", **_EVER}
    try:
        rows = list(_observations(lambda page: tried(lambda: _page_of(service, query | page), limit, limits)))
    except (TransientError, RefusedError, DeadlineError) as error:
        raise SourceError(
            f"ALFRED has not answered for {settings.series}: {error}",
            expected="all vintages of the series",
            todo="run again later, or correct `alfred`; with `ask: false` the file is read as it is",
        ) from None
    content = json.dumps({"observations": rows}, indent=0).encode()
    if not file.is_file() or file.read_bytes() != content:
        _replace(file, content)


def vintages_of(path: Path, name: str) -> JsonTable:
    """Return an answer as a table: a row a publication with ``date``, ``realtime_start`` and ``value``.

    Parameters
    ----------
    path, name
        File, and what it is called in messages and tables.

    Raises
    ------
    SourceError
        It is no answer of the service.
    """
    try:
        said: Any = json.loads(path.read_bytes(), parse_float=str, parse_int=str)
    except ValueError as error:
        raise SourceError(f"not JSON: {error}", file=name, line=1, todo="deliver the file again") from None
    observations = said.get("observations") if isinstance(said, dict) else None
    if not isinstance(observations, list) or not all(isinstance(row, dict) and "date" in row for row in observations):
        message = said.get("error_message") if isinstance(said, dict) else None
        raise SourceError(
            "no answer of ALFRED" + (f"; the file says {message}" if message else ""),
            file=name,
            line=1,
            expected='{"observations": [{"realtime_start": ..., "date": ..., "value": ...}, ...]}',
            todo="deliver the file again, as fred/series/observations gives it with file_type=json",
        )
    rows = [each for row in observations for each in _publications(row)]
    empty = [{"date": None, "realtime_start": None, "value": None}]
    return JsonTable(name, json.dumps(rows or empty).encode(), (), SizeLimits())


def _observations(ask: Callable[[dict[str, str]], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the observations of all pages; `ask` has the answer of one."""
    offset = 0
    while True:
        answer = ask({"limit": str(_PAGE), "offset": str(offset)})
        yield from answer["observations"]
        offset += len(answer["observations"])
        if offset >= answer["count"] or not answer["observations"]:
            return


def _page_of(service: JsonService, query: dict[str, str]) -> dict[str, Any]:
    """Return an answer with a list of observations, and their number over all pages."""
    answer = service.get(_PATH, query)
    if not isinstance(answer, dict) or not isinstance(answer.get("observations"), list):
        raise TransientError("a broken answer: no list of observations")
    if not isinstance(answer.get("count"), int):
        raise TransientError("a broken answer: no number of observations")
    return answer


def _publications(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The publications of one row of an answer: itself, or one for each vintage that has a column in it."""
    if "realtime_start" in row:
        yield {name: row.get(name) for name in ("date", "realtime_start", "value")}
        return
    before = None
    for name in sorted((each for each in row if _VINTAGE.match(each)), key=_day_of):
        if row[name] != before:  # in force as before: no publication
            yield {"date": row["date"], "realtime_start": str(_day_of(name)), "value": row[name]}
        before = row[name]


def _day_of(column: str) -> dt.date:
    found = _VINTAGE.match(column)
    return dt.datetime.strptime(found.group(1) if found else "", "%Y%m%d").date()


def _replace(file: Path, content: bytes) -> None:
    """Write a file whole, or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "wb") as opened:
        opened.write(content)
    Path(part).replace(file)
