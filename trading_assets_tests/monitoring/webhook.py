"""A webhook on this machine, and what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import SecretStr

from trading_assets.config.sections import Notifier

TOKEN = SecretStr("s3cret-t0ken")


@dataclass
class Server:
    """What a webhook was sent, and the statuses it answers with (the last one for ever), after `before_answer`."""

    statuses: list[int]
    requests: list[tuple[str, dict[str, str], dict[str, object]]] = field(default_factory=list)
    url: str = ""
    before_answer: Callable[[], object] = lambda: None

    def notifier(self, token: SecretStr | None = TOKEN) -> Notifier:
        return Notifier.model_validate({"kind": "webhook", "url": self.url}).model_copy(update={"token": token})


@contextmanager
def serving(statuses: list[int]) -> Iterator[Server]:
    """A webhook on this machine."""
    state = Server(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append((self.path, dict(self.headers), body))
            state.before_answer()
            self.send_response(state.statuses.pop(0) if len(state.statuses) > 1 else state.statuses[0])
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - where a redirected POST would end

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.url = f"http://127.0.0.1:{http.server_port}/hooks/private-path"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()
