"""How everything is, in a list: each item is well, worth a look, or wrong, and says why."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from trading_assets.monitoring.alert_state import open_alerts
from trading_assets.monitoring.freshness_windows import window_of
from trading_assets.monitoring.rules.of_data import staleness
from trading_assets.monitoring.rules.of_machine import ledger
from trading_assets.monitoring.rules.of_runs import SUCCESS, last_ended
from trading_assets.monitoring.rules.situation import Situation
from trading_assets.monitoring.run_metrics import waiting
from trading_assets.monitoring.tables import ALERTS, RUN_METRICS
from trading_assets.warehouse import LockedError, WarehouseError
from trading_assets.warehouse.lock import holder_of

OK, WARNING, ERROR = "ok", "warning", "error"
_GIB = 2**30
_UNDER_WAY = ("STARTED", "STARTING", "QUEUED")
#: After which the last sign of a daemon is old.
_HEARTBEAT = dt.timedelta(minutes=5)
#: Schemas that the looks of rules write to as well as runs do.
_NOT_OF_RUNS = ("monitoring", "meta")


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
    required
        Parts that it has to have.
    """

    heartbeats: Mapping[str, dt.datetime]
    stopped: Sequence[str] = ()
    required: Sequence[str] = ()


def health_of(situation: Situation, assets: Sequence[str], daemon: DaemonFact) -> list[HealthItem]:
    """Return every item.

    Parameters
    ----------
    situation, daemon
        How things are, and what is known of the daemon.
    assets
        Assets of the configuration, such as `features/daily`.
    """
    warehouse = list(_warehouse(situation))
    items = [*warehouse, *_last_run(situation)]
    if all(each.state == OK for each in warehouse) or not situation.warehouse.path.exists():
        for part in (_data, _alerts, partial(_assets, assets=assets)):
            items += _while_free(situation, part)
    return [*items, *_schedules(situation, daemon), *_disk(situation), *_ledger(situation), *_noted(situation)]


def is_well(items: Sequence[HealthItem]) -> bool:
    """Return whether nothing is wrong; what is worth a look is not wrong."""
    return all(each.state != ERROR for each in items)


def _warehouse(situation: Situation) -> Iterator[HealthItem]:
    path = situation.warehouse.path
    have_run = any(each.state == SUCCESS for each in situation.runs)
    if not path.exists():
        said = (
            f"runs have succeeded, and there is no {path}" if have_run else f"nothing has run yet: there is no {path}"
        )
        yield HealthItem("warehouse", ERROR if have_run else WARNING, said)
        return
    try:
        with situation.warehouse.opened() as connection:
            schemas = [row[0] for row in connection.execute("SELECT schema_name FROM duckdb_tables()").fetchall()]
        if have_run and set(schemas) <= set(_NOT_OF_RUNS):
            yield HealthItem("warehouse", ERROR, f"runs have succeeded, and {path} has nothing that they left")
        else:
            size = path.stat().st_size / 2**20
            yield HealthItem("warehouse", OK, f"{path}: {len(schemas)} tables, {size:.0f} MiB")
    except LockedError as error:  # a run writes: nothing is wrong, and nothing of it can be looked at
        yield HealthItem("warehouse", WARNING, " ".join(str(error).split()))
    except (WarehouseError, OSError) as error:
        yield HealthItem("warehouse", ERROR, " ".join(str(error).split()))
    holder = holder_of(path)
    yield HealthItem("lock", OK, "nobody holds the warehouse" if holder is None else f"held by {holder}")


def _while_free(situation: Situation, part: Callable[[Situation], Iterator[HealthItem]]) -> list[HealthItem]:
    """What a part finds in the warehouse; nothing but a warning where a run has begun to write to it meanwhile."""
    try:
        return list(part(situation))
    except LockedError as error:
        return [HealthItem("warehouse", WARNING, " ".join(str(error).split()))]


def _last_run(situation: Situation) -> Iterator[HealthItem]:
    """The newest run that has ended, and each job whose last one has failed, whatever has succeeded since."""
    ended = list(last_ended(situation.runs).values())
    if not ended:
        yield HealthItem("last run", WARNING, "no run of this configuration has come to an end")
    failed = [each for each in ended if each.state != SUCCESS]
    for each in failed or ended[:1]:
        when = f", ended {each.ended_at:%Y-%m-%d %H:%M} UTC" if each.ended_at else ""
        state = OK if each.state == SUCCESS else ERROR
        yield HealthItem("last run", state, f"{each.job} {each.run_id[:8]}: {each.state.lower()}{when}")
    going = [each for each in situation.runs if each.state in _UNDER_WAY]
    if going:
        yield HealthItem("under way", OK, ", ".join(f"{each.job} {each.run_id[:8]}" for each in going))


def _data(situation: Situation) -> Iterator[HealthItem]:
    fixed = situation.configuration.as_of
    for calendar, found in staleness(situation, 1).items():
        if fixed is not None:
            yield HealthItem(f"bars {calendar}", OK, f"newest bar of {found.newest} (as_of {fixed})")
            continue
        is_bad = found.missing > 1 or found.are_too_many_behind
        state = ERROR if is_bad else WARNING if found.missing or found.behind else OK
        yield HealthItem(f"bars {calendar}", state, str(found).removeprefix("the "))


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
    signs = {name: daemon.heartbeats.get(name) for name in {*daemon.heartbeats, *daemon.required}}
    if daemon.required:
        signs = {name: signs[name] for name in daemon.required}
    beats = {name: at for name, at in signs.items() if at is not None}
    newest = max(beats.values(), default=None)
    if newest is None:
        yield HealthItem("daemon", WARNING, "none has run here: nothing starts by itself (trading-assets ui)")
    elif situation.now - newest > _HEARTBEAT:
        said = f"its last sign is of {newest:%Y-%m-%d %H:%M} UTC"
        if _is_run_otherwise(situation, newest):
            yield HealthItem("daemon", WARNING, f"{said}; since then runs have been started otherwise, as by cron")
        else:
            yield HealthItem("daemon", ERROR, f"{said}: nothing starts by itself")
    elif silent := sorted(name for name, at in beats.items() if situation.now - at > _HEARTBEAT):
        last = min(beats[name] for name in silent)
        said = f"{', '.join(silent)}: no sign since {last:%Y-%m-%d %H:%M} UTC"
        yield HealthItem("daemon", ERROR, f"{said}, other parts are alive: restart it")
    elif missing := sorted(signs.keys() - beats.keys()):
        yield HealthItem("daemon", WARNING, f"no sign yet of {', '.join(missing)}: it begins, or is to be restarted")
    else:
        yield HealthItem("daemon", OK, f"alive at {min(beats.values()):%H:%M:%S} UTC")
    if daemon.stopped:
        yield HealthItem("schedules", WARNING, f"switched off: {', '.join(sorted(daemon.stopped))}")
    else:
        yield HealthItem("schedules", OK, "all are on")


def _is_run_otherwise(situation: Situation, since: dt.datetime) -> bool:
    """Whether something else starts runs where the daemon gives no sign: one came after it, and not long ago."""
    window = window_of(situation.configuration)
    last = max((each.started_at for each in situation.runs if each.started_at is not None), default=None)
    if last is None or last <= since:
        return False
    return window is None or situation.now - last < window.warn


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
