"""Refuse a version that is slower than the last release. Argument: a checkout of it with its environment in `.venv`.

Both versions run the same works in turns on the same machine, so what counts is the ratio of their times, not the
seconds of a machine that nobody knows. The best of some turns is compared: what else runs only adds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from trading_assets_tests.benchmarks.table import REPOSITORY

#: Modules of this package with their arguments: the portfolio engine, one run of it and a sweep.
WORKS: Mapping[str, Sequence[str]] = {
    "one run": ("our_portfolio", "200", "1260", "runs"),
    "a sweep of 100": ("our_portfolio", "200", "1260", "100"),
}
TURNS = 3
#: Largest ratio that is not called slower: machines in the cloud differ by a tenth from minute to minute.
LIMIT = 1.25


class Ratio(NamedTuple):
    """Best seconds of a measure in this version and in the release."""

    what: str
    ours: float
    release: float

    @property
    def ratio(self) -> float:
        """Above 1 this version is slower."""
        return self.ours / self.release

    @property
    def is_slower(self) -> bool:
        """Whether the gate closes."""
        return self.ratio > LIMIT


def measured(checkout: Path, work: Sequence[str]) -> dict[str, float]:
    """Return the seconds of each measure of a work in a checkout.

    Raises
    ------
    subprocess.CalledProcessError
        It failed; what it wrote is on standard error.
    """
    command = [str(checkout / ".venv/bin/python"), "-m", f"trading_assets_tests.benchmarks.{work[0]}", *work[1:]]
    done = subprocess.run(command, cwd=checkout, stdout=subprocess.PIPE, text=True, check=True)
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])["seconds"]
    return seconds


def compared(ours: Path, release: Path, works: Mapping[str, Sequence[str]] = WORKS, turns: int = TURNS) -> list[Ratio]:
    """Measure both versions in turns, and return what both have.

    Parameters
    ----------
    ours, release
        Checkouts with their environments.
    works, turns
        What is run, and how often in each version.
    """
    found = []
    for name, work in works.items():
        best: dict[Path, dict[str, float]] = {ours: {}, release: {}}
        for _ in range(turns):
            for checkout, seconds in best.items():
                for what, value in measured(checkout, work).items():
                    seconds[what] = min(value, seconds.get(what, value))
        both = [what for what in best[ours] if what in best[release]]
        found += [Ratio(f"{name}, {what}", best[ours][what], best[release][what]) for what in both]
    return found


def main(release: Path) -> int:
    """Print every ratio; return 1 if one is above the limit, or nothing could be compared."""
    console = Console(width=120)
    found = compared(REPOSITORY, release)
    for each in found:
        said = "slower" if each.is_slower else "ok"
        line = f"{each.what}: {each.ratio:.2f} of the release's time ({each.ours:.4g} s, {each.release:.4g} s), {said}"
        console.print(line, highlight=False)
    return 0 if found and not any(each.is_slower for each in found) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
