"""Rules about runs: failed ones, checks that did not pass, steps that are slow."""

from __future__ import annotations

from collections.abc import Iterator

from trading_assets.monitoring.rules.situation import Finding, Situation
from trading_assets.monitoring.slowdowns import Slowness, slowdowns
from trading_assets.monitoring.tables import RUN_METRICS

FAILURE, SUCCESS = "FAILURE", "SUCCESS"
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


def run_failed(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each job whose last run that came to an end has failed."""
    ended = dict[str, bool]()
    for run in situation.runs:
        if run.job not in ended and run.state in (FAILURE, SUCCESS):
            ended[run.job] = run.state == FAILURE
            if run.state == FAILURE:
                when = f" at {run.ended_at:%Y-%m-%d %H:%M} UTC" if run.ended_at else ""
                yield Finding(run.job, f"the last run of {run.job} failed{when}", run.run_id)


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
