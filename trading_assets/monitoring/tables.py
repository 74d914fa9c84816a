"""Tables of the monitoring stage."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

SEVERITIES = ("debug", "info", "warning", "error")


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
    },
)
