"""Parts computed by the workers of a Dask cluster, which have nothing in common with this process but the scheduler.

What a part reads is sent with it, the code of a user's own modules too, and what it found comes back; the warehouse is
this process's alone. Files that such a module declares that it reads are the exception: they must be on the worker's
machine, at the same place and with the same content.

Equal bits take equal code: a worker whose libraries or whose source of this package differ is refused.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from trading_assets.config.plugins import Origin, Plugin, adopt, loaded_plugins
from trading_assets.parallel.processors import granted, processors
from trading_assets.parallel.workers import PARTS_A_WORKER, WorkersError, gathered, sendable, split_evenly
from trading_assets.sources_hash import product_hash

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Part = TypeVar("Part")
Plugins = Mapping[tuple[str, Origin, str], Plugin]

#: Libraries whose version can change a result.
DECISIVE = ("numpy", "polars", "numba", "scipy", "scikit-learn", "xgboost-cpu", "lightgbm", "catboost", "optuna")
#: Seconds to wait for a scheduler, and for its first worker.
PATIENCE = 30
#: A worker has one thread for its part; libraries that start their own are told so before they are loaded.
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


@dataclass(frozen=True)
class _Outcome:
    """What a part found, or what it raised."""

    part: Any = None
    error: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"error": self.error and sendable(self.error)}


class DaskWorkers:
    """Workers of one cluster.

    Attributes
    ----------
    client
        Connection to its scheduler, a `distributed.Client`.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def map(
        self,
        compute: Callable[[Shared, Item], Part],
        shared: Shared,
        items: Sequence[Item],
        ended: Callable[[Part], None] | None = None,
    ) -> list[Part]:
        """Return what `compute` makes of `shared` and each item, in order of the items, computed side by side.

        Parameters
        ----------
        compute, shared, items, ended
            As in `Workers`.

        Raises
        ------
        WorkersError
            A worker is not of this version or died, or the scheduler no longer answers.
        """
        return gathered(self._coming(compute, shared, items, as_they_end=ended is not None), ended)

    def _coming(
        self, compute: Callable[[Shared, Item], Part], shared: Shared, items: Sequence[Item], *, as_they_end: bool
    ) -> Iterator[tuple[int, Callable[[], Part]]]:
        if not items:
            return
        with _of_cluster():
            from distributed import as_completed

            sent = self.client.scatter([(loaded_plugins(), shared)], broadcast=True, hash=False)[0]
            # Not by their content: equal items are parts of their own.
            parts = self.client.map(_computed, items, compute=compute, shared=sent, expected=identity(), pure=False)
            places = {part.key: place for place, part in enumerate(parts)}
            for part in as_completed(parts) if as_they_end else parts:
                yield places[part.key], partial(self._found, part)

    def _found(self, part: Any) -> Any:
        """Return what a part found, or raise what it raised."""
        with _of_cluster():
            outcome = self.client.gather(part)
        if outcome.error is not None:
            raise outcome.error
        return outcome.part

    def parts_of(self, items: Sequence[Item]) -> list[Sequence[Item]]:
        """Return items in runs of neighbours, several a worker; none of no items."""
        return split_evenly(items, PARTS_A_WORKER * max(1, sum(self.client.nthreads().values())))


_CONNECTED: dict[tuple[int | None, str | None], DaskWorkers] = {}


def connected(workers: int | None, scheduler: str | None) -> DaskWorkers:
    """Return the workers of a scheduler, or processes on this machine that end with this one.

    Parameters
    ----------
    workers
        Processes on this machine, one thread each; None: one a processor.
    scheduler
        Address of a cluster that is there already; then no process is started.

    Raises
    ------
    WorkersError
        Nothing answers at the address, or Dask is not installed.
    """
    known = _CONNECTED.get((workers, scheduler))
    if known is not None and known.client.status == "running":
        return known
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise WorkersError("executor: dask needs the extra: pip install 'trading_assets[dask]'") from error
    try:
        if scheduler is None:
            address = LocalCluster(
                n_workers=workers or processors(),
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",  # any free port
                env=ONE_THREAD,
                memory_limit=0,  # or a worker is ended at a share of the machine, while others have room
                silence_logs=40,  # logging.ERROR
            )
            client = Client(address)
            client.run(_end_quietly)
        else:
            client = Client(scheduler, timeout=PATIENCE)
        client.wait_for_workers(1, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        where = "processes on this machine" if scheduler is None else f"scheduler {scheduler}"
        raise WorkersError(f"{where}: no worker answers within {PATIENCE} s: {error}") from error
    found = _CONNECTED[workers, scheduler] = DaskWorkers(client)
    return found


def _end_quietly() -> None:
    """At the end of a worker libraries complain of what was not released; nobody can do anything about it."""
    atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))


@cache
def identity() -> str:
    """Return what results follow from beside the data: versions of Python and libraries, and a hash of our source."""
    versions = [f"Python {sys.version_info.major}.{sys.version_info.minor}"]
    versions += [f"{name} {_version(name)}" for name in DECISIVE]
    return ", ".join([*versions, f"trading_assets {product_hash()[:12]}"])


def _version(name: str) -> str:
    """Version of a library; of an extra that is not installed, that there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


@contextmanager
def _of_cluster() -> Iterator[None]:
    """An error of the cluster, whatever it is called: a part's own comes back as its outcome."""
    try:
        yield
    except Exception as error:
        raise WorkersError(
            f"a worker died or the scheduler no longer answers, for want of memory or on the way there: "
            f"{type(error).__name__}: {error}"
        ) from error


def _computed(
    item: Item, *, compute: Callable[[Shared, Item], Part], shared: tuple[Plugins, Shared], expected: str
) -> _Outcome:
    if (found := identity()) != expected:
        return _Outcome(error=WorkersError(f"a worker has {found}; this run has {expected}. Results could differ"))
    plugins, value = shared
    adopt(plugins)
    try:
        with granted(1):
            return _Outcome(compute(value, item))
    except Exception as error:
        return _Outcome(error=error)
