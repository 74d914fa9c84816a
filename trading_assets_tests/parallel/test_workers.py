"""Parts in this process, and how items are shared out."""

from __future__ import annotations

import time
from threading import Barrier, Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.parallel.processors import granted
from trading_assets.parallel.workers import IN_PROCESS, IN_THREADS, Workers, sendable, split_evenly


def scaled(factor: int, item: int) -> int:
    return factor * item


@pytest.mark.parametrize("workers", [IN_PROCESS, IN_THREADS])
def test_parts_come_back_in_order_of_the_items(workers: Workers) -> None:
    assert workers.map(scaled, 10, [3, 1, 2]) == [30, 10, 20]
    assert workers.map(scaled, 10, []) == []
    assert [item for part in workers.parts_of(range(5)) for item in part] == [0, 1, 2, 3, 4]


def test_threads_work_side_by_side() -> None:
    """Two parts that wait for each other come to an end."""
    with granted(2):
        assert IN_THREADS.map(meeting, Barrier(2), [0, 1]) == [0, 1]


def meeting(barrier: Barrier, item: int) -> int:
    barrier.wait(timeout=30)
    return item


def test_this_process_takes_all_items_as_one_part() -> None:
    assert IN_PROCESS.parts_of(range(5)) == [range(5)]
    assert IN_PROCESS.parts_of([]) == []


@given(st.lists(st.integers()), st.integers(1, 9))
def test_items_are_split_in_order_and_evenly(items: list[int], parts: int) -> None:
    found = split_evenly(items, parts)
    assert [item for part in found for item in part] == items
    assert len(found) == min(parts, len(items))
    lengths = {len(part) for part in found}
    assert not lengths or max(lengths) - min(lengths) <= 1
    assert 0 not in lengths


def falling(least: int, item: int) -> int:
    if item < least:
        raise ValueError(f"item {item}")
    return item


@pytest.mark.parametrize("workers", [IN_PROCESS, IN_THREADS])
def test_parts_are_told_as_they_end_also_of_a_run_that_a_later_one_ends(workers: Workers) -> None:
    seen: list[int] = []
    with pytest.raises(ValueError, match="item 1"):
        workers.map(falling, 2, [5, 4, 1, 3], seen.append)
    assert seen[:2] == [5, 4] if workers is IN_PROCESS else {*seen} >= {5, 4}


def waiting(events: dict[int, Event], item: int) -> int:
    """The second ends at once, the first fails once that is told, and the third ends after the first has failed."""
    if item == 0:
        assert events[1].wait(timeout=30)
        events[0].set()
        raise ValueError(f"item {item}")
    if item == 2:
        assert events[0].wait(timeout=30)
        time.sleep(0.1)
    return item


def test_parts_are_told_while_an_earlier_one_computes_and_also_those_that_run_when_it_fails() -> None:
    """Who is killed meanwhile has said of the others what there was to say."""
    seen: list[int] = []
    events = {item: Event() for item in (0, 1)}

    def ended(item: int) -> None:
        seen.append(item)
        events.get(item, Event()).set()

    with granted(3), pytest.raises(ValueError, match="item 0"):
        IN_THREADS.map(waiting, events, [0, 1, 2], ended)
    assert seen == [1, 2]


def test_parts_that_wait_when_one_fails_are_not_begun_and_an_error_of_who_is_told_ends_the_run() -> None:
    begun: list[int] = []

    def refusing(item: int) -> None:
        raise LookupError(f"of {item}")

    with granted(1), pytest.raises(LookupError, match="of 0"):
        IN_THREADS.map(beginning, begun, list(range(200)), refusing)
    assert begun[0] == 0
    assert len(begun) < 200


def beginning(begun: list[int], item: int) -> int:
    begun.append(item)
    time.sleep(0.005)
    return item


class OfTwoError(Exception):
    """What cannot be read back: its words are one, and it is made of two."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def test_an_error_that_another_process_cannot_read_back_is_sent_in_words() -> None:
    known = ValueError("as it is")
    assert sendable(known) is known
    assert repr(sendable(OfTwoError(1, 2))) == "RuntimeError('OfTwoError: 1 and 2')"
