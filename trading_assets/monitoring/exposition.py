"""Figures for Prometheus, in its text format: what steps of the newest runs took, health, open alerts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from trading_assets.monitoring.health import ERROR, OK, WARNING, HealthItem

PREFIX = "trading_assets_"
_STATES = {OK: 0, WARNING: 1, ERROR: 2}


class Measure(NamedTuple):
    """A measure: its name without the prefix, what it says, and the column of `monitoring.run_metrics` it is from."""

    name: str
    help: str
    column: str = ""


STEPS = (
    Measure("step_seconds", "Seconds of the newest run of a step", "seconds"),
    Measure("step_cpu_seconds", "Processor seconds of the newest run of a step", "cpu_seconds"),
    Measure("step_peak_mebibytes", "Most memory of the process by the end of the newest run of a step", "peak_mb"),
    Measure("step_rows", "Rows that the newest run of a step wrote", "rows"),
    Measure("step_lock_wait_seconds", "Seconds that the newest run of a step waited for locks", "lock_wait_seconds"),
    Measure("step_vendor_requests", "Requests to vendors in the newest run of a step", "vendor_requests"),
    Measure("step_vendor_seconds", "Seconds of those requests", "vendor_seconds"),
    Measure("step_vendor_failures", "Requests among them that failed", "vendor_failures"),
    Measure("step_cache_hits", "Answers of vendors that were kept from earlier", "cache_hits"),
    Measure("step_breakers_opened", "Sources that were given up in the newest run of a step", "breakers_opened"),
)
STEP_FAILED = Measure("step_failed", "1: the newest run of a step failed")
STEP_STARTED = Measure("step_started_seconds", "When the newest run of a step began, seconds since 1970")
HEALTH = Measure("health", "0: well, 1: worth a look, 2: wrong")
ALERTS = Measure("alerts_open", "Alerts that are open, by severity and whether somebody works on them")
LOOKED = Measure("looked_at_seconds", "When this was looked at, seconds since 1970: what is old says nothing of now")
#: Every name that is exposed: all are gauges, as a file shows the last state and not a sum since a start.
NAMES = tuple(PREFIX + each.name for each in (*STEPS, STEP_FAILED, STEP_STARTED, HEALTH, ALERTS, LOOKED))


def exposition(
    name: str, metrics: pl.DataFrame, items: Sequence[HealthItem], alerts: pl.DataFrame, now: dt.datetime
) -> str:
    """Return the text.

    Parameters
    ----------
    name
        Name of the configuration.
    metrics, items
        Rows of `monitoring.run_metrics`, and the items of the health.
    alerts
        Open alerts, as `listed` returns them.
    now
        When it was looked at, UTC.
    """
    last = metrics.sort("started_at", "step").group_by("step", maintain_order=True).last().sort("step")
    of = [{"configuration": name, "step": step} for step in last["step"]]
    parts = [_gauge(each, zip(of, last[each.column].to_list(), strict=True)) for each in STEPS]
    parts.append(_gauge(STEP_FAILED, zip(of, (last["outcome"] == "failed").cast(pl.Int64).to_list(), strict=True)))
    started = last["started_at"].dt.epoch("us") / 1e6
    parts.append(_gauge(STEP_STARTED, zip(of, started.to_list(), strict=True)))
    states: dict[str, int] = {}
    for each in items:
        states[each.item] = max(states.get(each.item, 0), _STATES[each.state])
    parts.append(_gauge(HEALTH, (({"configuration": name, "item": item}, state) for item, state in states.items())))
    counts = alerts.group_by("severity", "acknowledged").len().sort("severity", "acknowledged")
    opened = (
        ({"configuration": name, "severity": severity, "acknowledged": str(seen).lower()}, count)
        for severity, seen, count in counts.iter_rows()
    )
    parts.append(_gauge(ALERTS, opened))
    parts.append(_gauge(LOOKED, [({"configuration": name}, now.replace(tzinfo=dt.UTC).timestamp())]))
    return "".join(parts)


def _gauge(measure: Measure, samples: Iterable[tuple[Mapping[str, str], float | None]]) -> str:
    name = PREFIX + measure.name
    lines = [f"# HELP {name} {measure.help}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        if value is not None:
            said = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            lines.append(f"{name}{{{said}}} {float(value)!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
