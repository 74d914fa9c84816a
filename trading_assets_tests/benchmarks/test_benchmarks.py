"""The table in the README, and the benchmarks' market and contenders at a small size."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trading_assets.config import load_configuration
from trading_assets_tests.benchmarks.__main__ import check_same
from trading_assets_tests.benchmarks.market import WARM_UP, large, part, prepare_market
from trading_assets_tests.benchmarks.measuring import contender
from trading_assets_tests.benchmarks.one_more_session import of_history
from trading_assets_tests.benchmarks.scoring import percentiles
from trading_assets_tests.benchmarks.table import REPOSITORY, stored, worst_growth, written_into
from trading_assets_tests.benchmarks.wide_market import LEADER
from trading_assets_tests.benchmarks.wide_market import main as write_wide_market
from trading_assets_tests.narrow import as_date, as_signals


def test_the_readme_shows_what_was_measured() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert written_into(readme, stored()) == readme


def test_every_measurement_is_a_median_of_five() -> None:
    reports = [each for each in stored().values() if isinstance(each, dict) and "seconds" in each]
    assert len(reports) == 10
    assert all(each["runs"] >= 5 for each in reports)


def test_growth_is_the_worst_step_to_a_larger_market() -> None:
    assert worst_growth({(1, 1): 2.0, (1, 2): 1.0, (2, 1): 3.0, (2, 2): 1.2}) == pytest.approx(1.5)
    assert worst_growth({(1, 1): 3.0, (1, 2): 1.0, (2, 1): 1.0}) == pytest.approx(1 / 3)


def test_waits_are_told_in_milliseconds() -> None:
    """Of 0 to 100 milliseconds one each: a percentile is its number."""
    assert percentiles([number / 1e3 for number in range(101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_readme_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="expected once"):
        written_into("# no table", stored())


def test_results_that_differ_are_refused() -> None:
    ours = {"final_equity": 1.0, "total_return": 0.1, "max_drawdown": -0.1, "sharpe": 0.5, "trades": 7}
    check_same(ours, {name: value * (1 + 1e-12) for name, value in ours.items()})
    with pytest.raises(ValueError, match=r"sharpe: ours is 0\.5"):
        check_same(ours, ours | {"sharpe": 0.5 + 1e-8})


@pytest.mark.acceptance
def test_columns_of_both_sides_agree(tmp_path: Path) -> None:
    """The contenders as the benchmark runs them."""
    bars = tmp_path / "bars.npz"
    contender("bars", bars, 3, 300)
    check_same(contender("our_columns", bars), contender("vectorbt_columns", bars, "rust", 100))


def test_a_market_built_in_blocks_is_the_market(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = prepare_market(5, 320)
    monkeypatch.setattr("trading_assets_tests.benchmarks.market._BLOCK", 2)
    blocks = large(5, 320)
    for one, other in (
        (whole.market, blocks.market),
        (as_signals(whole.signals).candidates, as_signals(blocks.signals).candidates),
        ([as_signals(whole.signals).exits], [as_signals(blocks.signals).exits]),
    ):
        for mine, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    small = part(blocks, 3, 60)
    assert small.market.close.tolist() == whole.market.close[WARM_UP : WARM_UP + 60, :3].tolist()
    candidates, every = as_signals(small.signals).candidates, as_signals(whole.signals).candidates
    t = np.repeat(np.arange(320), np.diff(every.first))
    kept = (t >= WARM_UP) & (t < WARM_UP + 60) & (every.symbol < 3)
    assert kept.sum() > 5
    assert candidates.strength.tolist() == every.strength[:, kept].tolist()
    assert np.repeat(np.arange(60), np.diff(candidates.first)).tolist() == (t[kept] - WARM_UP).tolist()


def test_a_wide_market_has_each_symbol_once_whatever_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for size in (2, 100):
        monkeypatch.setattr("trading_assets_tests.benchmarks.wide_market._SYMBOLS_AT_A_TIME", size)
        write_wide_market(str(tmp_path / str(size)), 6, 1)
        found.append(pl.read_parquet(tmp_path / str(size) / "bars" / "*.parquet").sort("symbol", "date"))
    assert found[0].equals(found[1])
    assert found[0]["symbol"].unique().sort().to_list() == [LEADER, *(f"S{number:04d}" for number in range(1, 6))]
    assert not found[0].select("symbol", "date").is_duplicated().any()
    assert load_configuration(tmp_path / "100" / "wide.yaml").benchmarks == {"equity": LEADER}


#: Two steps, one of which takes 64 MB, in a process that nothing else gives memory back in.
TWO_STEPS = """
import json

import numpy as np

from trading_assets.run_outcome import RunProgress
from trading_assets_tests.benchmarks.pipeline_stages import Stages

stages = Stages()
for step, size in (("large", 64 * 2**20), ("small", 1)):
    stages.tell(RunProgress(step, 0, 2, begins=True))
    memory = np.ones(size, dtype=np.int8)
    del memory
    stages.tell(RunProgress(step, 1, 2, begins=False, seconds=0.1))
print(json.dumps([*stages.rows, {"peak": stages.peak}]))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the kernel keeps no peak that can be forgotten")
def test_the_peak_of_a_step_is_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", TWO_STEPS], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    large, small, whole = json.loads(done.stdout)
    assert large["peak"] - large["before"] >= 60
    assert small["peak"] - small["before"] < 60
    assert whole["peak"] >= large["peak"] - 1  # a step's is rounded


@pytest.mark.acceptance
def test_one_more_session_leaves_what_a_whole_run_leaves(tmp_path: Path) -> None:
    """The benchmark compares all tables itself; a run that computes little is told from one that computes all."""
    write_wide_market(str(tmp_path / "market"), 6, 2)
    bars = pl.read_parquet(tmp_path / "market" / "bars" / "*.parquet").sort("date", "symbol")
    (tmp_path / "runs").mkdir()
    found = of_history(bars, 1.5, tmp_path / "runs")
    assert found["first"]["success"] and found["rerun"]["success"] and found["whole"]["success"]
    steps = {name: {row["step"]: row["cpu_seconds"] for row in found[name]["steps"]} for name in ("rerun", "whole")}
    assert steps["rerun"].keys() == steps["whole"].keys()
    assert sum(steps["rerun"].values()) < sum(steps["whole"].values())
    last = found["bars"]
    assert last == bars.filter(pl.col("date") > as_date(bars["date"].max()) - dt.timedelta(days=548)).height
