"""JSON over plain HTTP from one service. Keys stay with it; a failure is one that another try may mend, or not."""

from __future__ import annotations

import datetime as dt
import email.utils
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from trading_assets.market_data.sources.request_limit import RefusedError, RequestLimit, TransientError

_TOO_MANY, _SERVER = 429, 500
_OK = ("OK", "DELAYED")
#: Bytes of an answer; the whole history of a symbol is below one in a hundred of it.
_MOST_BYTES = 256 * 2**20
#: What comes of reading JSON that is valid and of another shape than it should be.
MISSHAPEN = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)


def seconds_asked(retry_after: str | None, now: dt.datetime) -> float | None:
    """Return the seconds that a header `Retry-After` asks for; None without one, or where it is neither form.

    Parameters
    ----------
    retry_after
        Seconds, or a date.
    now
        Present, UTC.

    References
    ----------
    RFC 9110, section 10.2.3.
    """
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        then = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max((then.replace(tzinfo=then.tzinfo or dt.UTC) - now).total_seconds(), 0.0)


def raise_for(status: int, retry_after: str | None, text: str) -> None:
    """Raise for a status that says that a request failed.

    Parameters
    ----------
    status, retry_after
        HTTP status, and the header `Retry-After` where there is one.
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
        wait = seconds_asked(retry_after, dt.datetime.now(dt.UTC))
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
    limit
        What every request goes through.
    timeout_seconds
        Of each read.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        secret: str,
        limit: RequestLimit,
        timeout_seconds: float,
    ) -> None:
        self._base, self._headers, self._secret = base_url.rstrip("/"), dict(headers), secret
        self._limit, self._timeout = limit, timeout_seconds
        self._open = urllib.request.build_opener(_NoRedirection()).open

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """Return the answer to one request.

        Raises
        ------
        TransientError
            No answer in time, too many requests, a failed service, JSON that is cut.
        RefusedError
            Any other status than 200, or an answer of a size that no history has.
        """
        address = f"{self._base}{path}?{urllib.parse.urlencode(query)}"
        try:
            body = self._limit(lambda: self._body(urllib.request.Request(address, headers=self._headers)))
        except urllib.error.HTTPError as error:
            text = self._hidden(error.read(200).decode("utf-8", "replace"))
            raise_for(error.code, error.headers.get("Retry-After"), text)
            raise RefusedError(f"HTTP {error.code}: {text}") from None
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(self._hidden(f"{type(error).__name__}: {error}")) from None
        if len(body) > _MOST_BYTES:
            raise RefusedError(f"an answer of more than {_MOST_BYTES // 2**20} MiB")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise TransientError("a broken answer: no JSON, cut, or nested too deeply") from None

    def _body(self, request: urllib.request.Request) -> bytes:
        with self._open(request, timeout=self._timeout) as answer:
            body: bytes = answer.read(_MOST_BYTES + 1)
            return body

    def pages(self, path: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """Yield the rows under `results` of every page; the next one's address is under `next_url`.

        Raises
        ------
        TransientError, RefusedError
            As `get`; an answer of another shape is a broken one.
        """
        while True:  # the limit counts the pages
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

    def _hidden(self, text: str) -> str:
        return text.replace(self._secret, "***")


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
