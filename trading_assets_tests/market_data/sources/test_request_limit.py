"""What a request may take, whoever makes it."""

from __future__ import annotations

import threading

import pytest

from trading_assets.config.remote_sources import AlpacaSource
from trading_assets.market_data.sources.request_limit import (
    DeadlineError,
    RefusedError,
    RequestLimit,
    TransientError,
    within,
)


def limit_of(now: list[float], **settings: float) -> RequestLimit:
    """Return a limit on a clock that sleeping moves."""
    source = AlpacaSource.model_validate({"source": "alpaca", "symbols": ["A"], "requests_per_second": 2, **settings})

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return RequestLimit(source, sleep, lambda: now[0])


def test_a_request_may_take_what_is_left_and_no_more_than_its_own_time() -> None:
    """Of 100 seconds 30 each: at 90 ten are left, at 100 none."""
    now = [0.0]
    limit = limit_of(now, deadline_seconds=100, timeout_seconds=30)
    limit.begin_fetch()
    assert limit.admit() == 30.0
    now[0] = 90.0
    assert limit.admit() == 10.0
    now[0] = 100.0
    with pytest.raises(DeadlineError):
        limit.admit()


def test_the_time_of_a_source_begins_once() -> None:
    now = [0.0]
    limit = limit_of(now, deadline_seconds=100)
    for moment in (0.0, 60.0, 120.0):
        now[0] = moment
        limit.begin_fetch()
    with pytest.raises(DeadlineError):
        limit.admit()


def test_each_fetch_has_its_pages() -> None:
    limit = limit_of([0.0], most_pages=2)
    for _ in range(3):
        limit.begin_fetch()
        limit.admit()
        limit.admit()
    with pytest.raises(RefusedError, match="more than 2 pages"):
        limit.admit()


def test_what_a_call_returns_or_raises_is_handed_on() -> None:
    assert within(60.0, lambda: 7) == 7
    assert within(60.0, lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        within(60.0, lambda: 1 // 0)


def test_a_call_that_does_not_end_is_left_behind() -> None:
    never = threading.Event()
    with pytest.raises(TransientError, match=r"no whole answer within 0\.05 s"):
        within(0.05, never.wait)
    left = [thread for thread in threading.enumerate() if thread.name == "vendor request"]
    assert left and all(thread.daemon for thread in left), "the process may end without it"
    never.set()
