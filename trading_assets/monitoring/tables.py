"""Tables of the monitoring stage."""

from __future__ import annotations

import polars as pl

from trading_assets.asset_factories.step_metering import OUTCOMES
from trading_assets.warehouse.table import Column, Table

SEVERITIES = ("debug", "info", "warning", "error")
ALERT_STATES = ("raised", "told", "repeated", "escalated", "acknowledged", "answered", "undelivered", "resolved")


def _statistic(description: str) -> Column:
    return Column(pl.Float64, description, nullable=True, at_least=0)


DRIFT = Table(
    name="monitoring.drift",
    description="How far each feature of the newest sessions is from the training span",
    key=("asset_class", "feature"),
    columns={
        "asset_class": Column(pl.String, "asset class whose symbols are pooled"),
        "feature": Column(pl.String, "column of features.daily"),
        "reference_start": Column(pl.Date, "first session of the reference: the training span"),
        "reference_end": Column(pl.Date, "last session of the reference"),
        "window_start": Column(pl.Date, "first session of the window"),
        "window_end": Column(pl.Date, "last session of the window"),
        "window_sessions": Column(pl.Int64, "sessions of the window", at_least=1),
        "reference_rows": Column(pl.Int64, "values of the reference", at_least=0),
        "window_rows": Column(pl.Int64, "values of the window", at_least=0),
        "psi": _statistic("population stability index; null with too few values"),
        "psi_usual": _statistic("95th percentile of the index over windows of the reference itself; null without any"),
        "ks": _statistic("largest distance between the distribution functions, 0 to 1; null with too few values"),
        "ks_usual": _statistic(
            "95th percentile of that distance over windows of the reference itself; null without any"
        ),
        "wasserstein": _statistic("Wasserstein distance in standard deviations of the reference; null if that is 0"),
        "alarm": Column(pl.Boolean, "psi and ks are both above their alarm level and above what is usual"),
    },
)

ALERTS = Table(
    name="monitoring.alerts",
    description="What a person was told (append only)",
    key=(),
    columns={
        "raised_at": Column(pl.Datetime("us"), "when, UTC"),
        "severity": Column(pl.String, "how bad", one_of=SEVERITIES),
        "source": Column(pl.String, "what raised it"),
        "message": Column(pl.String, "what happened, for people"),
        "run_id": Column(pl.String, "the Dagster run; null outside of one", nullable=True),
        "alert_id": Column(pl.String, "the alert that it is of; null of a mere message", nullable=True),
        "rule": Column(pl.String, "rule that raised it, see docs/runbooks; null of a mere message", nullable=True),
        "subject": Column(pl.String, "what the rule found it of", nullable=True),
        "state": Column(
            pl.String, "what became of the alert; null of a mere message", nullable=True, one_of=ALERT_STATES
        ),
        "told": Column(pl.Boolean, "a person was told; null of a mere message, which is told", nullable=True),
        "by": Column(pl.String, "who acknowledged it; null: nobody did", nullable=True),
    },
)

RUN_METRICS = Table(
    name="monitoring.run_metrics",
    description="What each step of each run took (append only)",
    key=("run_id", "step", "started_at"),
    columns={
        "run_id": Column(pl.String, "the Dagster run"),
        "step": Column(pl.String, "asset of the step, as features/daily"),
        "strategy": Column(pl.String, "strategy that it is of; null: of none", nullable=True),
        "outcome": Column(
            pl.String, "how it ended; unchanged: its rows were there; again: it asked for another try", one_of=OUTCOMES
        ),
        "started_at": Column(pl.Datetime("us"), "when it began, UTC"),
        "seconds": Column(pl.Float64, "how long it took", at_least=0),
        "cpu_seconds": Column(pl.Float64, "processor seconds, those of processes that it waited for included"),
        "peak_mb": Column(pl.Float64, "most memory that its process had had by its end, MiB", at_least=0),
        "rows": Column(pl.Int64, "rows that it wrote; null: it wrote no table", nullable=True, at_least=0),
        "lock_waits": Column(pl.Int64, "times that it waited for a lock of the warehouse", at_least=0),
        "lock_wait_seconds": Column(pl.Float64, "seconds of that", at_least=0),
        "vendor_requests": Column(pl.Int64, "requests to vendors of data", at_least=0),
        "vendor_seconds": Column(pl.Float64, "seconds of those", at_least=0),
        "vendor_failures": Column(pl.Int64, "requests among them that failed", at_least=0),
        "cache_hits": Column(pl.Int64, "answers of vendors that were kept from an earlier run", at_least=0),
        "breakers_opened": Column(pl.Int64, "sources given up after failed requests in a row", at_least=0),
    },
)
