"""A request that is made again after a failure that another try may not meet, with waits that grow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import tenacity

from trading_assets.market_data.sources.request_limit import RequestLimit, TransientError

Answer = TypeVar("Answer")
#: Most that is waited of our own accord.
_LONGEST_JITTER = 60.0


class Retries(Protocol):
    """How patient a section of the configuration is."""

    @property
    def attempts(self) -> int:
        """Tries of a request before it counts as failed."""
        ...

    @property
    def first_wait_seconds(self) -> float:
        """Most that is waited before the second try; doubled, with jitter, after."""
        ...

    @property
    def longest_wait_seconds(self) -> float:
        """Most that is waited because the service asks for it."""
        ...


def tried(request: Callable[[], Answer], limit: RequestLimit, retries: Retries) -> Answer:
    """Return what a request returns in one of its tries.

    Parameters
    ----------
    request
        What is made, and made again.
    limit
        What it goes through; its pages are counted anew at each try, and it says how to wait.
    retries
        How often it is tried, and how long is waited between two tries.

    Raises
    ------
    TransientError
        The last try failed, too.
    RefusedError, DeadlineError
        As the request raises them, at once.
    """
    jittered = tenacity.wait_random_exponential(multiplier=retries.first_wait_seconds, max=_LONGEST_JITTER)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_seconds if isinstance(error, TransientError) else None
        return max(jittered(state), min(asked or 0.0, retries.longest_wait_seconds))

    def begun() -> Answer:
        limit.begin_fetch()
        return request()

    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(retries.attempts),
        wait=wait,
        retry=tenacity.retry_if_exception_type(TransientError),
        sleep=limit.sleep,
        reraise=True,
    )
    return retrying(begun)
