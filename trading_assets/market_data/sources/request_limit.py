"""What a source may ask of its vendor in one run: so much at a time, for so long, and no more than that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from trading_assets.metering import vendor_request

Answer = TypeVar("Answer")


class TransientError(Exception):
    """A request failed in a way that another try may not: a timeout, too many requests, a broken answer."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds  # what the service asked for


class RefusedError(Exception):
    """A request that will fail every time: an unknown symbol, a wrong key."""


class DeadlineError(Exception):
    """The time of a source in this run is over: nothing more is asked of its vendor."""


class Limits(Protocol):
    """Limits as a section of the configuration has them: a rate, seconds, and pages of one answer."""

    @property
    def requests_per_second(self) -> float:
        """Most requests a second."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """Seconds of a request."""
        ...

    @property
    def deadline_seconds(self) -> float:
        """Seconds of all requests of a run."""
        ...

    @property
    def most_pages(self) -> int:
        """Most pages of one answer."""
        ...


class RequestLimit:
    """Lets one request through after another: not too fast, not too many a fetch, none for too long.

    Every request counts, each page of an answer among them.

    Parameters
    ----------
    limits
        Settings of a source.
    sleep, clock
        How to wait, and the time in seconds.
    """

    def __init__(
        self,
        limits: Limits,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sleep, self._clock = sleep, clock
        self._pause, self._timeout = 1 / limits.requests_per_second, limits.timeout_seconds
        self._most_pages, self._deadline = limits.most_pages, limits.deadline_seconds
        self._end: float | None = None
        self._next = 0.0
        self._pages = 0

    def begin_fetch(self) -> None:
        """Count the pages of an answer anew; the first time of all, the time of the source begins."""
        self._pages = 0
        if self._end is None:
            self._end = self._clock() + self._deadline

    def admit(self) -> float:
        """Wait until a request may be made, and return the seconds that it may take.

        Raises
        ------
        RefusedError
            One answer has more pages than `most_pages`.
        DeadlineError
            The time of the source is over.
        """
        self._pages += 1
        if self._pages > self._most_pages:
            raise RefusedError(f"an answer has more than {self._most_pages:,} pages (`most_pages`)")
        wait = self._next - self._clock()
        if wait > 0:
            self.sleep(wait)
        now = self._clock()
        self._next = now + self._pause
        left = self._deadline if self._end is None else self._end - now
        if left <= 0:
            raise DeadlineError(f"{self._deadline:g} s are over, and nothing more is asked")
        return min(left, self._timeout)

    def __call__(self, request: Callable[[], Answer]) -> Answer:
        """Make a request when it may be made, and wait for its whole answer no longer than it may take.

        Raises
        ------
        TransientError
            It took longer.
        RefusedError, DeadlineError
            As `admit`; and whatever the request raises.
        """
        seconds = self.admit()
        with vendor_request():
            return within(seconds, request)


def within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """Return what a call returns, or raise what it raises.

    A client's own time-out is often of each read: an answer that drips a byte at a time never meets it. The call is
    made in a thread, which is left alone where it takes too long, and holds up neither the run nor its end.

    Raises
    ------
    TransientError
        It took longer than `seconds`.
    """
    answers: list[Answer] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="vendor request", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise TransientError(f"no whole answer within {seconds:g} s")
    return answers[0]
