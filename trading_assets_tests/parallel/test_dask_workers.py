"""Parts computed by real worker processes of a real Dask scheduler: the bits of this process, and clear errors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trading_assets.backtests.parallel_sweep import Span
from trading_assets.config.models import WalkForward
from trading_assets.models.run import run_model
from trading_assets.models.splits import walk_forward
from trading_assets.parallel.dask_workers import DaskWorkers, connected, identity
from trading_assets.parallel.processors import processors
from trading_assets.parallel.workers import IN_PROCESS, WorkersError
from trading_assets.robustness.look_ahead.audit import look_ahead, violations
from trading_assets.robustness.resampling.random_runs import random_entries, random_targets
from trading_assets_tests.backtests.frames import frames, loaded, prepare_strategy
from trading_assets_tests.backtests.test_target_strategies import SPAN
from trading_assets_tests.backtests.test_target_strategies import prepare_strategy as prepare_targets
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.models.panels import NO_HOLDOUT, SETTINGS, dates_of, samples
from trading_assets_tests.models.searched import searching
from trading_assets_tests.parallel.test_workers import falling
from trading_assets_tests.robustness import leaking_strategies
from trading_assets_tests.robustness.look_ahead.test_audit import CLEAN, configured, market_snapshot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskWorkers]:
    """A scheduler, and two workers that share nothing but it: each has a folder and an environment of its own."""
    address_file = tmp_path_factory.mktemp("scheduler") / "scheduler.json"
    at_scheduler = ("--scheduler-file", str(address_file), "--no-dashboard")
    running = [start(tmp_path_factory.mktemp("s"), "scheduler", "--host", "127.0.0.1", "--port", "0", *at_scheduler)]
    running += [start(tmp_path_factory.mktemp("w"), "worker", "--nthreads", "1", *at_scheduler) for _ in range(2)]
    until = time.monotonic() + 60
    while not address_file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    workers = connected(None, json.loads(address_file.read_text())["address"])
    workers.client.wait_for_workers(2, timeout=60)
    yield workers
    workers.client.close()
    for process in running:
        process.terminate()
        process.wait(timeout=30)


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": str(folder)}
    program = str(Path(sys.executable).with_name("dask"))
    quiet = subprocess.DEVNULL
    return subprocess.Popen([program, *arguments], cwd=folder, env=variables, stdout=quiet, stderr=quiet)


def where(_: None, item: int) -> tuple[int, int, int]:
    return item, os.getpid(), processors()


def late(_: None, item: int) -> int:
    raise TimeoutError("of its own")


def dying(_: None, item: int) -> int:
    os._exit(1)


def failing(_: None, item: int) -> int:
    raise ValueError(f"item {item}")


def test_parts_come_back_in_order_from_both_workers(cluster: DaskWorkers) -> None:
    workers = cluster
    found = workers.map(where, None, [3, 1, 2, 2] * 10)
    assert [item for item, _, _ in found] == [3, 1, 2, 2] * 10
    assert len({process for _, process, _ in found}) == 2
    assert os.getpid() not in {process for _, process, _ in found}
    assert {threads for _, _, threads in found} == {1}
    assert workers.map(where, None, []) == []
    assert [len(part) for part in workers.parts_of(range(20))] == [2, 3, 2, 3, 2, 3, 2, 3]


def test_what_a_part_raises_is_raised_here(cluster: DaskWorkers) -> None:
    with pytest.raises(ValueError, match="item 7"):
        cluster.map(failing, None, [7])


def test_parts_are_told_here_as_they_end_also_of_a_run_that_a_later_one_ends(cluster: DaskWorkers) -> None:
    seen: list[int] = []
    with pytest.raises(ValueError, match="item 1"):
        cluster.map(falling, 2, [5, 4, 1, 3, 0], seen.append)
    assert sorted(seen) == [3, 4, 5], "also what comes after it; the error is that of the first item that has one"


@pytest.mark.parametrize("name", ["momentum", "ml", "blend", "honest_weights"])
def test_the_audit_is_that_of_this_process(name: str, cluster: DaskWorkers, tmp_path: Path) -> None:
    whole, experiment = market_snapshot(), configured(tmp_path, CLEAN)
    assert look_ahead(experiment, name, whole, 3, cluster).equals(look_ahead(experiment, name, whole, 3))


def test_the_code_of_a_users_module_is_sent(cluster: DaskWorkers, tmp_path: Path) -> None:
    """Its files are gone by then. What knows the future is found there too."""
    (tmp_path / "own").mkdir()
    shutil.copy(leaking_strategies.__file__, tmp_path / "own" / "rules.py")
    strategies = {leak: {"type": "own.rules", "leak": leak} for leak in ("honest", "tomorrow")}
    whole, experiment = market_snapshot(), configured(tmp_path, strategies)
    expected = {name: look_ahead(experiment, name, whole, 2) for name in strategies}
    shutil.rmtree(tmp_path / "own")
    found = {name: look_ahead(experiment, name, whole, 2, cluster) for name in strategies}
    assert {name: violations(rows) > 0 for name, rows in found.items()} == {"honest": False, "tomorrow": True}
    assert all(found[name].equals(expected[name]) for name in strategies)


def test_random_runs_are_those_of_this_process(cluster: DaskWorkers, tmp_path: Path) -> None:
    tables = frames(300, seed=2)
    days = tables.sessions["session"].unique().sort().to_list()
    entries = Span(prepare_strategy(loaded(tmp_path), "breakout", tables), days[40], days[-1])
    targets = Span(prepare_targets("pairs"), *SPAN)
    for here, there in (
        [random_entries(entries, entries=9, runs=21, seed=1, workers=each) for each in (IN_PROCESS, cluster)],
        [random_targets(targets, runs=21, seed=1, workers=each) for each in (IN_PROCESS, cluster)],
    ):
        np.testing.assert_array_equal(there.sharpes, here.sharpes)
        np.testing.assert_array_equal(there.trades, here.trades)
        assert len(np.unique(here.sharpes)) > 5


@pytest.mark.parametrize("settings", [SETTINGS, searching()], ids=["as configured", "tuned"])
def test_folds_are_those_of_this_process(settings: WalkForward, cluster: DaskWorkers) -> None:
    made = samples()
    folds = walk_forward(dates_of(made), settings)
    here, there = (
        run_model(made, folds, settings, name="m", seed=1, holdout_start=NO_HOLDOUT, workers=each)
        for each in (IN_PROCESS, cluster)
    )
    assert len(folds) > 2
    assert there.artifact == here.artifact
    assert there.version == here.version
    assert all(there.tables[table].equals(frame) for table, frame in here.tables.items())


def test_a_worker_with_other_libraries_is_refused(cluster: DaskWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_assets.parallel.dask_workers.identity", lambda: "numpy 0.1")
    with pytest.raises(WorkersError, match=r"a worker has Python .*numpy .*this run has numpy 0\.1"):
        cluster.map(where, None, [1])


def test_workers_that_are_gone_are_no_failure_of_a_strategy_and_are_connected_anew() -> None:
    workers = connected(1, None)
    assert connected(1, None) is workers
    with pytest.raises(TimeoutError, match="of its own"):
        workers.map(late, None, [1])
    with pytest.raises(WorkersError, match="a worker died or the scheduler no longer answers"):
        workers.map(dying, None, [1])
    workers.client.cluster.close()
    workers.client.close()
    with pytest.raises(WorkersError):
        workers.map(where, None, [1])
    again = connected(1, None)
    assert [item for item, _, _ in again.map(where, None, [5])] == [5]
    again.client.close()
    again.client.cluster.close()


def test_no_scheduler_is_an_error_with_its_address() -> None:
    with pytest.raises(WorkersError, match=r"scheduler tcp://127\.0\.0\.1:1: no worker answers"):
        connected(None, "tcp://127.0.0.1:1")


def test_identity_names_what_results_follow_from() -> None:
    assert {each.split()[0] for each in identity().split(", ")} == {
        "Python", "numpy", "polars", "numba", "scipy", "scikit-learn", "xgboost-cpu",
        "lightgbm", "catboost", "optuna", "trading_assets",
    }  # fmt: skip
