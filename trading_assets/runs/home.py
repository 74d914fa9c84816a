"""`dagster.yaml` of a home: what this version writes, and what one that somebody else wrote lacks.

A file that is as a version wrote it is ours, and becomes that of this version. One that was edited is its editor's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FILE = "dagster.yaml"
#: Of earlier versions, byte by byte.
EARLIER = ("telemetry:\n  enabled: false\nnux:\n  enabled: false\n",)
#: Keys are those of Dagster 1.13, where run monitoring is what ends a run that takes too long.
SETTINGS = """\
# Written by trading_assets, and brought up to date by it as long as nobody edits it.
telemetry:
  enabled: false
nux:
  enabled: false
# A run that does not start, does not end when told to, or takes longer than its job may (`runs.longest_hours`), fails.
run_monitoring:
  enabled: true
  poll_interval_seconds: 20
  start_timeout_seconds: 90
  cancel_timeout_seconds: 90
  free_slots_after_run_end_seconds: 30
# A run that crashed is tried again (`runs.retries`), one of which a step failed is not.
run_retries:
  enabled: true
  max_retries: 1
  retry_on_asset_or_op_failure: false
# So many runs at a time, and of those that ask vendors one.
concurrency:
  runs:
    max_concurrent_runs: 4
  pools:
    granularity: run
    default_limit: 1
# Ticks of schedules and sensors; runs are kept for `runs.keep_days`.
retention:
  schedule:
    purge_after_days: {skipped: 7, success: 90, failure: 90, started: 90}
  sensor:
    purge_after_days: {skipped: 1, success: 90, failure: 30, started: 30}
"""
#: What a file may lack, and what is then left undone.
_WANTED = {
    ("run_monitoring", "enabled"): "a run that does not start, or takes longer than its job may, is not ended",
    ("run_retries", "enabled"): "a run that crashed is not tried again",
    ("retention", "sensor"): "ticks of sensors are kept for ever",
    ("retention", "schedule"): "ticks of schedules are kept for ever",
}
_LIMITS = (("concurrency", "runs", "max_concurrent_runs"), ("run_queue", "max_concurrent_runs"), ("run_coordinator",))


def write_settings(home: Path) -> None:
    """Write `dagster.yaml` of this version where there is none, or that of an earlier version; whole or not at all."""
    file = home / FILE
    if file.exists() and file.read_text(encoding="utf-8") not in EARLIER:
        return
    new = file.with_name(f"{FILE}.{os.getpid()}.new")
    new.write_text(SETTINGS, encoding="utf-8")
    new.replace(file)


def lacking(home: Path) -> list[str]:
    """Return what a home's `dagster.yaml` lacks, a line each; none if it is ours, or cannot be read as settings."""
    file = home / FILE
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeError, yaml.YAMLError):
        return []  # Dagster says so itself, and better
    if not isinstance(found, Mapping):
        return []
    lines = [f"{'.'.join(key)}: {what}" for key, what in _WANTED.items() if not _value(found, key)]
    if all(_value(found, key) is None for key in _LIMITS):
        lines.append("concurrency.runs.max_concurrent_runs: ten runs at a time share the processors")
    return lines


def _value(settings: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = settings
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
