"""Alerts that are open, and what a new look makes of them: raised, repeated, escalated, resolved."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from trading_assets.config.alerts import AlertRule, Alerts
from trading_assets.monitoring.rules.situation import Finding

State = Literal["raised", "told", "repeated", "escalated", "acknowledged", "answered", "undelivered", "resolved"]
#: What the message of a row ends with: the id, and the page that says what to do.
PAGE = re.compile(r" \[[0-9a-f]{8}; what to do: [^\]]*\]$")
_ERROR, _INFO = "error", "info"


@dataclass(frozen=True)
class OpenAlert:
    """An alert that is not resolved.

    Attributes
    ----------
    alert_id, rule, subject
        Its id, and what it is about.
    severity, message, run_id
        As it was raised.
    raised_at, told_at
        When it was raised, and told last; None: it waits for the end of quiet hours, or its telling reached nobody.
    escalated, acknowledged
        What was done about it.
    answered
        What was answered by itself: the run of each answer, None where it is of none.
    """

    alert_id: str
    rule: str
    subject: str
    severity: str
    message: str
    raised_at: dt.datetime
    run_id: str | None = None
    told_at: dt.datetime | None = None
    escalated: bool = False
    acknowledged: bool = False
    answered: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class AlertEvent:
    """A row more of `monitoring.alerts`, and whether a person is told of it."""

    state: State
    alert: OpenAlert
    message: str
    severity: str
    told: bool


def open_alerts(rows: pl.DataFrame) -> dict[tuple[str, str], OpenAlert]:
    """Return the alerts that are open, by rule and subject.

    Parameters
    ----------
    rows
        `monitoring.alerts`, in the order in which they were appended; rows without a rule are messages, not alerts.
    """
    found: dict[tuple[str, str], OpenAlert] = {}
    for row in rows.filter(pl.col("rule").is_not_null()).sort("raised_at", maintain_order=True).iter_rows(named=True):
        key, state = (row["rule"], row["subject"]), row["state"]
        if state == "resolved":
            found.pop(key, None)
        elif key not in found:
            if state == "raised":
                names = ("alert_id", "rule", "subject", "severity", "message", "raised_at", "run_id")
                told_at = row["raised_at"] if row["told"] else None
                said = {**{name: row[name] for name in names}, "message": PAGE.sub("", row["message"])}
                found[key] = OpenAlert(**said, told_at=told_at)
        else:
            found[key] = _after(found[key], state, row)
    return found


def _after(alert: OpenAlert, state: str, row: Mapping[str, object]) -> OpenAlert:
    told_at = row["raised_at"] if row["told"] else None if state == "undelivered" else alert.told_at
    marks = {mark: True for mark in ("escalated", "acknowledged") if mark == state}
    answered = (*alert.answered, row["run_id"]) if state == "answered" else alert.answered
    return replace(alert, told_at=told_at, answered=answered, **marks)  # type: ignore[arg-type]


def decide(
    opened: Mapping[tuple[str, str], OpenAlert],
    found: Mapping[str, Sequence[Finding]],
    rules: Mapping[str, AlertRule],
    settings: Alerts,
    now: dt.datetime,
) -> list[AlertEvent]:
    """Return what has to go on record, and be told, after a look.

    An alert is told once, again after `repeat_hours`, and to `escalation` after `escalate_minutes` if it is an error;
    never again once somebody has acknowledged it. In quiet hours an error alone is told at once.

    Parameters
    ----------
    opened
        Alerts that are open.
    found, rules
        What rules found, by rule, and the rules. A rule that is not in `found` could not look: its alerts stay.
    settings, now
        When somebody is told, and the time, UTC.
    """
    quiet = is_quiet(settings, now)
    events: list[AlertEvent] = []
    for name, findings in found.items():
        severity = rules[name].severity
        for subject, finding in {each.subject: each for each in reversed(findings)}.items():
            alert = opened.get((name, subject))
            if alert is None:
                tell = is_told_at_once(severity, settings, now)
                made = OpenAlert(
                    id_of(name, subject, now), name, subject, severity, finding.message, now, finding.run_id
                )
                events.append(AlertEvent("raised", made, finding.message, severity, told=tell))
            else:
                events += _again(alert, finding.message, settings, now, quiet=quiet)
    # A rule that was switched off finds nothing any more.
    asked = {*found, *(rule for rule, _ in opened if rule not in rules)}
    for (name, subject), alert in opened.items():
        if name in asked and subject not in {each.subject for each in found.get(name, ())}:
            # Nobody knows whether that is over which nobody looks at any more.
            tell = alert.told_at is not None and not quiet and name in rules
            said = "over" if name in rules else "no longer looked at"
            events.append(AlertEvent("resolved", alert, f"{said}: {alert.message}", _INFO, told=tell))
    return events


def _again(alert: OpenAlert, message: str, settings: Alerts, now: dt.datetime, *, quiet: bool) -> Iterator[AlertEvent]:
    """What is said of an alert that goes on."""
    if alert.acknowledged or (quiet and alert.severity != _ERROR):
        return
    if alert.told_at is None:
        yield AlertEvent("told", alert, message, alert.severity, told=True)
    elif (
        alert.severity == _ERROR
        and not alert.escalated
        and now - alert.raised_at >= dt.timedelta(minutes=settings.escalate_minutes)
    ):
        yield AlertEvent("escalated", alert, message, alert.severity, told=True)
    elif now - alert.told_at >= dt.timedelta(hours=settings.repeat_hours):
        yield AlertEvent("repeated", alert, message, alert.severity, told=True)


def is_told_at_once(severity: str, settings: Alerts, now: dt.datetime) -> bool:
    """Return whether a person is told of a new alert now, or after the quiet hours.

    Parameters
    ----------
    severity, settings, now
        How bad it is, when somebody is told, and the time, UTC.
    """
    return severity == _ERROR or not is_quiet(settings, now)


def is_quiet(settings: Alerts, now: dt.datetime) -> bool:
    """Return whether a moment (UTC) lies in the quiet hours, which may go over midnight."""
    if settings.quiet_hours is None:
        return False
    first, last = map(dt.time.fromisoformat, settings.quiet_hours)
    time = now.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(settings.timezone)).time()
    return first <= time < last if first < last else time >= first or time < last


def id_of(rule: str, subject: str, raised_at: dt.datetime) -> str:
    """Return the id of an alert: eight hexadecimal digits.

    Parameters
    ----------
    rule, subject, raised_at
        What it is about, and when it was raised.
    """
    return hashlib.sha256(f"{rule}\n{subject}\n{raised_at.isoformat()}".encode()).hexdigest()[:8]
