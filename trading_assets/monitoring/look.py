"""A look at how things are: what is wrong goes on record, a person is told once, and what is safe is done."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.redaction import secrets_of
from trading_assets.config.sections import Notifier
from trading_assets.monitoring.alert_state import AlertEvent, OpenAlert, decide, open_alerts
from trading_assets.monitoring.alerts import alert
from trading_assets.monitoring.rules.every_rule import Found, look
from trading_assets.monitoring.rules.situation import Finding, Situation
from trading_assets.monitoring.tables import ALERTS
from trading_assets.monitoring.telling import delivered, tell
from trading_assets.trading.opening import open_accounts
from trading_assets.trading.rollout.moves import back
from trading_assets.trading.rollout.stages import stage_now
from trading_assets.trading.rollout.tables import OFF
from trading_assets.warehouse import Warehouse

_RERUN, _HALT = "rerun", "halt_entries"
_BY = "alert rule "
#: Seconds of telling of a look that nobody waits for.
_SECONDS = 600.0
#: What is said of alerts that are on record.
_AGAIN = ("told", "repeated", "escalated")


@dataclass(frozen=True)
class Looked:
    """What a look has led to.

    Attributes
    ----------
    events
        Rows that went on record.
    reruns
        Runs that are to be made once more.
    delivered
        Whether everybody was told who was to be; what reached nobody is told again by the next look.
    """

    events: pl.DataFrame
    reruns: Sequence[str] = ()
    delivered: bool = True


def look_and_tell(
    situation: Situation, may_rerun: Callable[[str], bool] = lambda run_id: False, seconds: float = _SECONDS
) -> Looked:
    """Ask the rules, put on record what has changed, tell it, and answer it where a rule says so.

    Where nothing has changed nothing is written. Two looks at once raise an alert once: what there is to raise is
    decided again under the lock of the ledger. What is said of an alert that is on record already goes on record once
    somebody has heard it: while a notifier is down each look tries again, and writes nothing.

    Parameters
    ----------
    situation
        How things are.
    may_rerun
        Whether a failed run is one that can be made once more, and has not been. It is asked for at each look until
        it is there: whoever is killed after it went on record has asked nobody.
    seconds
        Of telling; who has not been told by then is told by the next look.
    """
    configuration, now = situation.configuration, situation.now
    found, rows = look(situation), situation.warehouse.read_or_empty(ALERTS)

    def due(rows: pl.DataFrame, *, again: bool) -> list[AlertEvent]:
        events = decide(open_alerts(rows), found.findings, found.rules, configuration.alerts, now)
        return [each for each in events if (each.state in _AGAIN) == again]

    said, news = rows_of(due(rows, again=True), configuration, now), ALERTS.empty()
    if due(rows, again=False):

        def build(before: pl.DataFrame) -> pl.DataFrame:
            nonlocal news
            news = rows_of(due(before, again=False), configuration, now)
            return news.with_columns(told=pl.lit(value=False))  # until somebody has heard it, and that is on record

        rows = situation.warehouse.append_chained(ALERTS, build)
    until, to_tell = time.monotonic() + seconds, news.filter("told")
    are_told = delivered(to_tell, configuration.notifier, until)
    # A row that cannot be written because a run begins to makes somebody hear it twice, not never.
    told = to_tell.filter(are_told, state="raised").with_columns(state=pl.lit("told"))
    heard = said.filter(_heard(said, configuration, until))
    answers, reruns = _answer(situation, found, open_alerts(rows).values(), may_rerun)
    if told.height or heard.height or answers.height:
        situation.warehouse.append(ALERTS, pl.concat([told, heard, answers]))
    all_heard = tell(situation.warehouse, answers, configuration.notifier, now, until)
    all_heard &= bool(are_told.all()) and heard.height == said.height
    return Looked(pl.concat([news, heard, answers]), reruns, all_heard)


def rows_of(events: Iterable[AlertEvent], configuration: Configuration, now: dt.datetime) -> pl.DataFrame:
    """Return events as rows of `monitoring.alerts`, each with the page that says what to do.

    Parameters
    ----------
    events, now
        What happened, and when, UTC.
    configuration
        Whose secrets no message shows.
    """
    rows = [ALERTS.empty()]
    for event in events:
        message = event.message
        if event.state != "resolved":
            message += f" [{event.alert.alert_id}; what to do: {runbook(configuration, event.alert.rule)}]"
        rows.append(
            alert(
                raised_at=now,
                severity=event.severity,
                source=f"rule {event.alert.rule}",
                message=message,
                run_id=event.alert.run_id,
                secrets=secrets_of(configuration),
                alert_id=event.alert.alert_id,
                rule=event.alert.rule,
                subject=event.alert.subject,
                state=event.state,
                told=event.told,
            )
        )
    return pl.concat(rows)


def runbook(configuration: Configuration, rule: str) -> str:
    """Return where the page of a rule is; the user's own rules share one."""
    own = configuration.alerts.rules.get(rule)
    return f"{configuration.alerts.runbooks}{'own_rule' if own is not None and own.query else rule}.md"


