"""A year on a fast clock through the shipped schedules and sensors: what was decided on each day, and why.

Run by `python -m trading_assets_tests.benchmarks.watched_year [SESSIONS]`, which writes a picture and a table into
docs/watched-year.md. Every session its bars are delivered, and what is due by the clock happens: schedules are asked
at their times, what they request is run, sensors are asked after each run, as the daemon does. A person stands by who
takes the champion back when the losses of it raise an alarm, and lets it trade again when they are usual.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import yaml

from trading_assets import automation, charts
from trading_assets.asset_factories.table_asset import UNCHANGED
from trading_assets.config import Configuration, load_configuration
from trading_assets.definitions import build_definitions
from trading_assets.models.standing import champion_history, decide_by_hand
from trading_assets.models.tables import CHAMPIONS, FOLDS, LOSS_DRIFT
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.benchmarks.fast_clock import FastClock, ticks_of
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced
from trading_assets_tests.benchmarks.watched_market import PARTS, SETTINGS, YEAR, market
from trading_assets_tests.benchmarks.watched_year_picture import watched

PAGE = REPOSITORY / "docs" / "watched-year.md"
PICTURE = PAGE.with_suffix(".png")
MARKS = (
    "<!-- watched year: written by `make watched-year` -->",
    "<!-- /watched year -->",
)
QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
CHAMPION, FALLBACK = "week", "dull"
#: What a daily run computes here; on the first session of a month it is the whole shipped job. What judges a result,
#: the look-ahead audit first of all, takes half a minute, and decides nothing of what is watched.
DAILY = ("market_data", "features", "models", "strategies", "monitoring")
EVENTS: dict[str, Any] = {
    "at": pl.Datetime("us"),
    "session": pl.Date,
    "event": pl.String,
    "subject": pl.String,
    "detail": pl.String,
}


@dataclass
class WatchedYear:
    """A data folder that lives through a year.

    Attributes
    ----------
    folder
        An empty one.
    events
        What happened: time, newest session, event, of what, and why.
    """

    folder: Path
    instance: dg.DagsterInstance
    bars: pl.DataFrame = field(default_factory=market)
    events: list[tuple[dt.datetime, dt.date, str, str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    _cursors: dict[str, str | None] = field(default_factory=dict)
    _run_keys: set[str] = field(default_factory=set)
    _known: dict[str, Any] = field(default_factory=dict)

    @property
    def configuration(self) -> Configuration:
        """The configuration as it is loaded, once the file is there."""
        return load_configuration(self.folder / "watched.yaml", self.folder / "data")

    def live(self, sessions: int) -> None:
        """Go through some sessions of the year, from the first run of all history on."""
        (self.folder / "watched.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
        days = self.bars["session"].unique().sort()
        before = days.filter(days < YEAR)
        clock = FastClock(dt.datetime.combine(before[-1], dt.time(22, 30), dt.UTC))
        with clock.running():
            self._deliver(before[-1])
            self._run(clock, automation.EVERYTHING, None, {}, "the first run")
            until = days.filter(days >= YEAR)[sessions - 1]
            for tick, name in self._ticks(until):
                clock.moment = tick
                self._deliver(days.filter(days <= tick.date())[-1])
                self._scheduled(clock, name)

    def _deliver(self, until: dt.date) -> None:
        self.bars.filter(pl.col("session") <= until).write_csv(self.folder / "bars.csv")

    def _ticks(self, until: dt.date) -> Iterator[tuple[dt.datetime, str]]:
        """Times at which schedules are due, in order, as the shipped expressions say."""
        found = []
        for each in automation.build_schedules(self.configuration):
            crons = [each.cron_schedule] if isinstance(each.cron_schedule, str) else list(each.cron_schedule)
            found += [(tick, each.name) for tick in ticks_of(crons, YEAR, until)]
        yield from sorted(found)

    def _scheduled(self, clock: FastClock, name: str) -> None:
        repository = build_definitions(self.configuration).get_repository_def()
        with dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=clock.moment, repository_def=repository
        ) as context:
            tick = repository.get_schedule_def(name).evaluate_tick(context)
        for request in tick.run_requests or []:
            job = repository.get_schedule_def(name).job_name
            newest = days_until(self.bars, clock.moment)
            is_first = newest[-1].month != newest[-2].month
            self._requested(clock, request, job, name, None if is_first else DAILY)

    def _requested(
        self, clock: FastClock, request: dg.RunRequest, job: str, asked_by: str, stages: Sequence[str] | None = DAILY
    ) -> None:
        """Run what was requested, but what a request of the same key has run; then ask the sensors."""
        if request.run_key is not None:
            if request.run_key in self._run_keys:
                return
            self._run_keys.add(request.run_key)
        self._run(clock, job, request.partition_key, dict(request.tags), asked_by, stages)

    def _run(
        self,
        clock: FastClock,
        job: str,
        partition: str | None,
        tags: dict[str, str],
        asked_by: str,
        stages: Sequence[str] | None = None,
    ) -> None:
        configuration = self.configuration
        definitions = build_definitions(configuration)
        if partition is None:
            tags |= _all_months(configuration, clock.moment)
        began = time.perf_counter()
        whole = definitions.resolve_job_def(job)
        keys = [key for key in whole.asset_layer.executable_asset_keys if stages is None or key.path[0] in stages]
        made = whole.execute_in_process(
            instance=self.instance,
            partition_key=partition,
            tags=tags,
            raise_on_error=False,
            run_config=QUIET,
            asset_selection=keys,
        )
        self.seconds.append(time.perf_counter() - began)
        self._note(clock, configuration, made, job, asked_by)
        self._stand_by(clock, configuration)
        for name in ("feature_drift", "loss_drift"):
            self._ask(clock, configuration, name)

    def _ask(self, clock: FastClock, configuration: Configuration, name: str) -> None:
        sensor = next(each for each in automation.build_sensors(configuration) if each.name == name)
        with dg.build_sensor_context(instance=self.instance, cursor=self._cursors.get(name)) as context:
            tick = sensor.evaluate_tick(context)
        self._cursors[name] = tick.cursor or self._cursors.get(name)
        for request in tick.run_requests or []:
            whose = ", ".join(json.loads(tick.cursor or "{}").get("in_alarm", []))
            self._say(clock, "alarm", name, f"in alarm: {whose} ({request.run_key})")
            self._requested(clock, request, automation.RETRAIN, name)

    def _stand_by(self, clock: FastClock, configuration: Configuration) -> None:
        """The person: who is champion and whose losses are in alarm is taken back, once for each alarm."""
        warehouse = Warehouse(configuration.warehouse_path)
        drift = warehouse.read_or_empty(LOSS_DRIFT).sort("session")
        newest = dict(drift.group_by("model", maintain_order=True).last().select("model", "alarm").iter_rows())
        history = champion_history(warehouse, configuration, CHAMPION).history
        if not history or not newest.get(history[-1].candidate, False):
            return
        decided = decide_by_hand(
            warehouse,
            configuration,
            CHAMPION,
            action="promote",
            candidate=FALLBACK,
            by="on duty",
            reason=f"the losses of {history[-1].candidate} are in alarm",
            now=clock.moment.replace(tzinfo=None),
        )
        self._say(clock, "taken back", history[-1].candidate, decided.as_reason())

    def _say(self, clock: FastClock, event: str, subject: str, detail: str) -> None:
        session = days_until(self.bars, clock.moment)[-1]
        self.events.append((clock.moment.replace(tzinfo=None), session, event, subject, detail))

    def _note(
        self, clock: FastClock, configuration: Configuration, made: dg.ExecuteInProcessResult, job: str, by: str
    ) -> None:
        """Write down what a run has changed: failures, fits, decisions on the champion, alarms."""
        for each in made.get_step_failure_events():
            self._say(clock, "failed", each.node_name, _cause(each))
        if by not in ("daily_update", "the first run"):
            same = [each for each in made.all_events if _is_unchanged(each)]
            models = [each for each in same if each.asset_key and each.asset_key.path[0] == "models"]
            self._say(clock, "retrain", by, f"{len(models)} of the models' tables stay as they are")
        warehouse = Warehouse(configuration.warehouse_path)
        for name in configuration.models:
            folds = warehouse.read_or_empty(FOLDS, rows=Rows("model", name)).height
            if folds != self._known.get(f"folds of {name}"):
                self._say(clock, "train", name, f"fold {folds - 1}")
            self._known[f"folds of {name}"] = folds
        decided = warehouse.read_or_empty(CHAMPIONS, rows=Rows("model", CHAMPION)).sort("session", "candidate")
        self._known.setdefault("decisions", set())
        rows = [tuple(each) for each in decided.select("session", "cause", "candidate", "decision", "reason").rows()]
        for row in rows:
            if row not in self._known["decisions"]:
                session, cause, candidate, decision, reason = row
                self._say(clock, decision, candidate, f"{session}, {cause}: {reason}")
        self._known["decisions"] |= set(rows)


def days_until(bars: pl.DataFrame, moment: dt.datetime) -> pl.Series:
    """Return the sessions of bars that have begun at a time, ascending."""
    days = bars["session"].unique().sort()
    return days.filter(days <= moment.date())


def _cause(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return "" if error is None else error.message.strip()


def _is_unchanged(event: dg.DagsterEvent) -> bool:
    if event.event_type != dg.DagsterEventType.ASSET_OBSERVATION:
        return False
    return UNCHANGED in event.asset_observation_data.asset_observation.metadata


def _all_months(configuration: Configuration, moment: dt.datetime) -> dict[str, str]:
    from trading_assets.asset_factories.partitions import monthly_partitions

    with dg.partition_loading_context(moment):
        months = monthly_partitions(configuration).get_partition_keys()
    return {"dagster/asset_partition_range_start": months[0], "dagster/asset_partition_range_end": months[-1]}


def curves_of(warehouse: Warehouse) -> pl.DataFrame:
    """Return the mean log loss of ten sessions of each model from the year on: name, session, value."""
    drift = warehouse.read(LOSS_DRIFT).filter(pl.col("model") != CHAMPION).sort("model", "session")
    mean = pl.col("loss").rolling_mean(10).over("model")
    return drift.select(pl.col("model").alias("name"), "session", mean.alias("value"))


def table_of(events: pl.DataFrame) -> list[str]:
    """Return the rows of the page: what changed in the year, and what it followed from."""
    shown = events.filter(pl.col("event").is_in(["alarm", "retrain", "taken back", "champion", "failed"]))
    lines = ["| session | what | whose | why |", "|---|---|---|---|"]
    for session, event, subject, detail in shown.select("session", "event", "subject", "detail").iter_rows():
        lines.append(f"| {session} | {event} | `{subject}` | {detail} |")
    return lines


def of_the_year(events: pl.DataFrame) -> pl.DataFrame:
    """Leave out what was before the year, refits that kept the champion, and the weekly run that found nothing."""
    is_weekly = (pl.col("event") == "retrain") & (pl.col("subject") == "weekly_retrain")
    is_same = pl.col("detail").str.contains("stays champion")
    return events.filter(pl.col("session") >= YEAR, ~is_weekly, ~is_same)


def parts_of(last: dt.date) -> pl.DataFrame:
    """Return the parts of the market's life within the year, up to a day: name, start, end."""
    starts = [max(first, YEAR) for _, first in PARTS]
    ends = [min(each, last) for each in (*starts[1:], last)]
    found = pl.DataFrame({"name": [name for name, _ in PARTS], "start": starts, "end": ends})
    return found.filter(pl.col("start") < pl.col("end"))


