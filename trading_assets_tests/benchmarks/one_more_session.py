"""What a run costs after one more session has come, by step. Arguments: a Parquet file of bars, years of history.

The file has symbol, date, open, high, low, close and volume, as those of `wide_market` have. Several years may be
given, each the last ones of the file: a rerun is flat in history if its CPU seconds are. For each of them a whole run
is made of all bars but those of the last session; then this session comes, and the run is made again in the same data
folder; then a run of all bars begins in an empty one, whose tables the rerun's have to equal. Each run is a process of
its own. Standard error has the steps in order of what the rerun takes; the line on standard output is JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets.config import load_configuration
from trading_assets.definitions import declared_tables
from trading_assets.warehouse import Table, Warehouse
from trading_assets_tests.benchmarks.measuring import contender

#: Shares of the sessions at which validation and holdout begin.
_BOUNDS = (0.6, 0.8)
_CONFIGURATION = """\
name: one_more
seed: 7
start: {start}
market_data:
  - {{source: files, asset_class: equity, path: "bars/*.parquet"}}
benchmarks: {{equity: {benchmark}}}
splits: {{train: [{train}, {train_end}], validation: [{validation}, {validation_end}], holdout: [{holdout}, {end}]}}
strategies:
  equity_momentum: {{type: equity_momentum}}
"""
#: Says what happened when, and in which run.
_OF_RUNS = {"run_id", "raw_commit"}
_LEDGERS = ("backtests.runs", "backtests.run_archive", "models.costs", "monitoring.run_metrics")


def main(bars: str, *years: str) -> None:
    """Measure each length of history, and print."""
    received = pl.read_parquet(bars).with_columns(pl.col("date").cast(pl.Date)).sort("date", "symbol")
    found = {}
    for each in years or ("1000",):
        with tempfile.TemporaryDirectory() as folder:
            found[each] = of_history(received, float(each), Path(folder))
        _show(each, found[each])
    print(json.dumps(found))


def of_history(received: pl.DataFrame, years: float, folder: Path) -> dict[str, Any]:
    """Return the measures of three runs of the last years of bars.

    Parameters
    ----------
    received
        Bars of the file, by symbol and date.
    years
        How many of the last ones count.
    folder
        An empty one.
    """
    days = received["date"].unique().sort()
    days = days.filter(days > days[-1] - dt.timedelta(days=round(365.25 * years)))
    received = received.filter(pl.col("date") >= days[0])
    first, last = (days[int(len(days) * each)] for each in _BOUNDS)
    text = _CONFIGURATION.format(
        start=days[0].replace(day=1),
        benchmark=received.group_by("symbol").len().sort("len", "symbol", descending=[True, False])["symbol"][0],
        train=days[0],
        train_end=first - dt.timedelta(days=1),
        validation=first,
        validation_end=last - dt.timedelta(days=1),
        holdout=last,
        end=days[-1],
    )
    config = folder / "one_more.yaml"
    config.write_text(text, encoding="utf-8")
    (folder / "bars").mkdir()

    def run(data: str, known: pl.DataFrame) -> dict[str, Any]:
        known.write_parquet(folder / "bars" / "bars.parquet")
        return contender("pipeline_stages", config, folder / data)

    before = received.filter(pl.col("date") < days[-1])
    runs = {"first": run("grown", before), "rerun": run("grown", received), "whole": run("anew", received)}
    grown, anew = contents(config, folder / "grown"), contents(config, folder / "anew")
    different = sorted(name for name in grown.keys() | anew.keys() if grown.get(name) != anew.get(name))
    if different:
        raise ValueError(f"a rerun leaves other rows than a whole run in {', '.join(different)}")
    return {"bars": received.height, **runs}


def contents(config: Path, data: Path) -> dict[str, str]:
    """Return the hash of the rows of each table, but for when they were written."""
    warehouse = Warehouse(load_configuration(config, data).warehouse_path)
    tables = {
        name: table for name, table in declared_tables().items() if name not in _LEDGERS and warehouse.exists(name)
    }
    return {name: warehouse.fingerprint(table, _of_the_moment(table)) for name, table in tables.items()}


def _of_the_moment(table: Table) -> list[str]:
    return [name for name, each in table.columns.items() if name in _OF_RUNS or isinstance(each.dtype, pl.Datetime)]


def _show(years: str, found: dict[str, Any]) -> None:
    """Print the steps, then all of them with what is around them."""
    of_steps = {name: {row["step"]: row["cpu_seconds"] for row in found[name]["steps"]} for name in ("whole", "rerun")}
    rows = {**of_steps["rerun"], "steps": sum(of_steps["rerun"].values()), "run": found["rerun"]["cpu_seconds"]}
    whole = {**of_steps["whole"], "steps": sum(of_steps["whole"].values()), "run": found["whole"]["cpu_seconds"]}
    print(f"{years} years, {found['bars']} bars: CPU seconds of a whole run, of one more session", file=sys.stderr)
    for step, seconds in sorted(rows.items(), key=lambda each: -each[1]):
        print(f"{whole.get(step, 0.0):9.2f} {seconds:9.2f}  {step}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
