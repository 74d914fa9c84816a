"""Whole runs of this version beside an earlier one: seconds, CPU seconds and memory, and how they grow.

Arguments: a checkout of the earlier version with its environment in `.venv`, how many runs of each, the largest shape
to grow to (symbols, years), and which works of `WORKS` (default: all; `model` takes a quarter of an hour a run). Both
versions run the same files with the same configuration by `trading-assets run`, each run in a process and a data folder
of its own, in turns. Keeps what was measured in `docs/whole_runs.json`, and writes the table and the picture of
`docs/scale.md`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from trading_assets_tests.benchmarks.table import REPOSITORY
from trading_assets_tests.benchmarks.whole_runs_table import (
    GROWTH,
    MEASURED,
    MODEL_STEPS,
    PAGE,
    STEPS,
    growth_picture,
    written_page,
)
from trading_assets_tests.benchmarks.wide_market import main as write_wide_market

SYMBOLS, YEARS = 505, 5
SHAPES = ((50, 1), (100, 2), (250, 4), (505, 5), (1000, 10), (2500, 15), (5000, 20))
#: A model on its default settings, beside whose scores the rules `ml` are traded.
MODEL = {"forward_return": {"type": "xgboost", "universe": "equity"}}


WORKS = ("help", "definitions", "first", "again", "session", "model")


@dataclass(frozen=True)
class Run:
    """What one process took; seconds of single steps by their names, MB at most."""

    seconds: float
    cpu_seconds: float
    megabytes: float
    steps: Mapping[str, float] = field(default_factory=dict)


def run(checkout: Path, *arguments: object, home: Path | None = None) -> Run:
    """Run a command of a checkout's environment and measure it.

    Parameters
    ----------
    checkout
        Folder with the source, and the environment in `.venv`.
    arguments
        Of Python.
    home
        Dagster's home, of whose newest run the steps are told; None: there is none.

    Raises
    ------
    RuntimeError
        It failed; the message ends with what it wrote.
    """
    command = [str(checkout / ".venv/bin/python"), *map(str, arguments)]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "TRADING_ASSETS"))
    }
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=checkout, stdout=out, stderr=out, env=environment | {"PYTHONPATH": str(checkout)}
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        # A verdict that is not `go` is a result; what could not be computed is none.
        if os.waitstatus_to_exitcode(status) != 0:
            out.seek(0)
            raise RuntimeError(f"{' '.join(command)}\n{out.read().decode(errors='replace')[-4000:]}")
    return Run(
        round(seconds, 3), round(used.ru_utime + used.ru_stime, 3), round(used.ru_maxrss / 1024, 1), _steps_of(home)
    )


def _steps_of(home: Path | None) -> dict[str, float]:
    """Seconds of each step of the newest run of a Dagster home, by its event log."""
    logs = sorted((home / "history/runs").glob("*-*.db"), key=lambda each: each.stat().st_mtime) if home else []
    if not logs:
        return {}
    with closing(sqlite3.connect(logs[-1])) as connection:
        found = connection.execute(
            "SELECT step_key, 86400 * (julianday(max(timestamp)) - julianday(min(timestamp))) FROM event_logs "
            "WHERE dagster_event_type IN ('STEP_START', 'STEP_SUCCESS') GROUP BY step_key"
        ).fetchall()
    return {_name(step): round(seconds, 3) for step, seconds in found}


def _name(step: str) -> str:
    return step.replace("__", "/")


def runs_of(checkout: Path, config: Path, data: Path) -> Run:
    """Run a configuration whole."""
    arguments = ("-m", "trading_assets.cli", "run", "--config", config, "--data", data)
    return run(checkout, *arguments, home=data / "dagster_home")


def one_more_session(bars: Path, kept: Path) -> pl.DataFrame:
    """Take the last session out of the files of bars, and return its rows."""
    files = {each: pl.read_parquet(each) for each in sorted(bars.glob("*.parquet"))}
    last = max(each["date"].max() for each in files.values())  # type: ignore[type-var]
    kept.mkdir()
    for file, rows in files.items():
        rows.write_parquet(kept / file.name)
        rows.filter(pl.col("date") < last).write_parquet(file)
    return pl.concat(each.filter(pl.col("date") == last) for each in files.values())


def pair(before: Path, folder: Path, runs: int, works: Sequence[str] = WORKS) -> dict[str, dict[str, list[Run]]]:
    """Measure both versions in turns.

    Parameters
    ----------
    before, folder
        Checkout of the earlier version, and a folder with a market (see `wide_market`).
    runs
        How many of each.
    works
        Some of `WORKS`; the same again and one session more follow the first run.
    """
    found: dict[str, dict[str, list[Run]]] = {}

    def note(work: str, side: str, took: Run) -> None:
        figures = f"{took.seconds:.1f} s, {took.cpu_seconds:.1f} CPU s, {took.megabytes:,.0f} MB"
        print(f"{work}, {side}: {figures}", flush=True)
        found.setdefault(work, {}).setdefault(side, []).append(took)

    config, with_model = _configurations(folder)
    sides = {"before": before, "now": REPOSITORY}
    small = folder / "small"
    write_wide_market(str(small), 20, 4)
    for side, checkout in sides.items():  # machine code is compiled once for all runs
        runs_of(checkout, _configurations(small)[1], small / side)
    for turn in range(runs):
        for side, checkout in sides.items():
            data, bars, kept = folder / f"data-{side}-{turn}", folder / "bars", folder / f"kept-{side}-{turn}"

            def one_more(data: Path = data, bars: Path = bars, kept: Path = kept, checkout: Path = checkout) -> Run:
                for file in kept.iterdir():
                    file.replace(bars / file.name)
                return runs_of(checkout, config, data)

            one_more_session(bars, kept)
            measured: dict[str, Callable[[], Run]] = {
                "help": partial(run, checkout, "-m", "trading_assets.cli", "--help"),
                "definitions": partial(run, checkout, "-c", "import trading_assets.definitions"),
                "first": partial(runs_of, checkout, config, data),
                "again": partial(runs_of, checkout, config, data),
                "session": one_more,
                "model": partial(runs_of, checkout, with_model, folder / f"model-{side}-{turn}"),
            }
            for work in works:
                note(work, side, measured[work]())
    return found


def _configurations(folder: Path) -> tuple[Path, Path]:
    config, with_model = folder / "wide.yaml", folder / "with_model.yaml"
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["strategies"] |= {"ml": {"type": "ml", "universe": "equity"}}
    with_model.write_text(yaml.safe_dump(settings | {"models": MODEL}), encoding="utf-8")
    return config, with_model


def grown(folder: Path, largest: tuple[int, int]) -> list[dict[str, Any]]:
    """Run this version once on each shape up to the largest."""
    found = []
    for symbols, years in SHAPES:
        if symbols > largest[0] or years > largest[1]:
            continue
        place = folder / f"{symbols}x{years}"
        write_wide_market(str(place), symbols, years)
        bars = sum(pl.scan_parquet(each).select(pl.len()).collect().item() for each in place.glob("bars/*.parquet"))
        took = runs_of(REPOSITORY, place / "wide.yaml", place / "data")
        print(f"{symbols} x {years}: {took.seconds:.1f} s, {took.megabytes:,.0f} MB", flush=True)
        found.append({"symbols": symbols, "years": years, "bars": bars, **asdict(took)})
    return found


def median_of(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the median of each measure, and of the steps that the table tells of."""
    steps = {
        name: statistics.median(each.steps.get(name, 0.0) for each in runs)
        for name in (*STEPS.values(), *MODEL_STEPS.values())
    }
    return {
        "runs": len(runs),
        **{
            name: statistics.median(getattr(each, name) for each in runs)
            for name in ("seconds", "cpu_seconds", "megabytes")
        },
        "steps": {name: seconds for name, seconds in steps.items() if seconds},
    }


def main(before: str, runs: int, symbols: int, years: int, works: Sequence[str] = WORKS) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_wide_market(folder, SYMBOLS, YEARS)
        pairs = pair(Path(before).resolve(), place, runs, works)
        results = {
            "processors": os.cpu_count(),
            "before": subprocess.check_output(["git", "-C", before, "rev-parse", "--short", "HEAD"], text=True).strip(),
            "pairs": {work: {side: median_of(each) for side, each in sides.items()} for work, sides in pairs.items()},
            "growth": grown(place, (symbols, years)),
        }
    MEASURED.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    GROWTH.write_bytes(growth_picture(results))
    PAGE.write_text(written_page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:] or WORKS)
