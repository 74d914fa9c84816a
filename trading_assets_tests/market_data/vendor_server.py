"""A local HTTP server that answers as vendors do, and misbehaves as they do."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

#: (path, query) -> the body of an answer, or its status and headers.
Answer = Callable[[str, dict[str, str]], Any]


#: Faults that are words with status 200, as Alpha Vantage answers.
WORDS = {
    "note": {"Note": "Thank you! Our standard API call frequency is 5 calls per minute and 500 calls per day."},
    "information": {
        "Information": "We have detected your API key as the-key-itself and our standard API rate limit is 25 requests "
        "per day. Please subscribe to any of the premium plans to remove it."
    },
    "premium": {"Information": "This is a premium endpoint. You may subscribe to any of the premium plans."},
    "error message": {"Error Message": "Invalid API call for the-key-itself."},
}


class Service:
    """What was asked, and what goes wrong next: a queue of faults, one for each request."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[str] = []
        self.retry_after = "7"  # seconds, of an answer that says "too many"
        self.only = ""  # part of the paths that faults hit
        self.is_over = False


@contextlib.contextmanager
def vendor(answer: Answer) -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            service.asked.append((parts.path, query))
            service.headers.append(dict(self.headers.items()))
            is_hit = service.faults and service.only in parts.path
            fault = service.faults.pop(0) if is_hit else ""
            body = json.dumps(answer(parts.path, query)).encode()
            status = {"429": 429, "500": 500, "403": 403, "302": 302}.get(fault, 200)
            if fault in WORDS:
                body = json.dumps(WORDS[fault]).encode()
            if fault == "slow":
                time.sleep(1.5)
            if fault == "cut":
                body = body[: len(body) // 2]
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                if status == 429:
                    self.send_header("Retry-After", service.retry_after)
                self.end_headers()
                if fault == "drip":  # a byte now and then: no single read is ever slow
                    for at in range(len(body)):
                        self.wfile.write(body[at : at + 1])
                        time.sleep(0.1)
                        if service.is_over:
                            return
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield service
    finally:
        service.is_over = True
        server.shutdown()
        server.server_close()


def midnight(day: dt.date, zone: dt.tzinfo = dt.UTC) -> int:
    return int(dt.datetime.combine(day, dt.time(), tzinfo=zone).timestamp())
