"""What this process has waited for and asked for so far: counters that only grow, read before and after a step.

They are of the process, not of a thread: steps of a run follow one another, and what threads of a step do is of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

#: Waits for a lock of the warehouse, and their seconds.
LOCK_WAITS, LOCK_WAIT_SECONDS = "lock_waits", "lock_wait_seconds"
#: Requests to vendors, their seconds, and those that failed.
VENDOR_REQUESTS, VENDOR_SECONDS, VENDOR_FAILURES = "vendor_requests", "vendor_seconds", "vendor_failures"
#: Answers of vendors that were kept from earlier, and sources that were given up after failures in a row.
CACHE_HITS, BREAKERS_OPENED = "cache_hits", "breakers_opened"
COUNTERS = (
    LOCK_WAITS,
    LOCK_WAIT_SECONDS,
    VENDOR_REQUESTS,
    VENDOR_SECONDS,
    VENDOR_FAILURES,
    CACHE_HITS,
    BREAKERS_OPENED,
)

_LOCK = threading.Lock()
_TOTALS = dict.fromkeys(COUNTERS, 0.0)


def count(name: str, amount: float = 1.0) -> None:
    """Add to a counter."""
    with _LOCK:
        _TOTALS[name] += amount


def totals() -> Mapping[str, float]:
    """Return all counters as they are now."""
    with _LOCK:
        return dict(_TOTALS)


@contextmanager
def vendor_request() -> Iterator[None]:
    """Count a request to a vendor, how long it takes, and whether it fails."""
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        count(VENDOR_FAILURES)
        raise
    finally:
        count(VENDOR_REQUESTS)
        count(VENDOR_SECONDS, time.monotonic() - begun)
