"""How often a request is made again, and what is waited in between."""

from __future__ import annotations

import pytest

from trading_assets.config.remote_sources import AlpacaSource
from trading_assets.market_data.sources.request_limit import RefusedError, RequestLimit, TransientError
from trading_assets.market_data.sources.retries import tried


def answered(failures: list[Exception], **settings: float) -> tuple[str, list[float]]:
    """Return the answer of a request that fails first, and what was waited; time itself stands still."""
    source = AlpacaSource.model_validate({"source": "alpaca", "symbols": ["A"], **settings})
    waits: list[float] = []

    def request() -> str:
        if failures:
            raise failures.pop(0)
        return "here"

    return tried(request, RequestLimit(source, waits.append, lambda: 1e9), source), waits


def test_waits_grow_and_are_never_shorter_than_the_service_asks_for() -> None:
    failures: list[Exception] = [TransientError("busy", 7.0), *[TransientError("down")] * 4]
    answer, waits = answered(failures, attempts=6, first_wait_seconds=1)
    assert answer == "here" and len(waits) == 5 and waits[0] == 7.0
    assert all(0 <= wait <= 2.0**number for number, wait in enumerate(waits[1:], start=1))


def test_no_service_makes_a_run_wait_for_as_long_as_it_likes() -> None:
    """A day is asked for, and 90 seconds are waited."""
    _, waits = answered([TransientError("busy", 86_400.0)] * 2, attempts=3, longest_wait_seconds=90)
    assert waits == [90.0, 90.0]


@pytest.mark.parametrize(
    ("failures", "left"), [([TransientError("down")] * 4, 1), ([RefusedError("no such symbol")] * 4, 3)]
)
def test_what_fails_too_often_or_for_good_is_not_asked_again(failures: list[Exception], left: int) -> None:
    with pytest.raises(type(failures[0])):
        answered(failures, attempts=3)
    assert len(failures) == left