def write_page(year: WatchedYear) -> None:
    """Write picture and table into the documentation."""
    events = of_the_year(pl.DataFrame(year.events, schema=EVENTS, orient="row"))
    delivered = pl.read_csv(year.folder / "bars.csv", try_parse_dates=True)["session"]
    lived = days_until(year.bars, dt.datetime.combine(delivered.max(), dt.time()))  # type: ignore[arg-type]
    lived = lived.filter(lived >= YEAR)
    parts = parts_of(lived[-1])
    marked = events.filter(pl.col("event").is_in(["alarm", "taken back", "champion"]))
    said = pl.col("event").replace_strict({"alarm": "alarm", "taken back": "back", "champion": "now"})
    marks = marked.select(
        "session",
        label=said + " " + pl.col("subject").replace("loss_drift", "").replace("feature_drift", "(features)"),
        is_alarm=pl.col("event") == "alarm",
    )
    curves = curves_of(Warehouse(year.configuration.warehouse_path))
    title = "A year watched: log loss of both models"
    PICTURE.write_bytes(charts.png(watched(curves, parts, marks, title, "mean of ten sessions")))
    PAGE.write_text(
        replaced(
            PAGE.read_text(encoding="utf-8"),
            *MARKS,
            "\n".join([f"{len(lived)} sessions, to {lived[-1]}:", "", *table_of(events)]),
        ),
        encoding="utf-8",
    )


def main(sessions: str = "250") -> None:
    """Live through the year, write the page, and print what happened."""
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.ephemeral() as instance:
        year = WatchedYear(Path(folder), instance)
        year.live(int(sessions))
        for each in year.events:
            print(*each, sep=" | ")
        write_page(year)
        print(f"{len(year.seconds)} runs, {sum(year.seconds):.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
