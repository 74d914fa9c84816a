"""A run from a terminal: the job that the Dagster UI would launch, with progress and errors for people."""

from __future__ import annotations

import datetime as dt
import fcntl
import logging
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.errors import DagsterAssetCheckFailedError, DagsterExecutionInterruptedError
from dagster._core.execution.api import (
    execute_run_iterator,
)  # streams events; dg.execute_job tells only the end
from dagster_shared.error import SerializableErrorInfo

from trading_assets import definitions
from trading_assets.asset_factories.partitions import monthly_partitions, range_tags
from trading_assets.asset_factories.table_asset import COMPLETED, CONSEQUENCE, RECOMPUTE_TAG, UNCHANGED
from trading_assets.cli_errors import known_cause
from trading_assets.config import Configuration
from trading_assets.config.runs import AT_A_TERMINAL, CONFIGURATION_TAG
from trading_assets.definitions import TERMINAL
from trading_assets.event_log import events_in_batches, open_instance
from trading_assets.garbage import loaded_code_left_alone, rare_collections
from trading_assets.machine_code_ahead import compile_ahead, parts_of
from trading_assets.run_outcome import RunOutcome, RunProgress
from trading_assets.runs.ended import end_gone_runs
from trading_assets.runs.home import write_settings
from trading_assets.runs.retention import remove_old_runs

#: Checks whose failure is one of a step, which says it in words.
TOLD_BY_THE_STEP = frozenset({"nothing_looks_ahead", "every_strategy_completed"})
#: Of the reports, those that are of all strategies.
OF_ALL = ("index", "expectations", "models", "run")
REALITY_CHECK = "reality_check"
#: Selects the order sheets of running accounts with what of a new session they follow from.
SHEETS = "trading/orders"
#: Stages that a sheet asks for what is on record of them.
OF_THE_PAST = ("backtests", "robustness")
#: How Dagster begins what an error of ours says; that says what is wrong without its class.
OWN_ERROR = re.compile(r"^(trading_assets\.[\w.]+|dagster\._core[\w.]*\.Failure): ")
#: Old runs that are removed by a run: a daemon, where there is one, removes more.
MOST_REMOVED = 20
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class UsageError(Exception):
    """What was asked for does not exist in this configuration."""


def run_assets(
    configuration: Configuration,
    file: Path | None,
    *,
    select: str | None = None,
    first: str | None = None,
    last: str | None = None,
    progress: Callable[[RunProgress], object] | None = None,
    log_level: str | None = None,
    recompute: bool = False,
) -> RunOutcome:
    """Materialise a selection over a range of months.

    The run is recorded in `DAGSTER_HOME`, by default ``<data>/dagster_home``, where the UI shows it. A failed
    check of severity ERROR counts as a failure even where it does not block.

    Parameters
    ----------
    file
        File of the configuration; None if it is the one that `definitions` has just been loaded with.
    select
        A stage, a strategy, or None for everything. With a part go the lines and pages that it would make stale.
        `SHEETS`, or that and a strategy: order sheets of running accounts, and what of a new session they
        follow from: no verdict, no page.
    first, last
        Months as ``YYYY-MM``; None for the first and the newest partition.
    progress
        Told of each step that begins and ends.
    log_level
        Log as Dagster does from this level on, tracebacks included; None: warnings are lines, and what fails is in the
        outcome alone.
    recompute
        Compute every step, whatever is on record of it.

    Raises
    ------
    KeyboardInterrupt
        Somebody pressed Ctrl-C.
    UsageError
        Unknown stage or strategy, or a month outside the configuration's partitions.
    """
    job = _job_of(configuration, file)
    definition = job.get_definition()
    graph = definition.asset_layer.asset_graph
    selected = _selected(configuration, definition, select)
    is_for_sheets = select is not None and select.split("/")[:2] == SHEETS.split("/")
    keys = selected if is_for_sheets else selected | made_stale(configuration, graph, selected)
    told = progress or (lambda now: None)
    compile_ahead(
        lambda part, seconds: told(RunProgress(f"compile {part}", 0, len(keys), seconds is None, seconds)),
        parts_of(configuration, {key.path[0] for key in selected}),
    )
    own = {CONFIGURATION_TAG: configuration.name} | AT_A_TERMINAL
    tags = partition_range(configuration, first, last) | own | ({RECOMPUTE_TAG: "true"} if recompute else {})
    log: dict[str, Any] = {TERMINAL: {}} if log_level is None else {"console": {"config": {"log_level": log_level}}}
    found, earlier, interrupted, success = list[str](), list[str](), False, False
    unchanged: dict[str, None] = {}
    tell = _counting(len(keys), unchanged, told)
    with loaded_code_left_alone(), rare_collections(), dagster_instance(configuration) as instance:
        end_gone_runs(instance, configuration)
        remove_old_runs(instance, configuration, dt.datetime.now(dt.UTC), MOST_REMOVED)
        run = instance.create_run_for_job(
            definition,
            run_config={"loggers": log},
            asset_selection=frozenset(keys),
            tags=tags,
            job_code_origin=job.get_python_origin(),
        )
        for event in execute_run_iterator(job, run, instance):
            unchanged |= dict.fromkeys(left_as_it_is(event))
            tell(event)
            found += [each for each in problems(event) if each not in found]
            earlier += told_by_an_earlier_run(event)
            interrupted = interrupted or is_interrupted(event)
            success = success or event.event_type == dg.DagsterEventType.RUN_SUCCESS
    if interrupted:
        raise KeyboardInterrupt
    if not success and not found:
        found = earlier or ["the run did not come to its end; with --debug it shows its log"]
    return RunOutcome(run.run_id, tuple(found), tuple(unchanged))


