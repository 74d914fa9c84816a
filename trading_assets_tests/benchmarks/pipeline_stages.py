"""What each step of a whole run takes: seconds, CPU seconds, memory. Arguments: configuration, data folder, selection.

One run in this process, as `trading-assets run` makes it, of the selection (a stage or a strategy) or of everything.
Steps with the largest peak come first in the table on standard error; the line on standard output is JSON. The kernel
keeps the peak (`VmHWM`) and forgets it at the start of each step (`clear_refs`), so this needs Linux. `idle` is the
process with everything imported and nothing read. Compare two versions by pairs of runs on a quiet machine.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from trading_assets import open_project
from trading_assets.run_outcome import RunProgress

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
#: What stands in `/proc/self/clear_refs` for: let the largest resident size be the one of now.
_PEAK = "5"


class Stages:
    """Measures of each step, told where it begins and ends.

    Attributes
    ----------
    rows
        A step: name, seconds, CPU seconds of this process and of its children, MB before, at most and after.
    peak
        Largest size so far, MB.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.peak = resident("VmHWM")
        self._began: dict[str, tuple[float, float, float]] = {}

    def tell(self, now: RunProgress) -> None:
        """Note a step that begins or has ended."""
        self.peak = max(self.peak, resident("VmHWM"))
        if now.begins:
            self._began[now.step] = time.perf_counter(), cpu_seconds(), resident("VmRSS")
        elif now.step in self._began:
            start, cpu, before = self._began.pop(now.step)
            self.rows.append(
                {
                    "step": now.step,
                    "seconds": round(time.perf_counter() - start, 2),
                    "cpu_seconds": round(cpu_seconds() - cpu, 2),
                    "before": round(before),
                    "peak": round(resident("VmHWM")),
                    "after": round(resident("VmRSS")),
                }
            )
        _FORGET.write_text(_PEAK, encoding="ascii")


def resident(which: str) -> float:
    """Return the resident size of this process in MB: `VmRSS` as it is, `VmHWM` the largest since it was forgotten."""
    [line] = (each for each in _STATUS.read_text(encoding="ascii").splitlines() if each.startswith(which))
    return int(line.split()[1]) / 1024


def cpu_seconds() -> float:
    """Return what this process and its children have used."""
    used = [resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main(config: str, data: str, select: str | None = None) -> None:
    """Run the project and report its steps."""
    import trading_assets.terminal_run  # noqa: F401 - all that a run imports before its first step

    idle, start, cpu = resident("VmRSS"), time.perf_counter(), cpu_seconds()
    stages = Stages()
    outcome = open_project(config, data=data).run(select, progress=stages.tell)
    whole = {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(cpu_seconds() - cpu, 1),
        "megabytes": round(max(stages.peak, resident("VmHWM"))),
        "idle": round(idle),
        "success": outcome.success,
    }
    for row in sorted(stages.rows, key=lambda each: -each["peak"]):
        print(
            f"{row['peak']:6} MB (from {row['before']}, then {row['after']})"
            f"  {row['seconds']:7.1f} s  {row['cpu_seconds']:7.1f} CPU s  {row['step']}",
            file=sys.stderr,
        )
    print(json.dumps({**whole, "steps": stages.rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