def acknowledge(configuration: Configuration, alert_id: str, *, by: str, reason: str, now: dt.datetime) -> OpenAlert:
    """Put on record that somebody has seen an alert: it is not told again until it is over.

    Parameters
    ----------
    configuration, alert_id
        Configuration, and the id of an alert that is open.
    by, reason
        Who has seen it, and what is done about it.
    now
        Time of the record, UTC.

    Raises
    ------
    ConfigurationError
        No such alert is open, or there is no reason.
    """
    if not reason.strip():
        raise ConfigurationError(
            "an acknowledgement without a reason\n  expected: --reason with some words\n"
            "  what to do: say what is done about it; it goes on record beside your name"
        )
    warehouse = Warehouse(configuration.warehouse_path)
    opened = {each.alert_id: each for each in open_alerts(warehouse.read_or_empty(ALERTS)).values()}
    if alert_id not in opened:
        there = ", ".join(opened) or "none is open"
        raise ConfigurationError(
            f"no open alert {alert_id!r}\n  expected: {there}\n  what to do: trading-assets alerts list shows them"
        )
    seen = opened[alert_id]
    row = alert(
        raised_at=now,
        severity="info",
        source=f"rule {seen.rule}",
        message=reason.strip(),
        run_id=seen.run_id,
        secrets=secrets_of(configuration),
        alert_id=alert_id,
        rule=seen.rule,
        subject=seen.subject,
        state="acknowledged",
        told=False,
        by=by,
    )
    warehouse.append(ALERTS, row)
    return seen


def _heard(rows: pl.DataFrame, configuration: Configuration, until: float) -> pl.Series:
    """Tell rows, those that are escalated to whom that is for, and return of each whether it was heard."""
    further: Notifier = configuration.alerts.escalation or configuration.notifier
    heard = [
        delivered(row, further if row["state"].item() == "escalated" else configuration.notifier, until)
        for row in rows.iter_slices(1)
    ]
    return pl.concat([pl.Series(dtype=pl.Boolean), *heard])


def _answer(
    situation: Situation, found: Found, opened: Iterable[OpenAlert], may_rerun: Callable[[str], bool]
) -> tuple[pl.DataFrame, list[str]]:
    """Do once what rules say is to be done of an alert, and return rows that say so, and runs to make again."""
    rows, reruns = [ALERTS.empty()], list[str]()
    for alert_ in opened:
        response = found.rules[alert_.rule].response if alert_.rule in found.rules else "none"
        findings = [each for each in found.findings.get(alert_.rule, ()) if each.subject == alert_.subject]
        if response == "none" or alert_.acknowledged or not findings:
            continue
        run_id, said = findings[0].run_id, ""
        if response == _RERUN and run_id is not None and may_rerun(run_id):
            reruns.append(run_id)
            # An alert goes on over days, and each of them has a run of its own that failed.
            said = "" if run_id in alert_.answered else f"run {run_id} is made once more"
        elif response == _HALT and not alert_.answered:
            halted = _halt_entries(situation, findings[0], alert_)
            said = f"no entry is sent any more of {', '.join(halted)}; exits go on" if halted else ""
        if said:
            event = AlertEvent("answered", replace(alert_, run_id=run_id), said, "warning", told=True)
            rows.append(rows_of([event], situation.configuration, situation.now))
    return pl.concat(rows), reruns


def _halt_entries(situation: Situation, finding: Finding, of: OpenAlert) -> list[str]:
    """Take the rollout of accounts back to `off`, and return whose."""
    configuration, halted = situation.configuration, list[str]()
    for name in open_accounts(configuration):
        if finding.strategies and name not in finding.strategies:
            continue
        if stage_now(configuration, name) == OFF:
            continue
        reason = f"{of.message} (alert {of.alert_id})"
        back(
            situation.warehouse,
            configuration,
            f"strategy/{name}",
            to=OFF,
            by=f"{_BY}{of.rule}",
            reason=reason,
            now=situation.now,
        )
        halted.append(name)
    return halted


def listed(configuration: Configuration, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the alerts that are open, the oldest first, each with the page that says what to do.

    Parameters
    ----------
    configuration, rows
        Configuration, and rows of `monitoring.alerts`.
    """
    names = ("alert_id", "severity", "rule", "subject", "raised_at", "acknowledged", "message")
    found = [
        {**{name: getattr(each, name) for name in names}, "what_to_do": runbook(configuration, each.rule)}
        for each in open_alerts(rows).values()
    ]
    schema: dict[str, pl.DataType] = {name: pl.String() for name in (*names, "what_to_do")}
    typed = {**schema, "raised_at": pl.Datetime("us"), "acknowledged": pl.Boolean()}
    return pl.DataFrame(found, schema=typed).sort("raised_at", "alert_id")
