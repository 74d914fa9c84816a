"""Adding one session to the bars of many symbols. Arguments: symbols, years of history.

A folder of CSV gets one file more with the bars of one session, and `raw_bars` and `bars` of its month are computed
from it as a daily run does.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from pathlib import Path

import polars as pl

from trading_assets.config.sources import SyntheticSource
from trading_assets.market_data.assets import bars, raw_bars
from trading_assets.market_data.sources.synthetic import ANCHOR, generate
from trading_assets_tests.benchmarks.market import SEED
from trading_assets_tests.benchmarks.measuring import RUNS, measure, report
from trading_assets_tests.market_data.experiments import deliver, experiment, step


def main(symbols: int, years: int) -> None:
    start = ANCHOR.replace(day=1)
    last = dt.date(start.year + years, 1, 31)
    source = SyntheticSource(source="synthetic", asset_class="equity", calendar="XNYS", symbols=symbols)
    received = generate(source, start, last, SEED)
    month = last.replace(day=1), last
    new = received.filter(pl.col("session") >= month[0])["session"].unique().sort()[-RUNS - 1 :].to_list()
    with tempfile.TemporaryDirectory() as folder:
        configuration = experiment(Path(folder), start=start, as_of=None)
        deliver(Path(folder), received.filter(pl.col("session") < new[0]), "history.csv")
        for compute in (raw_bars, bars):
            compute(step(configuration, start, last))
        sessions = iter(new)

        def add() -> None:
            session = next(sessions)
            deliver(Path(folder), received.filter(session=session), f"{session}.csv")
            for compute in (raw_bars, bars):
                compute(step(configuration, *month))

        report({"session": measure(add)}, bars=received.height)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
