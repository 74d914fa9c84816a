"""Who does work that falls apart into parts: this process, or the workers of a Dask cluster.

A part is a function of what all parts share and of one item. It depends on these alone, so that the results are the
same whoever computes them; they come back in the order of the items, and only this process writes.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import pairwise
from typing import Protocol, TypeVar

from trading_assets.parallel.processors import processors

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Part = TypeVar("Part")

#: Parts that a worker gets at least: one that is slow then holds up the others less.
PARTS_A_WORKER = 4


class WorkersError(Exception):
    """The workers cannot be reached, are not of this version, or died of a part."""


class Workers(Protocol):
    """Computes parts."""

    def map(
        self,
        compute: Callable[[Shared, Item], Part],
        shared: Shared,
        items: Sequence[Item],
        ended: Callable[[Part], None] | None = None,
    ) -> list[Part]:
        """Return what `compute` makes of `shared` and each item, in order of the items.

        Parameters
        ----------
        compute
            A function of a module, which workers import by its name.
        shared
            Sent to each worker once.
        items
            One a part.
        ended
            Called here with each part as it comes to its end, whatever the order of the items. If one fails, or if this
            does, parts that run already are told, too, before the error of the first item that has one is raised.

        Raises
        ------
        WorkersError
            See there. What a part raises is raised here.
        """

    def parts_of(self, items: Sequence[Item]) -> list[Sequence[Item]]:
        """Return items in runs of neighbours, as many as keep all workers busy; none of no items."""


class InProcess:
    """This process. Its parts use all processors by themselves, so there is one of all items."""

    def map(
        self,
        compute: Callable[[Shared, Item], Part],
        shared: Shared,
        items: Sequence[Item],
        ended: Callable[[Part], None] | None = None,
    ) -> list[Part]:
        """Return what `compute` makes of `shared` and each item, one after the other.

        Parameters
        ----------
        compute, shared, items, ended
            As in `Workers`.
        """
        return told((compute(shared, item) for item in items), ended)

    def parts_of(self, items: Sequence[Item]) -> list[Sequence[Item]]:
        """Return all items as one part; none of no items."""
        return [items] if items else []


class InThreads:
    """Threads of this process, one a processor: for parts that libraries compute without the interpreter's lock."""

    def map(
        self,
        compute: Callable[[Shared, Item], Part],
        shared: Shared,
        items: Sequence[Item],
        ended: Callable[[Part], None] | None = None,
    ) -> list[Part]:
        """Return what `compute` makes of `shared` and each item, side by side.

        Parameters
        ----------
        compute, shared, items, ended
            As in `Workers`; `compute` is safe to be called by several threads.
        """
        with ThreadPoolExecutor(processors()) as pool:
            parts = [pool.submit(compute, shared, item) for item in items]
            places = {part: place for place, part in enumerate(parts)}

            def leave_out_after(place: int) -> None:
                for part in parts[place + 1 :]:
                    part.cancel()  # of those that wait; each before this one has begun, and may have failed, too

            coming = parts if ended is None else (part for part in as_completed(parts) if not part.cancelled())
            try:
                return gathered(((places[part], part.result) for part in coming), ended, leave_out_after)
            finally:
                leave_out_after(-1)

    def parts_of(self, items: Sequence[Item]) -> list[Sequence[Item]]:
        """Return items in runs of neighbours, one a thread; none of no items."""
        return split_evenly(items, processors())


IN_PROCESS, IN_THREADS = InProcess(), InThreads()


def told(parts: Iterable[Part], ended: Callable[[Part], None] | None) -> list[Part]:
    """Return parts as a list; each is told as it comes."""
    found: list[Part] = []
    for part in parts:
        if ended is not None:
            ended(part)
        found.append(part)
    return found


def gathered(
    coming: Iterable[tuple[int, Callable[[], Part]]],
    ended: Callable[[Part], None] | None,
    failed: Callable[[int], None] = lambda _: None,
) -> list[Part]:
    """Return parts in order of the items; each is told as it comes, also those that come after one that fails.

    Parameters
    ----------
    coming
        Place of each part among the items, and what returns it or raises its error.
    ended
        See `Workers`; None: the first error that comes is raised at once.
    failed
        Called with the place of each that fails.

    Raises
    ------
    Exception
        That of the first item that has one: the same, whichever comes first.
    """
    found: dict[int, Part] = {}
    errors: dict[int, Exception] = {}
    for place, part_of in coming:
        try:
            part = part_of()
            if ended is not None:
                ended(part)
        except Exception as error:
            if ended is None:
                raise
            errors[place] = error
            failed(place)
        else:
            found[place] = part
    if errors:
        raise errors[min(errors)]
    return [found[place] for place in sorted(found)]


def sendable(error: Exception) -> Exception:
    """Return an error as another process can read it back; one that it cannot, in words: or all beside it is lost."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__qualname__}: {error}")
    return error


def split_evenly(items: Sequence[Item], parts: int) -> list[Sequence[Item]]:
    """Return runs of neighbours whose lengths differ by one at most.

    Examples
    --------
    >>> split_evenly("abcde", 2), split_evenly("ab", 3)
    (['ab', 'cde'], ['a', 'b'])
    """
    parts = min(parts, len(items))
    bounds = [len(items) * part // parts for part in range(parts + 1)] if parts else [0]
    return [items[begin:end] for begin, end in pairwise(bounds)]
