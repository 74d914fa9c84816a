"""How often a verdict is `go`, by the true Sharpe ratio of the edge that was planted in the market.

Run by `make go-rate`, or by `python -m trading_assets_tests.benchmarks.go_rate [--folder FOLDER] [--processes N]
[LEVEL=DRAWS ...]`; writes docs/go_rate.json and the table in docs/honesty.md. A level is a true Sharpe ratio, with `/0`
behind it if no symbol leaves its markets (2=400, 2/0=50). Each draw has the seed of its number and is a line of a file
in the folder, so whoever stops goes on there; draws of other code do not count. `--table` writes the table of what is
there.

The true Sharpe ratio of a trend is that of the strategy's daily returns, after costs, over many markets that are used
for nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console

from trading_assets.config.verdict import ALPHA
from trading_assets.robustness.look_ahead.audit import violations
from trading_assets_tests.benchmarks.error_rates import interval
from trading_assets_tests.benchmarks.planted import DEPARTURES, audited, daily_returns, results, world
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced

RESULTS = REPOSITORY / "docs" / "go_rate.json"
PAGE = REPOSITORY / "docs" / "honesty.md"
MARKS = ("<!-- go rate: written by `make go-rate` -->", "<!-- /go rate -->")
LEAKY_MARKETS = 100
LEAKY = {"type": "trading_assets_tests.robustness.leaking_strategies", "leak": "tomorrow"}
#: Trends whose Sharpe ratio is measured, and markets a trend; the seeds begin beyond those that are judged.
TRENDS = tuple(np.linspace(0.0, 1.2, 9).tolist())
CALIBRATION_SEEDS = range(10_000, 10_040)
VERDICTS = ("insufficient_evidence", "reject", "conditional", "go")
#: Sizes of batches in which the same strategies are judged, too.
BATCHES = (1, 5, 20, 50)
YEAR = 252
#: One thread each, in all processes: they share what there is.
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Level:
    """Markets of one kind, and how many of them.

    Attributes
    ----------
    sharpe
        The strategy's true one.
    departures
        Symbols that leave the universe.
    """

    sharpe: float
    departures: int
    draws: int

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        return f"{self.sharpe:g}" if self.departures else f"{self.sharpe:g}/0"


LEVELS = (
    Level(0.0, DEPARTURES, 2_000),
    Level(0.5, DEPARTURES, 100),
    Level(1.0, DEPARTURES, 100),
    Level(2.0, DEPARTURES, 400),
    Level(2.0, 0, 50),
    Level(3.0, DEPARTURES, 100),
)


def level_of(argument: str) -> Level:
    """Return the level of an argument of the command line, as 2/0=50."""
    name, _, draws = argument.partition("=")
    sharpe, _, departures = name.partition("/")
    return Level(float(sharpe), DEPARTURES if not departures else int(departures), int(draws))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("levels", nargs="*", type=level_of, metavar="LEVEL=DRAWS")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "trading_assets_go_rate")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    levels, file = arguments.levels or LEVELS, arguments.folder / "draws.jsonl"
    if not arguments.table:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        os.environ.update(ONE_THREAD)
        with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
            for level in levels:
                draw(level, file, pool)
            if not arguments.levels:
                draw_leaky(file, pool)
    table = summarised(read(file, code_hash()))
    RESULTS.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, markdown(table)), encoding="utf-8")
    Console().print(markdown(table), highlight=False)


def draw(level: Level, file: Path, pool: ProcessPoolExecutor) -> None:
    """Append the draws of a level that are not there yet."""
    code = code_hash()
    known = {line["seed"] for line in read(file, code) if line["level"] == level.name}
    missing = [seed for seed in range(level.draws) if seed not in known]
    if not missing:
        return
    trend = calibrated(level.sharpe, file.parent / f"calibration-{code}.json", pool)
    audit = pool.submit(audited, 0, trend).result()
    found = pool.map(partial(results_of, trend=trend, audit=audit, departures=level.departures), missing)
    for seed, each in zip(missing, found, strict=True):
        _append(file, {"code": code, "level": level.name, "seed": seed, "trend": trend, "results": each})


def draw_leaky(file: Path, pool: ProcessPoolExecutor) -> None:
    """Append whether the audit stops a strategy that knows tomorrow's close, market by market."""
    code = code_hash()
    known = {line["seed"] for line in read(file, code) if line["level"] == "leaky"}
    missing = [seed for seed in range(LEAKY_MARKETS) if seed not in known]
    for seed, stopped in zip(missing, pool.map(is_stopped, missing), strict=True):
        _append(file, {"code": code, "level": "leaky", "seed": seed, "trend": 0.0, "results": {"1": stopped}})


def _append(file: Path, line: dict[str, Any]) -> None:
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


