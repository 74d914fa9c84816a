"""All rules by name, and what they find of a situation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trading_assets.config.alerts import AlertRule
from trading_assets.config.redaction import hidden, secrets_of
from trading_assets.monitoring.rules import of_data, of_machine, of_runs, of_trading
from trading_assets.monitoring.rules.situation import Finding, Situation
from trading_assets.warehouse import LockedError, MissingTableError

Rule = Callable[[Situation, float], Iterator[Finding]]

RULES: Mapping[str, Rule] = {
    "run_failed": of_runs.run_failed,
    "run_unseen": of_runs.run_unseen,
    "check_failed": of_runs.check_failed,
    "check_warned": of_runs.check_warned,
    "slow_run": of_runs.slow_run,
    "stale_data": of_data.stale_data,
    "source_down": of_data.source_down,
    "data_quality": of_data.data_quality,
    "drift": of_data.drift,
    "late_session": of_trading.late_session,
    "limit_breached": of_trading.limit_breached,
    "divergence": of_trading.divergence,
    "hit_rate": of_trading.hit_rate,
    "disk": of_machine.disk,
    "ledger": of_machine.ledger,
}
#: A rule that cannot be looked at; nobody can switch it off.
BROKEN = "rule_broken"
#: Seconds of all own queries of a look, as the daemon waits a minute for it, and rows of one.
_SECONDS, _ROWS = 30.0, 100


@dataclass(frozen=True)
class Found:
    """What rules found.

    Attributes
    ----------
    findings
        By rule; a rule that found nothing is there, one that could not look is not.
    rules
        The rules by name, `rule_broken` among them.
    """

    findings: Mapping[str, list[Finding]]
    rules: Mapping[str, AlertRule]


def look(situation: Situation) -> Found:
    """Ask every rule that is enabled; what a rule raises is a finding, so that no rule is silent because it fails.

    What a check, an error or a row of an own query quotes of secrets is taken out here, before it names an alert.
    """
    rules, until = situation.configuration.alerts.all_rules, time.monotonic() + _SECONDS
    found: dict[str, list[Finding]] = {}
    broken: list[Finding] = []
    for name, rule in rules.items():
        left = until - time.monotonic()
        if rule.query is not None and left <= 0:
            continue  # an own query before it has taken all the time, and is said to
        try:
            found[name] = list(_findings(name, rule, situation, left))
        except LockedError:
            continue  # a run writes: the next look sees what it left
        except Exception as error:
            broken.append(Finding(name, f"rule {name} cannot be looked at: {type(error).__name__}: {error}"))
    found[BROKEN] = broken
    secrets = secrets_of(situation.configuration) if any(found.values()) else ()
    return Found(
        {name: [_without(secrets, each) for each in findings] for name, findings in found.items()},
        {**rules, BROKEN: AlertRule(severity="error")},
    )


def _without(secrets: Sequence[str], finding: Finding) -> Finding:
    return replace(finding, subject=hidden(finding.subject, secrets), message=hidden(finding.message, secrets))


def _findings(name: str, rule: AlertRule, situation: Situation, seconds: float) -> Iterator[Finding]:
    if rule.query is None:
        yield from RULES[name](situation, rule.threshold or 0.0)
        return
    try:
        rows = situation.warehouse.query(rule.query, seconds=seconds)
    except MissingTableError:
        return  # nothing is written yet
    if "message" not in rows.columns:
        raise ValueError("its query has no column `message`")
    for row in rows.head(_ROWS).iter_rows(named=True):
        yield Finding(str(row.get("subject", name)), str(row["message"]))
