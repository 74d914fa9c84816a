"""The alert of a run that failed, whoever notices it first: the sensor of failures, or who looks at processes."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.redaction import secrets_of
from trading_assets.monitoring import alerts
from trading_assets.monitoring.alert_state import id_of, is_told_at_once
from trading_assets.monitoring.look import runbook
from trading_assets.monitoring.tables import ALERTS

_RULE = "run_failed"


def alert_of_failed_run(
    configuration: Configuration, *, job: str, run_id: str, message: str, now: dt.datetime
) -> pl.DataFrame:
    """Build the row of `monitoring.alerts` for a run that failed, as its rule would; none where that is switched off.

    The rule `run_failed` finds it raised: it tells nothing a second time, and says when it is over.

    Parameters
    ----------
    configuration
        Whose run it was.
    job, run_id, message
        The run, and what is said of it. Secrets in it are replaced by asterisks.
    now
        Time, UTC, naive.
    """
    rule = configuration.alerts.all_rules.get(_RULE)
    if rule is None:
        return ALERTS.empty()
    alert_id = id_of(_RULE, job, now)
    return alerts.alert(
        raised_at=now,
        severity=rule.severity,
        source=f"run {job}",
        message=f"{message} [{alert_id}; what to do: {runbook(configuration, _RULE)}]",
        run_id=run_id,
        secrets=secrets_of(configuration),
        alert_id=alert_id,
        rule=_RULE,
        subject=job,
        state="raised",
        told=is_told_at_once(rule.severity, configuration.alerts, now),
    )
