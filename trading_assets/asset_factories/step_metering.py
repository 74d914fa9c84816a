"""What a step took, noted in a file beside the warehouse as soon as it ends, however it ends.

A line of JSON costs nothing beside a step. `monitoring.run_metrics` takes the lines in at the end of a run; those of a
run that was killed wait for the next one.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import logging
import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trading_assets.metering import totals
from trading_assets.structured_log import going_on, record

#: Folder beside the warehouse, the ending of a file that steps write to, and the lock of both.
FOLDER, NOTED, LOCK = "metrics", ".jsonl", ".lock"
DONE, UNCHANGED, FAILED, AGAIN = "done", "unchanged", "failed", "again"
OUTCOMES = (DONE, UNCHANGED, FAILED, AGAIN)
_STATUS, _MIB = Path("/proc/self/status"), 2**20


@dataclass
class StepMeter:
    """What is known of a step while it goes on.

    Attributes
    ----------
    outcome
        How it ends, where it ends without an exception.
    heights
        Rows that it has written, by table.
    """

    outcome: str = DONE
    heights: Mapping[Any, int] = field(default_factory=dict)


@contextmanager
def metered(
    warehouse: Path,
    run_id: str,
    step: str,
    strategy: str | None,
    again: tuple[type[BaseException], ...] = (),
    correlation: str | None = None,
) -> Iterator[StepMeter]:
    """Note what the block takes: time, processor, memory, rows, and what it waited for.

    Parameters
    ----------
    warehouse
        The file beside which it is noted.
    run_id, step, strategy
        The run, the asset, as `features/daily`, and the strategy that it is of.
    again
        Exceptions that ask for another try.
    correlation
        The first of the runs that this one belongs to, as one that is made once more; None: itself.
    """
    meter, started, begun = StepMeter(), dt.datetime.now(dt.UTC).replace(tzinfo=None), time.monotonic()
    cpu, before = _cpu_seconds(), totals()
    try:
        with going_on(run_id=run_id, correlation_id=correlation or run_id, step=step, strategy=strategy):
            yield meter
    except BaseException as error:
        meter.outcome = AGAIN if isinstance(error, again) else FAILED
        raise
    finally:
        after = totals()
        line: dict[str, Any] = {
            "run_id": run_id,
            "step": step,
            "strategy": strategy,
            "outcome": meter.outcome,
            "started_at": started.isoformat(),
            "seconds": time.monotonic() - begun,
            "cpu_seconds": _cpu_seconds() - cpu,
            "peak_mb": peak_mb(),
            "rows": sum(meter.heights.values()) if meter.heights else None,
            **{name: after[name] - before[name] for name in after},
        }
        with going_on(run_id=run_id, correlation_id=correlation or run_id, step=step, strategy=strategy):
            measured = {name: line[name] for name in ("outcome", "seconds", "cpu_seconds", "peak_mb", "rows")}
            record("step ended", logging.INFO if meter.outcome in (DONE, UNCHANGED) else logging.ERROR, **measured)
        with suppress(OSError):  # a full disk stops the step by itself; its figures must not
            note(warehouse, line)


def note(warehouse: Path, line: Mapping[str, Any]) -> None:
    """Add a line to the file of its run.

    Raises
    ------
    OSError
        It cannot be written.
    """
    folder = warehouse.parent / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), (folder / f"{line['run_id']}{NOTED}").open("a") as file:
        file.write(json.dumps(line) + "\n")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep whoever takes the lines away from whoever writes one."""
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def peak_mb() -> float:
    """Return the most memory that this process has had so far, in MiB."""
    with suppress(OSError, ValueError, IndexError):  # not Linux
        return int(_STATUS.read_text().partition("VmHWM:")[2].split()[0]) * 1024 / _MIB
    scale = 1 if os.uname().sysname == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / _MIB


def _cpu_seconds() -> float:
    """Processor seconds of this process and of its children that have ended."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system
