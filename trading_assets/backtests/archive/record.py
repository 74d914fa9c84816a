"""Rows of the archive of runs: added at the end of a run, found by a name that a person gives, retired in time."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping

import polars as pl

from trading_assets.backtests.archive.frames import FrameStore
from trading_assets.backtests.archive.kept import kept_of
from trading_assets.backtests.archive.tables import RUN_ARCHIVE, RUN_CONFIGURATIONS
from trading_assets.config import ConfigurationError
from trading_assets.config.runs import Runs
from trading_assets.warehouse.slices import Rows
from trading_assets.warehouse.warehouse import Warehouse

LATEST, PREVIOUS = "latest", "previous"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SHOWN = 5


def add_run(warehouse: Warehouse, rows: pl.DataFrame, configuration: Mapping[str, str]) -> None:
    """Put a run on record, or what it is now if its step ran twice; called while the frames are held.

    Parameters
    ----------
    warehouse
        Warehouse of the run.
    rows
        Rows of `backtests.run_archive`, of one run.
    configuration
        Texts of configurations by their hashes.
    """
    texts = pl.DataFrame(
        {"config": list(configuration), "text": list(configuration.values())}, schema=RUN_CONFIGURATIONS.empty().schema
    )
    known = warehouse.read_or_empty(RUN_CONFIGURATIONS, columns=["config"])
    new = texts.join(known, on="config", how="anti")
    if new.height:
        warehouse.append_new(RUN_CONFIGURATIONS, new)
    warehouse.replace(Rows("run_id", rows["run_id"][0]), {RUN_ARCHIVE: rows})


def retire(warehouse: Warehouse, store: FrameStore, settings: Runs, now: dt.datetime) -> list[str]:
    """Take runs out that are old, or too many, with the files that no other one names; the newest two stay.

    Parameters
    ----------
    warehouse, store
        Where the rows and the frames are, held.
    settings
        Section `runs`: how long and how many are kept.
    now
        Time, UTC.

    Returns
    -------
    Ids of the runs.
    """
    runs = runs_in_order(warehouse.read_or_empty(RUN_ARCHIVE, columns=["run_id", "archived_at"]))
    oldest = now - dt.timedelta(days=settings.keep_results_days)
    too_many = max(runs.height - settings.keep_results_runs, 0)
    places = pl.int_range(pl.len())
    gone = runs.filter(((pl.col("archived_at") < oldest) | (places < too_many)) & (places < runs.height - 2))[
        "run_id"
    ].to_list()
    if not gone:
        return []
    for run_id in gone:
        warehouse.replace(Rows("run_id", run_id), {RUN_ARCHIVE: RUN_ARCHIVE.empty()})
    left = warehouse.read_or_empty(RUN_ARCHIVE, columns=["tables"])["tables"].unique()
    live: dict[str, set[str]] = {}
    for text in left:
        for table, each in kept_of(text).items():
            live.setdefault(table, set()).update(each.files.values())
    store.sweep(live, warehouse.wait_seconds)
    return gone


def runs_in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Return run_id and archived_at of each run, the newest last."""
    return rows.group_by("run_id").agg(pl.col("archived_at").max()).sort("archived_at", "run_id")


def find_run(rows: pl.DataFrame, name: str) -> str:
    """Return the id of the run that a person means.

    Parameters
    ----------
    rows
        Rows of `backtests.run_archive`.
    name
        ``latest``, ``previous``, the beginning of an id, or a day, of which the last run is meant.

    Raises
    ------
    ConfigurationError
        There is no such run, or there are several.

    Examples
    --------
    >>> at = [dt.datetime(2024, 2, day) for day in (1, 2)]
    >>> rows = pl.DataFrame({"run_id": ["a1", "b2"], "archived_at": at})
    >>> [find_run(rows, name) for name in ("latest", "previous", "2024-02-01", "b")]
    ['b2', 'a1', 'a1', 'b2']
    """
    runs = runs_in_order(rows)
    ids = runs["run_id"].to_list()
    if not ids:
        raise ConfigurationError("no run has been kept yet\n  what to do: trading-assets run")
    if name in (LATEST, PREVIOUS):
        place = -1 if name == LATEST else -2
        if len(ids) < -place:
            raise ConfigurationError(f"there is no {name} run\n  found: one run, {ids[0]}")
        return str(ids[place])
    if _DAY.fullmatch(name):
        of_day = runs.filter(pl.col("archived_at").dt.strftime("%Y-%m-%d") == name)["run_id"]
        if of_day.is_empty():
            days = runs["archived_at"].dt.strftime("%Y-%m-%d").unique().sort()
            raise ConfigurationError(f"no run was kept on {name}\n  found: {', '.join(days.tail(_SHOWN))}")
        return str(of_day[-1])
    found = [each for each in ids if name and each.startswith(name)]
    if len(found) != 1:
        what = f"{len(found)} runs begin with {name!r}" if found else f"no kept run {name!r}"
        shown = ", ".join((found or ids)[-_SHOWN:])
        raise ConfigurationError(
            f"{what}\n  expected: latest, previous, a day, or the beginning of one id\n  found: {shown}"
        )
    return str(found[0])


def configuration_text(warehouse: Warehouse, config: str) -> dict[str, object]:
    """Return what `backtests.run_configurations` has of a configuration: ``values`` by key path, and it as a whole.

    Raises
    ------
    ConfigurationError
        It is not on record.
    """
    found = warehouse.read_or_empty(RUN_CONFIGURATIONS, where="config = ?", parameters=[config])
    if found.is_empty():
        raise ConfigurationError(f"no configuration {config} is on record")
    text: dict[str, object] = json.loads(found["text"][0])
    return text
