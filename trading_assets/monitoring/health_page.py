"""The page of the health: items, open alerts, what the last runs took."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from trading_assets.config import Configuration
from trading_assets.monitoring.health import HealthItem, is_well
from trading_assets.reports.html_table import grid
from trading_assets.reports.strategy_page.page import environment, style

PAGE = "health.html"
_RUNS = 20


def health_page(
    name: str, now: dt.datetime, items: Sequence[HealthItem], alerts: pl.DataFrame, runs: pl.DataFrame
) -> str:
    """Return the page.

    Parameters
    ----------
    name, now
        Name of the configuration, and when it was looked at, UTC.
    items, alerts
        Items of the health, and open alerts as `listed` returns them.
    runs
        Rows of `totals_by_run`.
    """
    shown = pl.DataFrame(
        [(each.item, each.state, each.detail) for each in items], ["item", "state", "detail"], orient="row"
    )
    last = runs.tail(_RUNS).reverse()
    last = last.select(
        "run_id", "started_at", "seconds", "cpu_seconds", "peak_mb", "steps", "failed", "unchanged", "rows"
    )
    said = "everything is well" if is_well(items) else "something is wrong"
    return (
        environment()
        .get_template("health.html.j2")
        .render(
            style=style(),
            name=name,
            subtitle=f"{said}, by a look at {now:%Y-%m-%d %H:%M} UTC",
            items=grid(shown),
            alerts=grid(alerts) if alerts.height else None,
            runs=grid(last) if last.height else None,
        )
    )


def write_health_page(configuration: Configuration, text: str) -> Path:
    """Write the page beside the report and return its path; who reads it meanwhile has the old one or the new."""
    path = configuration.home / "reports" / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path
