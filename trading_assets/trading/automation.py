"""What running accounts do by themselves: jobs, schedules by the hours of each market, and a sensor for late bars.

They are there for accounts that are at work when the definitions are loaded; each tick asks which of them still are.
They read the protocol and Dagster's event metadata, never the warehouse; the calendar of a market is asked when a
schedule ticks, not when it is defined.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import dagster as dg

from trading_assets.asset_factories.partitions import monthly_partitions, range_tags
from trading_assets.config import Configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.market_data.deliveries import first_to_read
from trading_assets.market_data.local_hours import local_hours
from trading_assets.trading.assets import LAST_SESSION
from trading_assets.trading.brokers.deadlines import next_deadline
from trading_assets.trading.closing.close import accounts_at_work
from trading_assets.trading.opening import Opening
from trading_assets.trading.session_times import (
    PHASES,
    Phase,
    crons_of,
    hours_between,
    offset_of,
    session_of,
)

_DESCRIPTIONS: Mapping[Phase, str] = {
    "after_close": "Bars, and all that running accounts follow from: decisions, fills, sheets; live against promise.",
    "before_open": "The sheets of running accounts: checked again, and what is ready is sent once.",
    "after_open": "Fills of running accounts, held to what the engine booked.",
}
_NONE, _LOOK_BACK = dt.timedelta(), dt.timedelta(days=14)
_UNDER_WAY = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)


def job_of(phase: Phase) -> str:
    """Return the name of the job of a phase."""
    return f"trading_{phase}"


def build_jobs(configuration: Configuration) -> list[dg.UnresolvedAssetJobDefinition]:
    """Return a job a phase; none where no account is at work."""
    names = list(accounts_at_work(configuration))
    if not names:
        return []
    return [
        dg.define_asset_job(
            job_of(phase),
            selection=_selection(phase, names),
            description=_DESCRIPTIONS[phase],
            tags={CONFIGURATION_TAG: configuration.name} | configuration.runs.tags(job_of(phase)),
        )
        for phase in PHASES
    ]


def build_schedules(configuration: Configuration) -> list[dg.ScheduleDefinition]:
    """Return a schedule a phase for each calendar that an account at work trades on."""
    opened = accounts_at_work(configuration)
    found = []
    for calendar in sorted({each for opening in opened.values() for each in calendars_of(opening)}):
        names = [name for name, opening in opened.items() if calendar in calendars_of(opening)]
        for phase in PHASES:
            if crons_of(phase, calendar, configuration.accounts):
                found.append(_schedule(configuration, phase, calendar, names))
    return found


def calendars_of(opening: Opening) -> list[str]:
    """Return the calendars that an account trades on."""
    return sorted({calendar for _, calendar, _ in opening.universe.values()})


def _selection(phase: Phase, names: Sequence[str]) -> dg.AssetSelection:
    asset = "fills" if phase == "after_open" else "orders"
    own = dg.AssetSelection.assets(*(_key(asset, name) for name in names))
    if phase != "after_close":
        return own
    judged = dg.AssetSelection.assets(*(_key("divergence", name) for name in names))  # the gate of a step waits for it
    return own.upstream() | judged


def _key(asset: str, strategy: str) -> dg.AssetKey:
    return dg.AssetKey(["trading", asset, strategy])


def _schedule(configuration: Configuration, phase: Phase, calendar: str, names: Sequence[str]) -> dg.ScheduleDefinition:
    crons = crons_of(phase, calendar, configuration.accounts)
    of_calendar = re.sub(r"[^a-z0-9]", "_", calendar.lower())

    @dg.schedule(
        name=f"{job_of(phase)}_{of_calendar}",
        cron_schedule=crons if len(crons) > 1 else crons[0],
        job_name=job_of(phase),
        execution_timezone=local_hours(calendar).zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{_DESCRIPTIONS[phase]} By the hours of {calendar}.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = session_of(phase, calendar, context.scheduled_execution_time, configuration.accounts)
        if tick.session is None:
            return dg.SkipReason(tick.why)
        if configuration.as_of is not None and tick.session > configuration.as_of:
            return dg.SkipReason(f"as_of is fixed at {configuration.as_of}: nothing newer will be used")
        working = _at_work(configuration, names)
        working = {name: opening for name, opening in working.items() if calendar in calendars_of(opening)}
        if not working:
            return dg.SkipReason(f"no account of {', '.join(names)} is at work on {calendar} any more")
        return _request(configuration, phase, list(working), tick.session, f"{calendar}-{tick.session}")

    return schedule


def _at_work(configuration: Configuration, names: Iterable[str]) -> dict[str, Opening]:
    """The accounts of some strategies that are at work now, whichever were when the definitions were loaded."""
    now = accounts_at_work(configuration)
    return {name: now[name] for name in names if name in now}


def _request(
    configuration: Configuration, phase: Phase, names: Sequence[str], session: dt.date, key: str
) -> dg.RunRequest | dg.SkipReason:
    """What asks for a run: all that accounts follow from for the month of a session, or the assets of accounts."""
    if phase != "after_close":
        asset = "fills" if phase == "after_open" else "orders"
        return dg.RunRequest(run_key=f"{phase}-{key}", asset_selection=[_key(asset, name) for name in names])
    month = session.replace(day=1).isoformat()
    with dg.partition_loading_context(dt.datetime.combine(session, dt.time(), dt.UTC)):
        is_there = month in monthly_partitions(configuration).get_partition_keys()
    if not is_there:
        return dg.SkipReason(f"no month of {session} has begun since {configuration.start}")
    first = first_to_read(configuration, month)
    if first == month:
        return dg.RunRequest(run_key=f"{phase}-{key}", partition_key=month)
    return dg.RunRequest(run_key=f"{phase}-{key}", tags=range_tags(first, month))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def build_sensors(configuration: Configuration, clock: Callable[[], dt.datetime] = _now) -> list[dg.SensorDefinition]:
    """Return the sensor that asks again for bars that are late; none where no account is at work.

    Parameters
    ----------
    configuration, clock
        Configuration, and what tells the time, UTC.
    """
    names = list(accounts_at_work(configuration))
    if not names:
        return []
    settings, grace = configuration.accounts, dt.timedelta(minutes=configuration.trading.late_minutes)

    @dg.sensor(
        name="trading_late_bars",
        job_name=job_of("after_close"),
        minimum_interval_seconds=60 * settings.retry_minutes,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for bars that are late, up to the open; what comes after it sends no entry.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now, why = clock(), []
        if configuration.as_of is not None:
            return dg.SkipReason(f"as_of is fixed at {configuration.as_of}: no bar is waited for")
        for name, opening in _at_work(configuration, names).items():
            published = _published(context.instance, name)
            for calendar in calendars_of(opening):
                session = awaited(calendar, now, configuration)
                if session is None or session < opening.session or (published is not None and published >= session):
                    continue
                if any(_comes(other, session, now, configuration) for other in calendars_of(opening)):
                    continue  # it is decided once it is over on all of them
                opens, until = (
                    next_deadline(calendar, session, late).replace(tzinfo=dt.UTC) for late in (_NONE, grace)
                )
                if until <= now:
                    why.append(
                        f"{opening.account}: session {session} of {calendar} is not decided, and it opened again at "
                        f"{opens:%H:%M} UTC: no entry of it is sent"
                    )
                    continue
                filters = dg.RunsFilter(job_name=job_of("after_close"), statuses=_UNDER_WAY)
                if context.instance.get_runs(filters, limit=1):
                    return dg.SkipReason(f"{opening.account}: a run that may bring session {session} is under way")
                slot = int(now.timestamp()) // (60 * settings.retry_minutes)
                asked = _request(configuration, "after_close", [name], session, f"{calendar}-{session}-again-{slot}")
                context.log.info(f"{opening.account}: session {session} of {calendar} is late, it is asked for again")
                return asked
        return dg.SkipReason("; ".join(why) or "no session is late")

    return [sensor]


def awaited(calendar: str, now: dt.datetime, configuration: Configuration) -> dt.date | None:
    """Return the last session whose bars should be there; None: there is none within two weeks.

    Parameters
    ----------
    calendar, now, configuration
        Calendar, time (UTC), and the configuration. A first attempt has been made by then.
    """
    late = _asked_after(calendar, configuration)
    today = now.date()
    rows = hours_between(calendar, today - _LOOK_BACK, today + dt.timedelta(days=1)).iter_rows()
    found: list[dt.date] = [session for session, _, closes in rows if closes + late <= now]
    return found[-1] if found else None


def _asked_after(calendar: str, configuration: Configuration) -> dt.timedelta:
    """How long after a close bars are asked for again."""
    offset = offset_of("after_close", calendar, configuration.accounts) or 0
    return dt.timedelta(minutes=offset + configuration.accounts.retry_minutes)


def _comes(calendar: str, session: dt.date, now: dt.datetime, configuration: Configuration) -> bool:
    """Whether bars of a session of a calendar cannot be late yet."""
    late = _asked_after(calendar, configuration)
    return any(closes + late > now for closes in hours_between(calendar, session, session)["closes"])


def _published(instance: dg.DagsterInstance, strategy: str) -> dt.date | None:
    """The last session that an account has published, by what its last materialisation says; None: none."""
    event = instance.get_latest_materialization_event(_key("account", strategy))
    made = event.asset_materialization if event is not None else None
    said = made.metadata.get(LAST_SESSION) if made is not None else None
    try:
        return dt.date.fromisoformat(str(said.value)) if said is not None else None
    except ValueError:  # none is published yet
        return None
