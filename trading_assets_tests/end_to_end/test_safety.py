"""Killed runs and runs at once: the warehouse holds old or new slices, never half, and a rerun repairs."""

from __future__ import annotations

import random
import time
from pathlib import Path

import polars as pl
import pytest

from trading_assets.warehouse import WarehouseError
from trading_assets_tests.conftest import TINY, Experiment, command_line
from trading_assets_tests.end_to_end.experiments import Running, fingerprint, fingerprints, frames, run, start

pytestmark = pytest.mark.acceptance

KILLS = 10
SLICED_BY = ("asset", "strategy", "model")
Slice = tuple[str, ...]


def slices(experiment: Experiment) -> dict[Slice, str]:
    """Fingerprints of what one step writes: rows of a strategy (and split), of a model, of an asset, or a table."""
    found: dict[Slice, str] = {}
    for name, frame in frames(experiment).items():
        by = next((column for column in SLICED_BY if column in frame.columns), None)
        keys = [column for column in (by, "split") if column in frame.columns]
        if not keys or by is None or frame.is_empty():
            found[(name,)] = fingerprint(frame)
            continue
        for values, rows in frame.group_by(keys, maintain_order=True):
            found[(name, *map(str, values))] = fingerprint(rows)
    return found


def of_the_holdout(experiment: Experiment, slice_: Slice) -> bool:
    """Whether two steps write the slice one after the other: the backtest, and the look at the holdout."""
    return (
        len(slice_) > 1
        and slice_[1] in experiment.configuration.registration
        and slice_[2:] in (("full",), ("holdout",))
    )


def kill_at(running: Running, step: int, after: float) -> None:
    """Kill a run some seconds after its n-th step began."""
    for _ in range(step):
        running.wait_for_line()
    time.sleep(after)
    running.kill()


def test_killed_at_ten_moments(tiny: Experiment, tmp_path: Path) -> None:
    """The same configuration again and again into one folder: what is there once is never lost or half again."""
    final, steps = slices(tiny), len([line for line in tiny.process.stdout.splitlines() if "/" in line]) - 1
    moments = random.Random(20260321)
    there: set[Slice] = set()
    before_the_look: dict[Slice, str] = {}
    for _ in range(KILLS):
        step, after = moments.randint(1, steps), moments.uniform(0.0, 2.0)
        kill_at(start(TINY, tmp_path, "run"), step, after)
        left = Experiment(TINY, tmp_path, tiny.process)
        if not left.configuration.warehouse_path.exists():
            continue
        now = slices(left)
        for name, value in now.items():
            if value == final.get(name):
                continue
            if of_the_holdout(tiny, name):
                assert value == before_the_look.setdefault(name, value), (name, step, after)
            else:
                assert is_empty(left, name), (name, step, after)
        # A strategy that begins again has no status of its later stages yet.
        kept = {name for name in there if not of_the_holdout(tiny, name) and name[0] != "strategies.status"}
        assert kept <= now.keys(), (kept - now.keys(), step, after)
        there |= now.keys() & final.keys()
    assert len(there) > len(final) / 2  # else nothing was tested
    repaired = run(TINY, tmp_path)
    assert fingerprints(repaired) == fingerprints(tiny)
    for page in (tiny.configuration.home / "reports").glob("*.html"):
        assert (repaired.configuration.home / "reports" / page.name).read_bytes() == page.read_bytes()
    looks = repaired.warehouse.query("SELECT strategy FROM robustness.holdout_ledger")
    assert set(looks["strategy"]) == {"equity_momentum"}


def is_empty(experiment: Experiment, slice_: Slice) -> bool:
    return bool(experiment.warehouse.query(f"SELECT count(*) FROM {slice_[0]}").item() == 0)


def test_concurrent_writers(tiny: Experiment, tmp_path: Path) -> None:
    """Two runs and readers: all finish, and leave what one run leaves."""
    runs = [start(TINY, tmp_path, "run") for _ in range(2)]
    reads: list[pl.DataFrame] = []
    reader = Experiment(TINY, tmp_path, tiny.process).warehouse
    while any(running.process.poll() is None for running in runs):
        try:
            reads.append(reader.query("SELECT symbol, count(*) AS bars FROM market_data.bars GROUP BY symbol"))
        except WarehouseError as error:
            assert "does not exist" in str(error) or "no warehouse" in str(error), error
        time.sleep(0.5)
    asked = command_line(TINY, tmp_path, "sql", "SELECT count(*) AS n FROM market_data.bars", "--format", "csv")
    assert asked.returncode == 0, asked.stderr
    done = [running.finish().process for running in runs]
    for process in done:
        assert process.returncode == 0, process.stderr
    assert reads and len({tuple(sorted(read.rows())) for read in reads if read.height}) == 1
    assert fingerprints(Experiment(TINY, tmp_path, done[0])) == fingerprints(tiny)
