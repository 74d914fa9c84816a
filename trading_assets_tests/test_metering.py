"""Counters of a process: what is added is there, whichever thread adds it."""

from __future__ import annotations

import threading
import time

import pytest

from trading_assets.metering import (
    CACHE_HITS,
    COUNTERS,
    VENDOR_FAILURES,
    VENDOR_REQUESTS,
    VENDOR_SECONDS,
    count,
    totals,
    vendor_request,
)


def test_threads_that_count_at_once_lose_nothing() -> None:
    before = totals()

    def often() -> None:
        for _ in range(500):
            count(CACHE_HITS)

    threads = [threading.Thread(target=often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = totals()
    assert after[CACHE_HITS] - before[CACHE_HITS] == 8 * 500
    assert set(after) == set(COUNTERS)


def test_a_request_that_fails_is_counted_with_its_time_and_raised() -> None:
    before = totals()
    with pytest.raises(TimeoutError), vendor_request():
        time.sleep(0.02)
        raise TimeoutError
    with vendor_request():
        pass
    after = totals()
    assert after[VENDOR_REQUESTS] - before[VENDOR_REQUESTS] == 2
    assert after[VENDOR_FAILURES] - before[VENDOR_FAILURES] == 1
    assert 0.02 <= after[VENDOR_SECONDS] - before[VENDOR_SECONDS] < 2