def read(file: Path, code: str) -> list[dict[str, Any]]:
    """Draws of some code, each seed of a level once."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = {}
    for line in lines:
        drawn = json.loads(line)
        if drawn["code"] == code:
            found[drawn["level"], drawn["seed"]] = drawn
    return [found[key] for key in sorted(found)]


def code_hash() -> str:
    """Return a hash of all that a verdict is made by."""
    files = [*sorted((REPOSITORY / "trading_assets").rglob("*.py")), Path(__file__).with_name("planted.py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def calibrated(sharpe: float, file: Path, pool: ProcessPoolExecutor) -> float:
    """Return the trend of a Sharpe ratio; what was measured is kept in a file."""
    if sharpe == 0:
        return 0.0
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for trend in TRENDS:
        if str(trend) not in known:
            seeds = list(CALIBRATION_SEEDS)
            known[str(trend)] = sharpe_of(list(pool.map(daily_returns, seeds, [trend] * len(seeds))))
            file.write_text(json.dumps(known), encoding="utf-8")
    return trend_of(sharpe, [known[str(trend)] for trend in TRENDS])


def sharpe_of(runs: list[np.ndarray]) -> float:
    """The annual Sharpe ratio of all daily returns together."""
    every = np.concatenate(runs)
    return float(every.mean() / every.std(ddof=1) * np.sqrt(YEAR))


def trend_of(sharpe: float, sharpes: list[float]) -> float:
    """The trend of a Sharpe ratio, between those measured; no edge is no trend.

    Raises
    ------
    ValueError
        No trend that was measured has so high a ratio, or a stronger one has a lower ratio.
    """
    if np.any(np.diff(sharpes) <= 0) or sharpe > sharpes[-1]:
        raise ValueError(f"no trend for a Sharpe ratio of {sharpe}: those measured are {sharpes}")
    return float(np.interp(sharpe, sharpes, TRENDS))


def results_of(seed: int, trend: float, audit: pl.DataFrame, departures: int) -> dict[str, str]:
    """The verdict's result on one market: alone, and as one of each size of batch."""
    found = results(world(seed, trend, audit, [ALPHA / size for size in BATCHES], departures))
    return {str(size): found[ALPHA / size] for size in BATCHES}


def is_stopped(seed: int) -> bool:
    """Whether the audit stops a strategy that knows tomorrow's close."""
    return violations(audited(seed, 0.0, LEAKY)) > 0


def summarised(draws: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count the results of each level, ascending; of the leaky strategy last."""

    def of_level(name: str) -> list[dict[str, Any]]:
        return [line for line in draws if line["level"] == name]

    levels = []
    for name in sorted({line["level"] for line in draws} - {"leaky"}, key=_order):
        lines = of_level(name)
        counts = {str(size): dict(Counter(line["results"][str(size)] for line in lines)) for size in BATCHES}
        levels.append({"level": name, "trend": lines[0]["trend"], "markets": len(lines), "results": counts})
    leaky = of_level("leaky")
    stopped = sum(line["results"]["1"] for line in leaky)
    return [*levels, {"level": "leaky", "markets": len(leaky), "results": {"stopped": stopped}}]


def _order(name: str) -> tuple[float, bool]:
    sharpe, _, departures = name.partition("/")
    return float(sharpe), bool(departures)


def markdown(levels: list[dict[str, Any]]) -> str:
    """The table of the page."""
    *levels, leaky = levels
    heads = [
        *(each.replace("_", " ") for each in VERDICTS),
        "95 % interval of go",
        *(f"go, one of {size}" for size in BATCHES[1:]),
    ]
    lines = [f"| true Sharpe | markets | {' | '.join(heads)} |", f"|---|---|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(_cells(level))} |" for level in levels]
    if leaky["markets"]:
        stopped = f"{leaky['results']['stopped']} of {leaky['markets']}"
        lines += ["", f"Of a strategy that knows tomorrow's close the audit stopped {stopped} runs."]
    return "\n".join(lines)


def _cells(level: dict[str, Any]) -> Iterator[str]:
    sharpe, _, departures = level["level"].partition("/")
    yield f"{sharpe}, without departures on record" if departures else sharpe
    yield f"{level['markets']:,}"
    alone = level["results"]["1"]
    for verdict in VERDICTS:
        yield f"{alone.get(verdict, 0) / level['markets']:.1%}"
    low, high = interval(alone.get("go", 0), level["markets"])
    yield f"{low:.1%} to {high:.1%}"
    for size in BATCHES[1:]:
        yield f"{level['results'][str(size)].get('go', 0) / level['markets']:.1%}"


def stored() -> list[dict[str, Any]]:
    """Results of the last `make go-rate`."""
    found: list[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    main()
