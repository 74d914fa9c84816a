"""JSON over plain HTTP from one service. Keys stay with it; a failure is one that another try may mend, or not."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trading_assets.market_data.sources.remote import RefusedError, TransientError

_TOO_MANY, _SERVER = 429, 500
_MOST_PAGES = 10_000
_OK = ("OK", "DELAYED")


def raise_for(status: int, retry_after: str | None, text: str) -> None:
    """Raise for a status that says that a request failed.

    Parameters
    ----------
    status, retry_after
        HTTP status, and the header `Retry-After` where there is one: seconds; a date is not understood.
    text
        Body of the answer, for the message of an error.

    Raises
    ------
    TransientError
        Too many requests, or the service failed.
    RefusedError
        The key was refused.
    """
    if status == _TOO_MANY:
        wait = float(retry_after) if retry_after and retry_after.isdigit() else None
        raise TransientError(f"too many requests (HTTP {status})", wait)
    if status >= _SERVER:
        raise TransientError(f"the service failed (HTTP {status})")
    if status in (401, 403):
        raise RefusedError(f"the key was refused (HTTP {status}): {text}")


class JsonService:
    """A service that answers GET requests with JSON.

    Parameters
    ----------
    base_url
        Address without a path. Nothing is asked elsewhere: of a next page's address only path and query are taken, and
        redirections are refused, so that no key reaches another host.
    headers
        Sent with every request.
    secret
        What no message may show.
    requests_per_second
        Limit of the requests that one fetch makes.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        secret: str,
        timeout_seconds: float,
        requests_per_second: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base, self._headers, self._secret = base_url.rstrip("/"), dict(headers), secret
        self._timeout, self._pause = timeout_seconds, 1 / requests_per_second
        self._sleep, self._clock = sleep, clock
        self._next = 0.0
        self._open = urllib.request.build_opener(_NoRedirection()).open

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """Return the answer to one request.

        Raises
        ------
        TransientError
            No answer in time, too many requests, a failed service, JSON that is cut.
        RefusedError
            Any other status than 200.
        """
        wait = self._next - self._clock()
        if wait > 0:
            self._sleep(wait)
        self._next = self._clock() + self._pause
        address = f"{self._base}{path}?{urllib.parse.urlencode(query)}"
        try:
            with self._open(urllib.request.Request(address, headers=self._headers), timeout=self._timeout) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            text = self._hidden(error.read(200).decode("utf-8", "replace"))
            raise_for(error.code, error.headers.get("Retry-After"), text)
            raise RefusedError(f"HTTP {error.code}: {text}") from None
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(self._hidden(f"{type(error).__name__}: {error}")) from None
        try:
            return json.loads(body)
        except ValueError:
            raise TransientError("a broken answer: no JSON, or cut") from None

    def pages(self, path: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """Yield the rows under `results` of every page; the next one's address is under `next_url`.

        Raises
        ------
        TransientError, RefusedError
            As `get`; an answer of another shape is a broken one.
        """
        for _ in range(_MOST_PAGES):
            answer = self.get(path, query)
            rows = answer.get("results") if isinstance(answer, dict) else None
            if not isinstance(answer, dict) or not isinstance(rows, list | None):
                raise TransientError("a broken answer: no list of results")
            if answer.get("status", _OK[0]) not in _OK:
                raise RefusedError(self._hidden(str(answer.get("error") or answer.get("message") or answer))[:200])
            if rows is None and "status" not in answer:
                raise TransientError(f"a broken answer: no results, but {self._hidden(str(answer))[:200]}")
            yield from rows or []
            following = answer.get("next_url")
            if not following:
                return
            parts = urllib.parse.urlsplit(str(following))
            path, query = parts.path, dict(urllib.parse.parse_qsl(parts.query))
        raise RefusedError(f"more than {_MOST_PAGES:,} pages")

    def _hidden(self, text: str) -> str:
        return text.replace(self._secret, "***")


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
