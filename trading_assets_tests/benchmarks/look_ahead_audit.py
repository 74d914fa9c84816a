"""What the look-ahead audit of a strategy takes. Arguments: type of the strategy, and symbols and sessions or a folder.

Without a folder the bars are those of the benchmarks' market. A folder has one parquet file of daily bars: symbol,
date, open, high, low, close, volume; the mean move of all symbols stands for their benchmark. Of a strategy on a model
its training and scoring is measured too. The report has CPU seconds (user and system) beside those of the wall, and the
largest memory of the process, all of one audit in a fresh process: compare two versions by pairs of runs.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config import Configuration
from trading_assets.features.daily import daily_features
from trading_assets.features.own import features_of
from trading_assets.market_data.tables import BARS
from trading_assets.models.run import run_model, samples_and_folds
from trading_assets.robustness.look_ahead.audit import look_ahead, violations
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets_tests.backtests.frames import BENCHMARK, frames_of, loaded
from trading_assets_tests.benchmarks.market import symbol_bars

MODEL = "forward_return"


def bars_of_folder(folder: Path) -> pl.DataFrame:
    """Rows of `market_data.bars` of the one parquet file of a folder, and of a benchmark made of them."""
    [file] = folder.glob("*.parquet")
    prices = ("open", "high", "low", "close")
    rows = (
        pl.read_parquet(file)
        .drop_nulls()
        .filter(*(pl.col(name) > 0 for name in prices))
        .select("symbol", *prices, session=pl.col("date").cast(pl.Date), volume=pl.col("volume").cast(pl.Float64))
        .with_columns(high=pl.max_horizontal(prices), low=pl.min_horizontal(prices), asset_class=pl.lit("equity"))
    )
    moves = rows.sort("symbol", "session").select("session", move=(pl.col("close").log().diff()).over("symbol"))
    level = moves.group_by("session").agg(pl.col("move").mean().round(9).fill_null(0.0)).sort("session")
    close = 100 * np.exp(level["move"].to_numpy().cumsum())
    index = level.select("session", symbol=pl.lit(BENCHMARK), volume=pl.lit(0.0), asset_class=pl.lit("index"))
    index = index.with_columns(pl.Series(name, close) for name in prices).select(rows.columns)
    return BARS.conform(
        pl.concat([rows, index])
        .sort("symbol", "session")
        .with_columns(
            split_ratio=pl.lit(1.0),
            cash_dividend=pl.lit(0.0),
            forward_factor=pl.lit(1.0),
            dollar_volume=pl.col("close") * pl.col("volume"),
            flags=pl.lit([], dtype=pl.List(pl.String)),
            source=pl.lit("files"),
            **{f"adj_{name}": pl.col(name) for name in prices},
        )
    )


def snapshot(bars: pl.DataFrame) -> MarketSnapshot:
    """The tables that go with the bars."""
    tables = frames_of(bars)
    names = ("bars", "quarantine", "sessions", "instruments", "universe")
    return MarketSnapshot(**{name: getattr(tables, name) for name in names})


def train(configuration: Configuration, whole: MarketSnapshot) -> None:
    """Train and score the model, as its asset does; its features are made before the time is taken."""
    settings = configuration.models[MODEL]
    features = daily_features(whole.bars, configuration.benchmarks, features_of(configuration), universe=whole.universe)

    def run() -> None:
        samples, folds = samples_and_folds(
            settings, bars=whole.bars, features=features, universe=whole.universe, benchmark=BENCHMARK
        )
        run_model(samples, folds, settings, name=MODEL, seed=configuration.seed, holdout_start=dt.date.max)

    report("training and scoring", run)


def report(what: str, work: Callable[[], object], **found: Any) -> None:
    """Do it once and print a line of JSON about it."""
    cpu, start = _cpu_seconds(), time.perf_counter()
    answer = work()
    wall, cpu = time.perf_counter() - start, _cpu_seconds() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    line = {"what": what, "seconds": round(wall, 3), "cpu_seconds": round(cpu, 3), "megabytes": round(peak)}
    print(json.dumps({**line, **found, **(answer if isinstance(answer, dict) else {})}), flush=True)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(strategy: str, *where: str) -> None:
    """Measure the audit of one strategy, `train` of a strategy on a model instead."""
    name = "ml" if strategy == "train" else strategy
    with tempfile.TemporaryDirectory() as folder:
        configuration = loaded(Path(folder), strategies={name: {"type": name}}, models={MODEL: {}})
        bars = bars_of_folder(Path(where[0])) if len(where) == 1 else symbol_bars(int(where[0]), int(where[1]))
        whole = snapshot(bars)
        if strategy == "train":
            train(configuration, whole)
            return

        def audit() -> dict[str, Any]:
            found = look_ahead(configuration, name, whole, configuration.robustness.look_ahead_cuts)
            return {"cuts": found["cut"].n_unique(), "rows": found.height, "violations": violations(found)}

        report(f"audit of {name}", audit, bars=whole.bars.height)


if __name__ == "__main__":
    main(*sys.argv[1:])