def _job_of(configuration: Configuration, file: Path | None) -> ReconstructableJob:
    """The job of all assets of a configuration, which other processes can make again.

    Dagster keeps one job by its name in a process. A job of an earlier run may be of other files, so each run that does
    not come first has a number of its own.
    """
    if file is None:
        return dg.reconstructable(definitions.everything)
    arguments = {"config": str(file), "data": str(configuration.data), "run": uuid.uuid4().hex}
    return dg.build_reconstructable_job(
        definitions.__name__, definitions.everything_of.__name__, reconstructable_kwargs=arguments
    )


def left_as_it_is(event: dg.DagsterEvent) -> Iterator[str]:
    """Yield the asset that an event says is what it would be if it were computed again."""
    if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION:
        observation = event.asset_observation_data.asset_observation
        if UNCHANGED in observation.metadata:
            yield "/".join(observation.asset_key.path)


def _counting(
    total: int, unchanged: Collection[str], progress: Callable[[RunProgress], object]
) -> Callable[[dg.DagsterEvent], None]:
    done, begun = 0, dict[str, float]()

    def tell(event: dg.DagsterEvent) -> None:
        nonlocal done
        name = _step_name(event)
        if event.is_step_start:
            begun[name] = time.monotonic()
            progress(RunProgress(name, done, total, begins=True))
        elif event.is_step_success or event.is_step_failure or event.is_step_skipped:
            done += 1
            seconds = time.monotonic() - begun[name] if name in begun else None
            how = {"failed": not event.is_step_success, "unchanged": name in unchanged}
            progress(RunProgress(name, done, total, begins=False, seconds=seconds, **how))

    return tell


