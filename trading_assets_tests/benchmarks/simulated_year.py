"""A year of daily runs with a fault a day: whether each morning had its results, and who was told of each fault.

Run by `python -m trading_assets_tests.benchmarks.simulated_year [SESSIONS SYMBOLS QUIET]`, which prints tables and
writes them into docs/operations.md. Each run is a process; the daemon looks five minutes, an hour and eight hours after
it. A run whose process is gone is made once more, as `runs.retries` has it. A fault that goes on (vendor, disk, log)
ends in the morning, by a person, whether one was told or not. QUIET sessions before the faults have none: what is
raised then is a false alarm.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import yaml

from trading_assets_tests.benchmarks import simulated_day
from trading_assets_tests.benchmarks.simulated_day import FIRST, NO_LOOK, SETTINGS, market
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced

PAGE = REPOSITORY / "docs" / "operations.md"
MARKS = ("<!-- simulated year: written by `make year` -->", "<!-- /simulated year -->")
FAULTS = (
    "killed run",
    "vendor down",
    "disk full",
    "bad delivery",
    "clock back",
    "host restart",
    "concurrent writers",
    "schema upgrade",
    "damaged log",
)
#: Those after which the results of the morning are as if nothing had been: nobody has to be told.
HARMLESS = ("clock back", "concurrent writers", "schema upgrade")
_LOOKS = (5, 60, 480)
_WRITERS, _LONGEST = 4, 300.0
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([simulated_day.__name__])


@dataclass(frozen=True)
class Day:
    """A day: session, fault, alerts by minutes after it, whether results were there, seconds of its run."""

    session: dt.date
    fault: str
    alerts: dict[int, list[str]]
    by_itself: bool
    in_the_end: bool
    seconds: float

    @property
    def raised(self) -> list[str]:
        """What was raised, in order, each once; a look that failed raised nothing."""
        found = (rule for minutes in sorted(self.alerts) for rule in self.alerts[minutes])
        return list(dict.fromkeys(rule for rule in found if not rule.startswith(NO_LOOK)))

    @property
    def minutes(self) -> int | None:
        """Minutes of the clock until the first alert; None: there was none."""
        return min((at for at, rules in self.alerts.items() if set(rules) & set(self.raised)), default=None)


@dataclass
class Year:
    """A folder in which days are lived."""

    folder: Path
    symbols: int = 3
    days: list[Day] = field(default_factory=list)
    sizes: list[tuple[dt.date, dict[str, int]]] = field(default_factory=list)

    def live(self, sessions: int, quiet: int, seed: int = 7) -> None:
        """Live some sessions, of which the first `quiet` have no fault.

        Parameters
        ----------
        sessions, quiet
            Sessions of the year, and how many of them come before the faults.
        seed
            Decides which fault a day has: each comes once before one comes again.
        """
        (self.folder / "year.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
        self._bars = market(self.symbols)
        days = self._bars["session"].unique().sort()
        self._deliver(days.filter(days < FIRST)[-1])
        _called(simulated_day.run_day, self.folder, _evening(days.filter(days < FIRST)[-1]), "")
        _called(simulated_day.look, self.folder, _evening(days.filter(days < FIRST)[-1]))
        faults = ["", *[""] * (quiet - 1), *faults_of(sessions - quiet, seed)][-sessions:]
        for session, fault in zip(days.filter(days >= FIRST)[:sessions], faults, strict=True):
            self._live(session, fault)
            if session.day < 4 or len(self.days) in (1, sessions):
                self.sizes.append((session, self._sizes()))

    def _deliver(self, until: dt.date) -> None:
        self._bars.filter(pl.col("session") <= until).write_csv(self.folder / "bars.csv")

    def _live(self, session: dt.date, fault: str) -> None:
        evening, home = _evening(session), self.folder / "data" / "year"
        self._deliver(session)
        mark = home / "warehouse.duckdb.committed"
        if fault == "vendor down":
            (self.folder / "bars.csv").unlink()
        if fault == "bad delivery":
            rows = pl.read_csv(self.folder / "bars.csv", try_parse_dates=True)
            worse = pl.when(session=session).then(pl.col("low") * -1).otherwise("low")
            rows.with_columns(low=worse).write_csv(self.folder / "bars.csv")
        if fault == "schema upgrade":
            with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
                connection.execute("UPDATE meta.schema_version SET version = 1")
        if fault == "damaged log":
            mark.write_text("99999999", encoding="ascii")
        moment = evening - dt.timedelta(days=1) if fault == "clock back" else evening
        writers = [_process(_write, home) for _ in range(_WRITERS)] if fault == "concurrent writers" else []
        began = time.perf_counter()
        ended = _called(simulated_day.run_day, self.folder, moment, fault)
        seconds = time.perf_counter() - began
        for writer in writers:
            writer.join()
        alerts = {}
        for minutes in _LOOKS:
            alerts[minutes] = _called(simulated_day.look, self.folder, evening + dt.timedelta(minutes=minutes)) or []
            if ended is None and minutes == _LOOKS[0]:  # its process is gone, and the daemon makes it once more
                ended = _called(simulated_day.run_day, self.folder, evening, "")
        by_itself = _called(simulated_day.newest, self.folder) == str(session)
        in_the_end = by_itself
        if not by_itself or fault == "damaged log":
            if fault == "damaged log":
                mark.unlink(missing_ok=True)
            self._deliver(session)
            _called(simulated_day.run_day, self.folder, evening, "")
            in_the_end = _called(simulated_day.newest, self.folder) == str(session)
            # The look that finds all well again.
            _called(simulated_day.look, self.folder, evening + dt.timedelta(hours=9))
        self.days.append(Day(session, fault, alerts, by_itself, in_the_end, seconds))
        print(self.days[-1], file=sys.stderr, flush=True)

    def _sizes(self) -> dict[str, int]:
        data = self.folder / "data"
        parts = {"warehouse": ["year/warehouse.duckdb"], "files of months": ["year/lake"], "logs": ["year/logs"]}
        parts |= {"protocol": ["protocol.duckdb"], "Dagster": ["dagster_home"]}
        return {name: sum(_bytes(data / each) for each in places) for name, places in parts.items()}


def faults_of(count: int, seed: int) -> list[str]:
    """Return a fault for each of some days: all in a random order, then all in another.

    Parameters
    ----------
    count, seed
        Days, and what decides the order.
    """
    draws, found = random.Random(seed), list[str]()
    while len(found) < count:
        found += draws.sample(FAULTS, len(FAULTS))
    return found[:count]


def _evening(session: dt.date) -> dt.datetime:
    return dt.datetime.combine(session, dt.time(22, 30), dt.UTC)


def _bytes(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _process(work: Callable[..., None], *arguments: object) -> Any:
    process = _processes.Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def _called(work: Callable[..., None], *arguments: object) -> Any:
    """What a process answers; None if it was killed before."""
    answer = _processes.SimpleQueue()
    process = _process(work, answer, *arguments)
    process.join(_LONGEST)
    if process.is_alive():
        process.kill()
        process.join()
    return answer.get() if not answer.empty() else None


def _write(home: Path) -> None:
    from trading_assets_tests.warehouse.warehouse_fixtures import write_slice

    write_slice(home / "warehouse.duckdb", f"other {time.monotonic_ns()}", 10)


def tables_of(days: Sequence[Day], sizes: Sequence[tuple[dt.date, dict[str, int]]]) -> list[str]:
    """Return the lines of the page.

    Parameters
    ----------
    days, sizes
        What was lived, and bytes by part of the data folder at some sessions.
    """
    quiet, faulty = [day for day in days if not day.fault], [day for day in days if day.fault]
    lines = [
        f"{len(days)} sessions from {days[0].session} to {days[-1].session}, of which the first {len(quiet)} without a "
        f"fault; then one a day. Results by themselves on {sum(day.by_itself for day in days)} of {len(days)} "
        "mornings, "
        f"on {sum(day.in_the_end for day in days)} once a person had acted. "
        f"False alarms in the quiet part: {sum(len(day.raised) for day in quiet)}.",
        "",
        "| fault | days | results by themselves | raised | first after minutes | silent |",
        "|---|---|---|---|---|---|",
    ]
    for fault in FAULTS:
        own = [day for day in faulty if day.fault == fault]
        if not own:
            continue
        rules = ", ".join(sorted({f"`{rule}`" for day in own for rule in day.raised})) or "nothing"
        minutes = [day.minutes for day in own if day.minutes is not None]
        silent = sum(not day.raised for day in own)
        said = f"{silent}, harmless" if fault in HARMLESS and all(day.by_itself for day in own) else str(silent)
        lines.append(
            f"| {fault} | {len(own)} | {sum(day.by_itself for day in own)} | {rules} | "
            f"{max(minutes, default='-')} | {said} |"
        )
    names = list(sizes[0][1])
    lines += ["", f"| MB at the end of | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {day} | " + " | ".join(f"{found[name] / 1e6:.1f}" for name in names) + " |" for day, found in sizes]
    whole = [day.seconds for day in days if not day.fault or day.fault in HARMLESS]
    half = len(whole) // 2 or 1
    first, last = sorted(whole[:half]), sorted(whole[-half:])
    lines += [
        "",
        f"A run took {first[len(first) // 2]:.0f} s in the first half, {last[len(last) // 2]:.0f} s in the last.",
    ]
    return lines


def main(sessions: str = "250", symbols: str = "3", quiet: str = "63") -> None:
    """Live the year, print the tables, and write them into the page."""
    with tempfile.TemporaryDirectory() as folder:
        year = Year(Path(folder), int(symbols))
        year.live(int(sessions), int(quiet))
        lines = tables_of(year.days, year.sizes)
    print("\n".join(lines))
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, "\n".join(lines)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
