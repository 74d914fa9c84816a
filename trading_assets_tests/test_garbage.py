"""The collector of garbage is as it was afterwards, and never looks more often than before; memory is given back."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from trading_assets import garbage
from trading_assets.garbage import COLLECT_AFTER, LARGE, loaded_code_left_alone, memory_given_back, rare_collections


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("before", "meanwhile"), [(700, COLLECT_AFTER), (COLLECT_AFTER + 1, COLLECT_AFTER + 1), (0, 0)]
)
def test_searches_are_rarer_meanwhile_and_as_before_afterwards(before: int, meanwhile: int) -> None:
    """The numbers of the older generations are nobody's business here; 0 is a collector that is off."""
    gc.set_threshold(before, 11, 12)
    with pytest.raises(KeyError), rare_collections():
        assert gc.get_threshold() == (meanwhile, 11, 12)
        raise KeyError
    assert gc.get_threshold() == (before, 11, 12)


def test_who_leaves_first_leaves_it_to_the_last() -> None:
    """Two threads compile: one begins, the other begins, the first ends, the other ends."""
    gc.set_threshold(700, 11, 12)
    first, second = rare_collections(), rare_collections()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == COLLECT_AFTER
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 11, 12)


class _Circle:
    """Holds itself, and some memory."""

    def __init__(self, size: int) -> None:
        self.own, self.memory = self, np.ones(size, dtype=np.int8)


@pytest.mark.skipif(not garbage._SIZES.exists(), reason="nobody says how large this process is")
def test_much_that_holds_itself_is_gone_after_the_block_and_little_may_wait() -> None:
    gc.disable()
    try:
        with memory_given_back():
            little = weakref.ref(_Circle(1))
        assert little() is not None
        with pytest.raises(KeyError), memory_given_back():
            much = weakref.ref(_Circle(2 * LARGE))
            raise KeyError
        assert much() is None
    finally:
        gc.enable()


def test_what_was_there_before_is_left_alone_and_what_comes_after_is_not() -> None:
    class Node:
        pass

    def circle() -> weakref.ref[Node]:
        node = Node()
        node.itself = node  # type: ignore[attr-defined]
        return weakref.ref(node)

    before = circle()
    with loaded_code_left_alone():
        meanwhile = circle()
        gc.collect()
        assert before() is not None
        assert meanwhile() is None
    gc.collect()
    assert before() is None
    assert gc.get_freeze_count() == 0


@pytest.mark.skipif(not garbage._SIZES.exists(), reason="nobody says how large this process is")
def test_what_large_work_leaves_is_left_alone_within_a_run_and_nowhere_else() -> None:
    """A module that a step has loaded is looked at once: after that step."""

    def frozen_by_large_work() -> int:
        before = gc.get_freeze_count()
        with memory_given_back():
            kept.append(np.ones(2 * LARGE, dtype=np.int8))
            modules.append([[] for _ in range(1000)])
        return gc.get_freeze_count() - before

    kept, modules = list[object](), list[object]()
    assert frozen_by_large_work() == 0
    with loaded_code_left_alone():
        assert frozen_by_large_work() >= 1000
    assert gc.get_freeze_count() == 0
