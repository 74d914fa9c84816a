"""Rules about runs: failed ones, checks that did not pass, steps that are slow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from trading_assets.monitoring.rules.situation import Finding, RunFact, Situation
from trading_assets.monitoring.slowdowns import Slowness, slowdowns
from trading_assets.monitoring.tables import RUN_METRICS

FAILURE, SUCCESS, QUEUED = "FAILURE", "SUCCESS", "QUEUED"
#: Checks that other rules, or the news of accounts, are about.
_TOLD_ELSEWHERE = ("no_feature_drift", "as_promised", "orders_pass")
#: Warnings that are results of research, on the pages: nobody is called because a strategy is rejected.
RESULTS = (
    "verdict_is_go",
    "registered",
    "beats_baseline",
    "explanations_stable",
    "holdings_are_several_bets",
    "warm_up",
)
_NAMED = 3


def last_ended(runs: Sequence[RunFact]) -> dict[str, RunFact]:
    """Return the last run of each job that came to an end, the newest first."""
    ended = dict[str, RunFact]()
    for run in runs:
        if run.state in (FAILURE, SUCCESS):
            ended.setdefault(run.job, run)
    return ended


def run_failed(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each job whose last run that came to an end has failed."""
    for run in last_ended(situation.runs).values():
        if run.state == FAILURE:
            when = f" at {run.ended_at:%Y-%m-%d %H:%M} UTC" if run.ended_at else ""
            yield Finding(run.job, f"the last run of {run.job} failed{when}", run.run_id)


def run_unseen(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each run whose process cannot be seen, where runs have waited for more than `threshold` minutes meanwhile.

    If it is gone it takes a place of the queue for ever; if it lives, elsewhere, nobody here may end it.
    """
    long_ago = situation.now - dt.timedelta(minutes=threshold)
    waiting = [each.asked_at for each in situation.runs if each.state == QUEUED and each.asked_at is not None]
    if not any(asked <= long_ago for asked in waiting):
        return
    behind = f"{len(waiting)} runs wait behind it, the first since {min(waiting):%Y-%m-%d %H:%M} UTC"
    for run in situation.unseen:
        since = f" since {run.started_at:%Y-%m-%d %H:%M} UTC" if run.started_at else ""
        said = f"run {run.run_id} of {run.job} is under way{since}, and its process cannot be seen from here"
        yield Finding(run.run_id, f"{said}: {behind}", run.run_id)


def check_failed(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each check of severity ERROR that did not pass when it was last evaluated."""
    return _checks(situation, is_error=True)


def check_warned(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each check of severity WARN that did not pass when it was last evaluated."""
    return _checks(situation, is_error=False)


def _checks(situation: Situation, *, is_error: bool) -> Iterator[Finding]:
    for check in situation.checks:
        is_result = not check.is_error and check.check.rpartition(" ")[2] in RESULTS
        is_elsewhere = check.check.rpartition(" ")[2] in _TOLD_ELSEWHERE
        if check.is_error == is_error and not is_result and not is_elsewhere:
            yield Finding(check.check, f"check {check.check} did not pass" + (check.detail and f": {check.detail}"))


def slow_run(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield the steps of the newest run that took more than `threshold` times what is usual at their size."""
    metrics = situation.warehouse.read_or_empty(RUN_METRICS)
    if metrics.is_empty():
        return
    newest = metrics.sort("started_at")["run_id"][-1]
    slow = slowdowns(metrics, newest, Slowness(ratio=threshold))
    if slow.height:
        said = [
            f"{row['step']} took {row['seconds']:.1f} s where {row['usual']:.1f} s is usual"
            for row in slow.head(_NAMED).iter_rows(named=True)
        ]
        more = f", and {slow.height - _NAMED} more steps" if slow.height > _NAMED else ""
        yield Finding("the newest run", "; ".join(said) + more, newest)
