"""A server in a process of its own on a free port, and what it answers."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets_tests.end_to_end.experiments import Running, start
from trading_assets_tests.robustness.pipeline import Experiment


@dataclass(frozen=True)
class Server:
    """A server that listens, its process, and the lines that it said before."""

    address: str
    running: Running
    said: list[str]

    def asked(self, path: str, body: object | bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.address + path, data), timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def scored(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        status, found = self.asked("/score", {"rows": rows})
        assert status == 200, found
        answer: dict[str, Any] = found
        return answer

    def until(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 60) -> dict[str, Any]:
        """Readiness once it is as wanted."""
        end = time.monotonic() + seconds
        while True:
            found: dict[str, Any] = self.asked("/ready")[1]
            if wanted(found):
                return found
            assert time.monotonic() < end, found
            time.sleep(0.1)

    def end(self) -> int:
        """Exit code once it was told to end."""
        self.running.process.send_signal(signal.SIGTERM)
        return self.running.process.wait(timeout=20)


@contextmanager
def serving(made: Experiment, *arguments: str) -> Iterator[Server]:
    """A server of an experiment, ended with the block."""
    running = start(made.folder / "config.yaml", made.folder / "data", "serve", *arguments, "--port", "0")
    try:
        said = []
        while line := running.wait_for_line():
            said.append(line.rstrip())
            if found := re.search(r"^serving .* on (http://\S+)$", line):
                yield Server(found[1], running, said)
                return
        running.errors.seek(0)
        raise AssertionError(running.errors.read())
    finally:
        if running.process.poll() is None:
            running.kill()
        elif running.process.stdout is not None:
            running.process.stdout.close()


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of features as a request has them."""
    return frame.drop("symbol", "session").to_dicts()


def ended(made: Experiment, *arguments: str) -> tuple[int, str]:
    """Exit code and errors of a server that does not start."""
    running = start(made.folder / "config.yaml", made.folder / "data", "serve", *arguments)
    try:
        running.process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        running.kill()
        raise
    done = running.finish().process
    return done.returncode, done.stderr
