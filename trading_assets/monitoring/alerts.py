"""Alerts: one row each, and a notifier that tells a person."""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from http.client import HTTPException, HTTPMessage
from typing import IO

import polars as pl

from trading_assets.config.redaction import hidden
from trading_assets.config.sections import Notifier
from trading_assets.monitoring.tables import ALERTS

LOGGER = logging.getLogger(__name__)

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.5
TIMEOUT_SECONDS = 10.0


def alert(
    *,
    raised_at: dt.datetime,
    severity: str,
    source: str,
    message: str,
    run_id: str | None = None,
    secrets: Iterable[str] = (),
    **more: object,
) -> pl.DataFrame:
    """Build the row of `monitoring.alerts`.

    Parameters
    ----------
    raised_at
        UTC, naive.
    severity
        debug, info, warning or error.
    secrets
        Replaced by asterisks where the message, which may be any error's, quotes them: `secrets_of` the configuration.
    more
        Of what a rule raised: `alert_id`, `rule`, `subject`, `state`, `told`, `by`.
    """
    row = {
        "raised_at": raised_at,
        "severity": severity,
        "source": source,
        "message": hidden(message, secrets),
        "run_id": run_id,
        **more,
    }
    schema = ALERTS.empty().schema
    return pl.DataFrame([dict.fromkeys(schema) | row], schema=schema)


def notify(
    alerts: pl.DataFrame,
    notifier: Notifier,
    *,
    until: float = math.inf,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> bool:
    """Tell a person about alerts: through the log, and through the webhook if there is one.

    A notifier that cannot be reached is logged and not raised: the alert is on record, and a sensor that fails
    would only raise it again.

    Parameters
    ----------
    alerts
        Rows of `monitoring.alerts`.
    until
        Time of `time.monotonic` after which nobody is asked any more: who hangs keeps others waiting.
    sleep, jitter
        How to wait between attempts, and a number in [0, 1) that spreads them.

    Returns
    -------
    bool
        Whether all of them were delivered.
    """
    delivered = True
    for row in alerts.iter_rows(named=True):
        own = (each.get_secret_value() for each in notifier.secrets)
        text = hidden(f"{row['source']}: {row['message']}", own)
        LOGGER.log(logging.getLevelName(row["severity"].upper()), "%s", text)
        if notifier.kind == "webhook" and notifier.url is not None:
            delivered &= _deliver(_request(row, text, notifier), sleep, jitter, until)
        elif notifier.kind == "apprise":
            delivered &= _through_apprise(row["severity"], text, notifier, until)
    return delivered


def _request(row: dict[str, object], text: str, notifier: Notifier) -> urllib.request.Request:
    # `text` is what the chat services' incoming webhooks show.
    said = {name: value for name, value in row.items() if name == "run_id" or value is not None}
    body = {**said, "raised_at": f"{row['raised_at']:%Y-%m-%dT%H:%M:%SZ}", "text": text}
    body["message"] = text.removeprefix(f"{row['source']}: ")
    headers = {"Content-Type": "application/json"}
    if notifier.token is not None:
        headers["Authorization"] = f"Bearer {notifier.token.get_secret_value()}"
    return urllib.request.Request(_address(notifier), json.dumps(body).encode(), headers, method="POST")


def _through_apprise(severity: str, text: str, notifier: Notifier, until: float) -> bool:
    """Tell every address of a notifier; of one that fails its number is named, as the address has its password."""
    try:
        import apprise
    except ModuleNotFoundError:
        LOGGER.error("could not notify: apprise is not installed (extra `apprise`)")
        return False
    kind = {"error": "failure", "debug": "info"}.get(severity, severity)
    told = True
    for number, url in enumerate(notifier.urls, start=1):
        channel = apprise.Apprise()
        if time.monotonic() >= until:
            LOGGER.error("address %d of the notifier was not asked: the time to tell is over", number)
            told = False
            continue
        try:
            done = channel.add(url.get_secret_value()) and channel.notify(body=text, notify_type=kind)
        except Exception as error:  # a plugin of apprise may raise anything
            done, text_of = False, type(error).__name__
            LOGGER.error("address %d of the notifier raised %s", number, text_of)
        if not done:
            LOGGER.error("could not notify address %d of the notifier", number)
        told &= bool(done)
    return told


def _address(notifier: Notifier) -> str:
    return "" if notifier.url is None else notifier.url.get_secret_value()


def _deliver(
    request: urllib.request.Request, sleep: Callable[[float], None], jitter: Callable[[], float], until: float
) -> bool:
    """Post with retries; the host is named in the log, the address never (it may be a secret itself)."""
    cause = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            pause = FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * (1 + jitter())
            sleep(min(pause, max(until - time.monotonic(), 0.0)))
        left = until - time.monotonic()
        if left <= 0:
            cause = f"{cause}, and the time to tell is over" if cause else "the time to tell is over"
            break
        try:
            with _OPENER.open(request, timeout=min(TIMEOUT_SECONDS, left)):
                return True
        except urllib.error.HTTPError as error:
            cause = f"HTTP status {error.code}"
            error.close()
            if error.code != 429 and error.code < 500:
                break
        except (OSError, HTTPException) as error:
            cause = type(error.reason if isinstance(error, urllib.error.URLError) else error).__name__
    LOGGER.error("could not notify %s: %s", request.host.rpartition("@")[2], cause)
    return False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to another host: it is an error instead."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)
