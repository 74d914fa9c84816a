"""The line to Alpaca: what may be asked twice is, what an answer means has one error for it, and no key is told."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from trading_assets.config.errors import ConfigurationError
from trading_assets.config.trading import AlpacaSettings
from trading_assets.trading.brokers.port import BrokerRefusedError, BrokerUnavailableError

_TOO_MANY, _SERVER, _UNAUTHORISED, _FORBIDDEN = 429, 500, 401, 403
#: Seconds before the second try, doubled for each one after it.
_FIRST_WAIT = 0.5


class NotTakenError(Exception):
    """Alpaca heard a request and says no to it alone: `status` of HTTP, `code` of Alpaca, `message` in its words."""

    def __init__(self, status: int, code: int | None, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Line:
    """Requests to the trading service and to that of quotes.

    Parameters
    ----------
    settings
        Section of the configuration.
    keys
        Key and secret: sent in headers, told nowhere.
    is_live
        Whether orders cost money: by this alone the service for live accounts is asked.
    sleep
        Waits some seconds.
    """

    def __init__(
        self,
        settings: AlpacaSettings,
        keys: tuple[SecretStr, SecretStr],
        *,
        is_live: bool,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            from alpaca.common.enums import BaseURL
            from alpaca.trading.client import TradingClient
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"{error.name} is not installed\n  expected: the client of trading.broker: alpaca\n"
                "  what to do: pip install 'trading-assets[alpaca]'"
            ) from None
        self._settings, self._keys, self._sleep = settings, keys, sleep
        key, secret = (each.get_secret_value() for each in keys)
        self._client = TradingClient(
            key, secret, paper=not is_live, raw_data=True, url_override=settings.base_url or None
        )
        self._data_url = settings.data_url or str(BaseURL.DATA.value)
        self._client._retry = 0  # it would send an order again whose answer was lost
        send: Callable[..., Any] = self._client._session.request
        self._client._session.request = lambda *args, **more: send(*args, timeout=settings.timeout_seconds, **more)  # type: ignore[method-assign]

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return the answer of the trading service; asked again where none came."""
        return self._again(lambda: self._client.get(path, dict(query or {})))

    def get_data(self, path: str, version: str, query: Mapping[str, Any]) -> Any:
        """Return an answer of the service of quotes.

        Parameters
        ----------
        path, version
            Path after the version, such as `v2`.
        query
            What is asked for.
        """
        asked = {"base_url": self._data_url, "api_version": version}
        return self._again(lambda: self._client.get(path, dict(query), **asked))

    def delete(self, path: str) -> None:
        """Ask for something to be taken back; asked again where no answer came: twice is once."""
        self._again(lambda: self._client.delete(path), may_be_empty=True)

    def post(self, path: str, said: Mapping[str, Any]) -> Any:
        """Send what may not be sent twice: again only where Alpaca says that it did not look at it (429)."""
        return self._again(lambda: self._client.post(path, dict(said)), is_once=True)

    def _again(self, ask: Callable[[], Any], *, is_once: bool = False, may_be_empty: bool = False) -> Any:
        wait = _FIRST_WAIT
        for left in reversed(range(self._settings.attempts)):
            try:
                return self._asked(ask, may_be_empty=may_be_empty)
            except _BusyError as busy:
                if not left:
                    raise BrokerUnavailableError(str(busy)) from None
                asked_for = wait if busy.wait is None else busy.wait
                self._sleep(min(asked_for, self._settings.longest_wait_seconds))
            except BrokerUnavailableError:
                if is_once or not left:
                    raise
                self._sleep(min(wait, self._settings.longest_wait_seconds))
            wait *= 2
        raise AssertionError("unreachable")

    def _asked(self, ask: Callable[[], Any], *, may_be_empty: bool) -> Any:
        from alpaca.common.exceptions import APIError
        from requests.exceptions import RequestException

        try:
            answer = ask()
        except APIError as error:
            raise self._meaning(error) from None
        except (RequestException, ValueError) as error:  # no connection, no answer in time, or one that is cut
            raise BrokerUnavailableError(self._hidden(f"{type(error).__name__}: {error}")) from None
        if answer is None and not may_be_empty:
            raise BrokerUnavailableError("an empty answer")
        return answer

    def _meaning(self, error: Any) -> Exception:
        """What an answer that is an error says of the request, or of the account."""
        status = int(error.status_code or _SERVER)
        code, message = _said(str(error))
        message = self._hidden(message)
        if status == _TOO_MANY:
            return _BusyError(_seconds(error.response.headers.get("Retry-After")))
        if status >= _SERVER:
            return BrokerUnavailableError(f"Alpaca failed (HTTP {status}): {message}")
        if status == _UNAUTHORISED or (status == _FORBIDDEN and code is None):
            settings = self._settings
            return BrokerRefusedError(
                f"Alpaca refuses the keys (HTTP {status}): {message}\n"
                f"  expected: a key and a secret of this kind of account in {settings.key_variable} and "
                f"{settings.secret_variable} (trading.alpaca.key_variable, secret_variable); live has others\n"
                "  what to do: make keys at Alpaca, and export them"
            )
        return NotTakenError(status, code, message)

    def _hidden(self, text: str) -> str:
        for key in self._keys:
            text = text.replace(key.get_secret_value(), "***")
        return text


class _BusyError(Exception):
    """Too many requests: nothing was done."""

    def __init__(self, wait: float | None) -> None:
        super().__init__("Alpaca takes no more requests for now (HTTP 429)")
        self.wait = wait


def _said(text: str) -> tuple[int | None, str]:
    """Code and message of an error's body; what is no JSON is the message."""
    try:
        body = json.loads(text)
    except ValueError:
        return None, text[:200]
    if not isinstance(body, dict):
        return None, text[:200]
    code = body.get("code")
    return (code if isinstance(code, int) else None), str(body.get("message", text))[:200]


def _seconds(said: str | None) -> float | None:
    """Seconds of a header Retry-After; None of a date, or of what is no number."""
    try:
        found = float(said or "")
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None
