"""What a training took: processor time by part, and the memory of the process meanwhile."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from trading_assets.garbage import resident
from trading_assets.models.evaluation_tables import COSTS, PARTS

#: Seconds between two looks at the memory.
_PAUSE = 0.01
_MEGABYTE = 2**20


@dataclass
class TrainingCosts:
    """What a fold took.

    Attributes
    ----------
    seconds
        By part, see `models.costs`.
    peak_mb
        Largest resident memory of its process meanwhile, in megabytes (2^20 bytes); 0 where the system does not tell.
    fitted, rows
        Folds whose model was fitted, and was not there already; and the rows that these learnt from.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0.0
    fitted: int = 0
    rows: int = 0

    @contextmanager
    def on(self, part: str, *, elsewhere: bool = False) -> Iterator[None]:
        """Add what a ``with`` block takes to a part.

        Parameters
        ----------
        part
            Name of the part.
        elsewhere
            Another process does it, as it does for a module of a user's own: seconds of a clock, for the time of the
            processor is not this thread's.
        """
        clock = time.perf_counter if elsewhere else time.thread_time
        before = clock()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + clock() - before

    @contextmanager
    def memory(self) -> Iterator[None]:
        """Watch the resident memory of this process during a ``with`` block.

        The system's own peak is that of the whole life of a process, which may have trained a larger model before.
        """
        ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(ended,), daemon=True)
        watch.start()
        try:
            yield
        finally:
            self.peak_mb = max(self.peak_mb, resident() / _MEGABYTE)
            ended.set()
            watch.join()

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(_PAUSE):
            self.peak_mb = max(self.peak_mb, resident() / _MEGABYTE)


def together(folds: Sequence[TrainingCosts]) -> TrainingCosts:
    """Return the sums of what folds took, and the largest of their peaks."""
    seconds = {part: sum(each.seconds.get(part, 0.0) for each in folds) for part in PARTS}
    fitted, rows = (sum(getattr(each, name) for each in folds) for name in ("fitted", "rows"))
    return TrainingCosts(seconds, max((each.peak_mb for each in folds), default=0.0), fitted, rows)


def cost_rows(name: str, run_id: str, costs: TrainingCosts, started_at: dt.datetime) -> pl.DataFrame:
    """Return rows of `models.costs`, one a part.

    Parameters
    ----------
    name, run_id
        Model, and the run that trained it.
    costs
        What all folds took.
    started_at
        When the training began, UTC.
    """
    lines = [
        {
            "run_id": run_id,
            "model": name,
            "part": part,
            "trained_folds": costs.fitted,
            "rows": costs.rows,
            "seconds": costs.seconds.get(part, 0.0),
            "peak_mb": (costs.peak_mb or None) if part == "model" and costs.fitted else None,
            "started_at": started_at,
        }
        for part in PARTS
    ]
    return COSTS.conform(pl.DataFrame(lines, schema=COSTS.empty().schema))
