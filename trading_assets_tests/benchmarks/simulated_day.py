"""A day of the simulated year, in processes of its own: a run under a fault, and a look of the daemon at it."""

from __future__ import annotations

import datetime as dt
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from trading_assets import automation
from trading_assets.config import Configuration, load_configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.definitions import build_definitions
from trading_assets.features.tables import DAILY
from trading_assets.market_data import calendars
from trading_assets.monitoring.automation import situation_of
from trading_assets.monitoring.look import look_and_tell
from trading_assets.monitoring.tables import ALERTS
from trading_assets.runs.ended import end_gone_runs
from trading_assets.runs.marked import PROCESS_TAG
from trading_assets.runs.processes import this_process
from trading_assets.terminal_run import dagster_instance
from trading_assets.warehouse import Warehouse, WarehouseError
from trading_assets_tests.benchmarks.fast_clock import FastClock
from trading_assets_tests.daily_bars import daily_bars

START, FIRST, END = dt.date(2015, 1, 2), dt.date(2016, 10, 3), dt.date(2017, 9, 29)
STAGES = ("market_data", "features", "models", "strategies", "monitoring")
#: Bytes to which a file may grow where the disk is full: the warehouse is larger.
_FULL = 200_000
#: What the answer of a look begins with that failed: the tick fails, which Dagster shows, and nobody is told.
NO_LOOK = "no look: "
SETTINGS: dict[str, Any] = {
    "name": "year",
    "seed": 7,
    "start": "2015-01-01",
    "market_data": [{"source": "files", "asset_class": "equity", "path": "bars.csv"}],
    "benchmarks": {"equity": "IDX"},
    "splits": {
        "train": ["2015-06-01", "2016-03-31"],
        "validation": ["2016-04-01", "2016-09-30"],
        "holdout": ["2016-10-03", "2017-09-29"],
    },
    "strategies": {"trend": {"type": "equity_momentum"}},
    "lifecycle": {"bars": {"hot_months": 6}, "features": {"hot_months": 6}},
    "reports": {"data_docs": False},
}


def market(symbols: int, seed: int = 3) -> pl.DataFrame:
    """Return daily bars of an index and some symbols that go nowhere, from before the year to its end."""
    days, rng = calendars.sessions("XNYS", START, END), np.random.default_rng(seed)
    frames = []
    for name in ("IDX", *(f"S{number:02d}" for number in range(symbols))):
        closes = 100 * np.exp(np.cumsum(rng.normal(0.0002, 0.01, len(days))))
        opens = closes * np.exp(rng.normal(0, 0.002, len(days)))
        frames.append(daily_bars(name, days, opens, closes, rng.uniform(5e6, 1e7, len(days)).round()))
    return pl.concat(frames)


def configuration_of(folder: Path) -> Configuration:
    """Return the configuration of a folder in which a year is lived."""
    return load_configuration(folder / "year.yaml", folder / "data")


@contextmanager
def _faulty(fault: str) -> Iterator[None]:
    """Let a fault of the machine happen in this process; no other one is touched."""
    if fault in ("killed run", "host restart"):
        timer = threading.Timer(2.0, lambda: os.kill(os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    if fault == "disk full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (_FULL, _FULL))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield


def run_day(answer: SimpleQueue[str], folder: Path, moment: dt.datetime, fault: str) -> None:
    """Make the run of a day at a time of the clock; `answer` gets why it failed, or nothing.

    Parameters
    ----------
    answer, folder
        Where to say how it ended, and the folder of the year.
    moment, fault
        Time, UTC, and the fault that this process has, if it has one.
    """
    configuration, clock = configuration_of(folder), FastClock(moment)
    mark = this_process()._replace(boot="another") if fault == "host restart" else this_process()
    tags = {CONFIGURATION_TAG: configuration.name, PROCESS_TAG: str(mark)}
    is_first = not configuration.warehouse_path.exists()
    tags |= {
        "dagster/asset_partition_range_start": "2015-01-01" if is_first else f"{moment:%Y-%m-01}",
        "dagster/asset_partition_range_end": f"{moment:%Y-%m-01}",
    }
    job = build_definitions(configuration).resolve_job_def(automation.DAILY_UPDATE)
    keys = [key for key in job.asset_layer.executable_asset_keys if key.path[0] in STAGES]
    said = ""
    with dagster_instance(configuration) as instance, clock.running(), _faulty(fault):
        try:
            made = job.execute_in_process(
                instance=instance,
                tags=tags,
                raise_on_error=False,
                asset_selection=keys,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            said = "" if made.success else "the run failed"
        except Exception as error:
            said = f"{type(error).__name__}: {error}".splitlines()[0]
    answer.put(said)


def look(answer: SimpleQueue[list[str]], folder: Path, moment: dt.datetime) -> None:
    """Look as the daemon does; `answer` gets what is new: source and subject of each alert.

    Parameters
    ----------
    answer, folder, moment
        Where to say it, the folder of the year, and the time, UTC.
    """
    configuration, now = configuration_of(folder), moment.replace(tzinfo=None)
    try:
        warehouse = Warehouse(configuration.warehouse_path, wait_seconds=20)
        before = warehouse.read_or_empty(ALERTS).height
        checks = build_definitions(configuration).resolve_asset_graph().asset_check_keys
        with dagster_instance(configuration) as instance:
            end_gone_runs(instance, configuration, lambda: moment)
            look_and_tell(situation_of(configuration, instance, now, checks))
        rows = warehouse.read(ALERTS) if warehouse.read_or_empty(ALERTS).height else ALERTS.empty()
        news = rows.tail(rows.height - before) if rows.height > before else rows.clear()
        raised = news.filter(pl.col("state").is_null() | (pl.col("state") == "raised"))
        answer.put([f"{source.removeprefix('rule ')}" for source in raised["source"]])
    except (WarehouseError, dg.DagsterError) as error:
        answer.put([f"{NO_LOOK}{str(error).splitlines()[0]}"])


def newest(answer: SimpleQueue[str], folder: Path) -> None:
    """Say the newest session that has features, as what decides in the morning sees it."""
    try:
        rows = Warehouse(configuration_of(folder).warehouse_path, wait_seconds=20).read(DAILY, columns=["session"])
        answer.put(str(rows["session"].max()))
    except WarehouseError as error:
        answer.put(str(error).splitlines()[0])
