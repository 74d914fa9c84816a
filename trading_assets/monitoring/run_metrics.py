"""What steps have noted of themselves becomes rows of `monitoring.run_metrics`: at the end of a run, once each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets.asset_factories.step_metering import FOLDER, LOCK, NOTED, locked
from trading_assets.monitoring.tables import RUN_METRICS
from trading_assets.warehouse import Warehouse, WarehouseError

_TAKEN = ".taken"
#: Seconds that the end of a run waits for whoever has the warehouse: else the next run takes the lines in.
_PATIENCE = 2.0


def collect(warehouse: Path) -> pl.DataFrame:
    """Put on record what steps have noted beside a warehouse, those of killed runs included, and return it.

    Nothing is raised: figures of a run that cannot be written now are taken in by the next one. A line is on record
    once, whoever is killed in between: its key is the step and when it began.
    """
    folder, none = warehouse.parent / FOLDER, RUN_METRICS.empty()
    if not folder.is_dir() or not warehouse.exists():
        return none
    try:
        with locked(folder):
            for number, path in enumerate(sorted(folder.glob(f"*{NOTED}"))):
                path.rename(path.with_suffix(f".{os.getpid()}-{number}{_TAKEN}"))
        taken = sorted(folder.glob(f"*{_TAKEN}"))
        rows = metrics_of(line for path in taken for line in path.read_text("utf-8", "replace").splitlines())
        if not rows.is_empty():
            Warehouse(warehouse, wait_seconds=_PATIENCE).append_new(RUN_METRICS, rows)
        for path in taken:
            path.unlink(missing_ok=True)
    except (OSError, WarehouseError):
        return none
    return rows


def waiting(warehouse: Path) -> int:
    """Return how many runs have noted steps that are not on record yet."""
    folder = warehouse.parent / FOLDER
    return sum(1 for path in folder.glob("*") if path.name != LOCK) if folder.is_dir() else 0


def metrics_of(lines: Iterator[str]) -> pl.DataFrame:
    """Return lines of JSON as rows of `monitoring.run_metrics`; what is cut or foreign is left out."""
    schema, found = RUN_METRICS.empty().schema, list[dict[str, Any]]()
    for line in lines:
        try:
            row = json.loads(line)
            found.append({name: row[name] for name in schema})
        except (ValueError, KeyError, TypeError):
            continue
    whole = {
        name: pl.col(name).cast(pl.Float64).round().cast(dtype) for name, dtype in schema.items() if dtype == pl.Int64
    }
    texts = {name: pl.String if dtype == pl.Datetime("us") else dtype for name, dtype in schema.items()}
    texts |= {name: pl.Float64() for name in whole}
    rows = pl.DataFrame(found, schema=texts, strict=False)
    rows = rows.with_columns(started_at=pl.col("started_at").str.to_datetime(time_unit="us", strict=False), **whole)
    return rows.filter(pl.col("started_at").is_not_null()).unique(RUN_METRICS.key, keep="first", maintain_order=True)


def totals_by_run(metrics: pl.DataFrame) -> pl.DataFrame:
    """Return what each run took: the newest last.

    Parameters
    ----------
    metrics
        Rows of `monitoring.run_metrics`.

    Returns
    -------
    polars.DataFrame
        run_id, started_at, seconds (from the first step to the end of the last), cpu_seconds, peak_mb, steps, failed,
        unchanged, rows, and the sums of what was waited for and asked for.
    """
    ends = pl.col("started_at") + pl.duration(microseconds=(pl.col("seconds") * 1e6).cast(pl.Int64))
    sums = ("cpu_seconds", "rows", *RUN_METRICS.columns)[:2] + tuple(RUN_METRICS.columns)[9:]
    return (
        metrics.group_by("run_id")
        .agg(
            pl.col("started_at").min(),
            seconds=(ends.max() - pl.col("started_at").min()).dt.total_microseconds() / 1e6,
            peak_mb=pl.col("peak_mb").max(),
            steps=pl.len(),
            failed=(pl.col("outcome") == "failed").sum(),
            unchanged=(pl.col("outcome") == "unchanged").sum(),
            **{name: pl.col(name).sum() for name in sums},
        )
        .sort("started_at", "run_id")
    )