@contextmanager
def dagster_instance(configuration: Configuration) -> Iterator[dg.DagsterInstance]:
    """Yield the Dagster instance of `DAGSTER_HOME`, by default ``<data>/dagster_home``.

    It is created under a lock: two processes that both start on a fresh SQLite home can break it for good.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    home = configuration.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_settings(home)
        instance = open_instance(home)
        instance.get_runs_count()  # creates the run database
    with instance, events_in_batches():
        yield instance


def _selected(configuration: Configuration, job: dg.JobDefinition, select: str | None) -> set[dg.AssetKey]:
    graph = job.asset_layer.asset_graph
    keys = set(job.asset_layer.executable_asset_keys)
    if select is None:
        return keys
    if select.split("/")[:2] == SHEETS.split("/"):
        return behind_sheets(graph, keys, select)
    stages = {graph.get(key).group_name for key in keys}
    if select in configuration.strategies:
        return {key for key in keys if graph.get(key).tags.get("strategy") == select}
    if select in stages:
        return {key for key in keys if graph.get(key).group_name == select}
    raise UsageError(
        f"nothing is called {select!r}\n  expected: a stage ({', '.join(sorted(filter(None, stages)))}) "
        f"or a strategy ({', '.join(configuration.strategies)})"
    )


def behind_sheets(graph: BaseAssetGraph[Any], keys: Collection[dg.AssetKey], select: str) -> set[dg.AssetKey]:
    """Return the order sheets of running accounts, or of one, and what of a new session they follow from.

    The verdict, its audit and the backtests before it are those of the last run, by what is on record. A change of the
    plan stops the account whether they are made again or not.

    Parameters
    ----------
    graph, keys
        Graph of the assets, and those of them that can be made.
    select
        `SHEETS`, or that and the name of a strategy.

    Raises
    ------
    UsageError
        There is no such account.
    """
    wanted = {key for key in keys if f"{key.to_user_string()}/".startswith(f"{select}/")}
    if not wanted:
        raise UsageError(f"there is no {select}\n  expected: an open account: trading-assets account open STRATEGY")
    found, waiting = set(wanted), list(wanted)
    while waiting:
        parents = graph.get(waiting.pop()).parent_keys
        before = {key for key in parents if key in keys and key.path[0] not in OF_THE_PAST} - found
        found |= before
        waiting += before
    return found


def made_stale(
    configuration: Configuration, graph: BaseAssetGraph[Any], keys: Collection[dg.AssetKey]
) -> set[dg.AssetKey]:
    """Return what follows from a selection and only shows or adds up what is on record: pages, SQL models, the index.

    What other strategies decided and how they fared is left as it is, and said to be out of date where it is shown.
    Pages are made of strategies that have one, or are selected; before there is any, only what follows at once.

    Parameters
    ----------
    configuration, graph
        Configuration, and the graph of its assets.
    keys
        Assets that are selected.
    """
    following: set[dg.AssetKey] = set()
    waiting = list(keys)
    while waiting:
        children = set(graph.get(waiting.pop()).child_keys) - following
        following |= children
        waiting += children
    selected = {graph.get(key).tags.get("strategy") for key in keys}
    written = {name for name in configuration.strategies if (configuration.home / "reports" / f"{name}.html").exists()}
    pages = {*written, *selected} - {None}
    of_reports = {*pages, *OF_ALL} if pages else set()
    sums = {
        key
        for key in following
        if "sql" in graph.get(key).kinds and (pages or not graph.get(key).parent_keys.isdisjoint(keys))
    }
    trials = {key for parent in keys for key in graph.get(parent).child_keys if key.path[-1] == REALITY_CHECK}
    shown = {key for key in following if key.path[0] == "reports" and key.path[-1] in of_reports}
    return (trials | sums | shown) - set(keys)


def partition_range(configuration: Configuration, first: str | None, last: str | None) -> dict[str, str]:
    """Return the run tags of the months from `first` to `last`.

    Parameters
    ----------
    configuration
        Configuration, whose months there are.
    first, last
        ``YYYY-MM``, or None for the end of the range.

    Raises
    ------
    UsageError
        A month is not written so or is none of the configuration's, or `first` is after `last`.
    """
    keys = list(monthly_partitions(configuration).get_partition_keys())
    bounds = []
    for month, default in ((first, keys[0]), (last, keys[-1])):
        key = default if month is None else f"{month}-01"
        if (month is not None and not MONTH.fullmatch(month)) or key not in keys:
            raise UsageError(f"no month {month!r}\n  expected: YYYY-MM from {keys[0][:7]} to {keys[-1][:7]}")
        bounds.append(key)
    if bounds[0] > bounds[1]:
        raise UsageError(f"--from {first} is after --to {last}")
    return range_tags(*bounds)


def _step_name(event: dg.DagsterEvent) -> str:
    return (event.step_key or "").replace("__", "/")


def problems(event: dg.DagsterEvent) -> Iterator[str]:
    """Yield what an event of a run says that went wrong, for people."""
    if event.is_step_failure:
        chain = list(_errors_of(event))
        if chain and chain[-1].cls_name == DagsterAssetCheckFailedError.__name__:
            return  # the check has been told
        yield f"{_step_name(event)}: {said_by(chain) or event.message or 'it failed'}"
    elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            detail = check.metadata.get("error")
            if check.check_name in TOLD_BY_THE_STEP:
                return
            if check.check_name == COMPLETED and detail:
                is_consequence = check.metadata.get(CONSEQUENCE)
                if not (is_consequence and is_consequence.value):
                    yield f"{check.asset_key.to_user_string()}: {detail.value}"
                return
            yield f"{check.asset_key.to_user_string()}: check {check.check_name} failed" + (
                f": {detail.value}" if detail else ""
            )


def is_interrupted(event: dg.DagsterEvent) -> bool:
    """Return whether a step ended because somebody pressed Ctrl-C."""
    wanted = {DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__}
    return event.is_step_failure and any(error.cls_name in wanted for error in _errors_of(event))


def _errors_of(event: dg.DagsterEvent) -> Iterator[SerializableErrorInfo]:
    """Yield the error of a step and what it was raised from, the last first."""
    error = event.step_failure_data.error
    while error is not None:
        yield error
        error = error.cause


def said_by(chain: Sequence[SerializableErrorInfo]) -> str | None:
    """Return what an error of ours says, else the block of a cause that people know, else what the first cause says."""
    for error in chain:
        said = OWN_ERROR.sub("", error.message.strip())
        if said != error.message.strip():
            return said
    known = known_cause(_named(error) for error in chain)
    return known or (chain[-1].message.strip() if chain else None)


def _named(error: SerializableErrorInfo) -> tuple[str, str]:
    name, _, message = error.message.strip().partition(": ")
    return (name, message) if name.rpartition(".")[2] == error.cls_name else (error.cls_name or "", error.message)


def told_by_an_earlier_run(event: dg.DagsterEvent) -> Iterator[str]:
    """Yield what a check says that a step told, in case that step was of an earlier run."""
    if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        detail = check.metadata.get("error")
        if not check.passed and check.check_name in TOLD_BY_THE_STEP and detail:
            yield f"in an earlier run, {detail.value}"
