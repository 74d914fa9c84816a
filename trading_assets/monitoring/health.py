"""How everything is, in a list: each item is well, worth a look, or wrong, and says why."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.monitoring.alert_state import open_alerts
from trading_assets.monitoring.freshness_windows import window_of
from trading_assets.monitoring.rules.of_data import newest_sessions, sessions_missing
from trading_assets.monitoring.rules.of_machine import ledger
from trading_assets.monitoring.rules.of_runs import FAILURE, SUCCESS
from trading_assets.monitoring.rules.situation import Situation
from trading_assets.monitoring.run_metrics import waiting
from trading_assets.monitoring.tables import ALERTS, RUN_METRICS
from trading_assets.warehouse import WarehouseError
from trading_assets.warehouse.lock import holder_of

OK, WARNING, ERROR = "ok", "warning", "error"
_GIB = 2**30
_UNDER_WAY = ("STARTED", "STARTING", "QUEUED")
#: Seconds after which the last sign of a daemon is old.
_HEARTBEAT = 300.0


@dataclass(frozen=True)
class HealthItem:
    """An item: its name, `ok`, `warning` or `error`, and why."""

    item: str
    state: str
    detail: str


@dataclass(frozen=True)
class DaemonFact:
    """What Dagster knows of its daemon.

    Attributes
    ----------
    heartbeats
        Last sign of each of its parts, UTC.
    stopped
        Schedules and sensors that somebody has switched off.
    """

    heartbeats: Mapping[str, dt.datetime]
    stopped: Sequence[str] = ()


def health_of(situation: Situation, assets: Sequence[str], daemon: DaemonFact) -> list[HealthItem]:
    """Return every item.

    Parameters
    ----------
    situation, daemon
        How things are, and what is known of the daemon.
    assets
        Assets of the configuration, such as `features/daily`.
    """
    items = [*_warehouse(situation)]
    if items[0].state != ERROR:
        for part in (_last_run, _data, _alerts):
            items += part(situation)
        items += _assets(situation, assets)
    return [*items, *_schedules(situation, daemon), *_disk(situation), *_ledger(situation), *_noted(situation)]


def is_well(items: Sequence[HealthItem]) -> bool:
    """Return whether nothing is wrong; what is worth a look is not wrong."""
    return all(each.state != ERROR for each in items)


def _warehouse(situation: Situation) -> Iterator[HealthItem]:
    path = situation.warehouse.path
    if not path.exists():
        yield HealthItem("warehouse", WARNING, f"nothing has run yet: there is no {path}")
        return
    try:
        with situation.warehouse.opened() as connection:
            tables = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()[0][0]
        yield HealthItem("warehouse", OK, f"{path}: {tables} tables, {path.stat().st_size / 2**20:.0f} MiB")
    except (WarehouseError, OSError) as error:
        yield HealthItem("warehouse", ERROR, " ".join(str(error).split()))
    holder = holder_of(path)
    yield HealthItem("lock", OK, "nobody holds the warehouse" if holder is None else f"held by {holder}")


def _last_run(situation: Situation) -> Iterator[HealthItem]:
    ended = next((each for each in situation.runs if each.state in (FAILURE, SUCCESS)), None)
    if ended is None:
        yield HealthItem("last run", WARNING, "no run of this configuration has come to an end")
    else:
        when = f", ended {ended.ended_at:%Y-%m-%d %H:%M} UTC" if ended.ended_at else ""
        state = OK if ended.state == SUCCESS else ERROR
        yield HealthItem("last run", state, f"{ended.job} {ended.run_id[:8]}: {ended.state.lower()}{when}")
    going = [each for each in situation.runs if each.state in _UNDER_WAY]
    if going:
        yield HealthItem("under way", OK, ", ".join(f"{each.job} {each.run_id[:8]}" for each in going))


def _data(situation: Situation) -> Iterator[HealthItem]:
    fixed = situation.configuration.as_of
    for calendar, newest in newest_sessions(situation).items():
        missing = [] if fixed is not None else sessions_missing(calendar, newest, situation.now)
        said = f"newest bar of {newest}" + (f", {len(missing)} sessions are missing" if missing else "")
        state = OK if not missing else WARNING if len(missing) == 1 else ERROR
        yield HealthItem(f"bars {calendar}", state, said + (f" (as_of {fixed})" if fixed is not None else ""))


def _assets(situation: Situation, assets: Sequence[str]) -> Iterator[HealthItem]:
    """Each asset by the last run that left it as it should be; those that are fresh share a line."""
    window = window_of(situation.configuration)
    made = asset_ages(situation, assets)
    never = made.filter(pl.col("last").is_null())["asset"].to_list()
    if never:
        more = f" and {len(never) - 3} more" if len(never) > 3 else ""
        yield HealthItem("assets not made", WARNING, f"{', '.join(never[:3])}{more}: no run on record has made them")
    stale = made.filter(pl.col("age") >= window.stale) if window is not None else made.clear()
    late = made.filter(pl.col("age").is_between(window.warn, window.stale, "left")) if window is not None else stale
    for state, rows in ((ERROR, stale), (WARNING, late)):
        if rows.height:
            oldest = rows.sort("last").row(0, named=True)
            more = f", and {rows.height - 1} more" if rows.height > 1 else ""
            yield HealthItem("assets", state, f"{oldest['asset']} is of {oldest['last']:%Y-%m-%d %H:%M} UTC{more}")
    fresh = made.height - len(never) - stale.height - late.height
    yield HealthItem("assets fresh", OK, f"{fresh} of {made.height}")


def asset_ages(situation: Situation, assets: Sequence[str]) -> pl.DataFrame:
    """Return asset, when it was last made or found unchanged (`last`, UTC; null: never), and its age.

    Parameters
    ----------
    situation, assets
        How things are, and the assets.
    """
    done = situation.warehouse.read_or_empty(
        RUN_METRICS, columns=["step", "started_at"], where="outcome IN ('done', 'unchanged')"
    )
    last = done.group_by(asset="step").agg(last=pl.col("started_at").max())
    rows = pl.DataFrame({"asset": list(assets)}, schema={"asset": pl.String}).join(last, on="asset", how="left")
    return rows.with_columns(age=pl.lit(situation.now) - pl.col("last")).sort("asset")


def _alerts(situation: Situation) -> Iterator[HealthItem]:
    opened = open_alerts(situation.warehouse.read_or_empty(ALERTS)).values()
    if not opened:
        yield HealthItem("alerts", OK, "none is open")
    for each in sorted(opened, key=lambda alert: (alert.raised_at, alert.alert_id)):
        is_bad = each.severity == "error" and not each.acknowledged
        said = f"{each.alert_id}, since {each.raised_at:%Y-%m-%d %H:%M} UTC"
        said += ", acknowledged" if each.acknowledged else ""
        yield HealthItem(f"alert {each.rule}", ERROR if is_bad else WARNING, f"{each.subject} ({said})")


def _schedules(situation: Situation, daemon: DaemonFact) -> Iterator[HealthItem]:
    newest = max(daemon.heartbeats.values(), default=None)
    if newest is None:
        yield HealthItem("daemon", WARNING, "none has run here: nothing starts by itself (trading-assets ui)")
    elif (situation.now - newest).total_seconds() > _HEARTBEAT:
        yield HealthItem("daemon", ERROR, f"its last sign is of {newest:%Y-%m-%d %H:%M} UTC: nothing starts by itself")
    else:
        yield HealthItem("daemon", OK, f"alive at {newest:%H:%M:%S} UTC")
    if daemon.stopped:
        yield HealthItem("schedules", WARNING, f"switched off: {', '.join(sorted(daemon.stopped))}")
    else:
        yield HealthItem("schedules", OK, "all are on")


def _disk(situation: Situation) -> Iterator[HealthItem]:
    folder = situation.configuration.home
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    rule = situation.configuration.alerts.all_rules.get("disk")
    least = rule.threshold if rule is not None and rule.threshold is not None else 0.0
    state = ERROR if usage.free / _GIB < least else OK
    writable = os.access(folder, os.W_OK)
    said = f"{usage.free / _GIB:.1f} of {usage.total / _GIB:.1f} GiB are free"
    yield HealthItem("disk", state if writable else ERROR, said if writable else f"{folder} cannot be written; {said}")


def _ledger(situation: Situation) -> Iterator[HealthItem]:
    found = list(ledger(situation, 0.0))
    yield HealthItem("ledger", ERROR, found[0].message) if found else HealthItem("ledger", OK, "is what was written")


def _noted(situation: Situation) -> Iterator[HealthItem]:
    runs = waiting(situation.warehouse.path)
    if runs and not any(each.state in _UNDER_WAY for each in situation.runs):
        yield HealthItem("metrics", WARNING, f"figures of {runs} runs are not on record yet: they were killed")
