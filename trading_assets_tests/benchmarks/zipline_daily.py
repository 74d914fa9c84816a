"""A portfolio by zipline: breakouts, looked for every session. Arguments: the file of the bars, a folder to write to.

At each close: out below the mean of 20 closes; into the highest breakouts above the 20 closes before while fewer than
8 are held, a tenth of the portfolio each; filled at the next session with fee and slippage per notional. That is less
than a run of ours does: one trigger, no stops, correlation limit, capacity, limits, or record of decisions.
The bars are ingested before; only the run is measured.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import create_engine
from zipline.algorithm import TradingAlgorithm
from zipline.api import order_target_percent, set_commission, set_slippage
from zipline.assets import AssetDBWriter, AssetFinder
from zipline.data.bcolz_daily_bars import BcolzDailyBarReader, BcolzDailyBarWriter
from zipline.data.data_portal import DataPortal
from zipline.finance.commission import PerDollar
from zipline.finance.slippage import FixedBasisPointsSlippage
from zipline.finance.trading import SimulationParameters
from zipline.utils.calendar_utils import get_calendar

from trading_assets_tests.benchmarks.bars import Bars, read_bars
from trading_assets_tests.benchmarks.measuring import measure, report

LOOK_BACK, MEAN, POSITIONS, WEIGHT, CLEARANCE = 56, 20, 8, 0.1, 1.005


def main(path: str, folder: str) -> None:
    warnings.filterwarnings("ignore")
    bars, calendar = read_bars(path), get_calendar("XNYS")
    days, count = pd.DatetimeIndex(bars.days), bars.close.shape[1]
    engine = create_engine(f"sqlite:///{folder}/assets.db")
    ingest(bars, days, calendar, engine, Path(folder) / "bars")
    finder = AssetFinder(engine)
    assets = finder.retrieve_all(range(count))

    def work() -> None:
        seen = [0]

        def handle_data(context: Any, data: Any) -> None:
            seen[0] += 1
            if seen[0] >= LOOK_BACK:
                trade(assets, data.history(assets, "close", LOOK_BACK, "1d").to_numpy(), context.portfolio.positions)

        reader = BcolzDailyBarReader(f"{folder}/bars")
        TradingAlgorithm(
            sim_params=SimulationParameters(
                start_session=days[0],
                end_session=days[-1],
                trading_calendar=calendar,
                capital_base=1e5,
                data_frequency="daily",
            ),
            data_portal=DataPortal(finder, calendar, days[0], equity_daily_reader=reader),
            asset_finder=finder,
            initialize=initialize,
            handle_data=handle_data,
            benchmark_returns=pd.Series(0.0, index=days),
            trading_calendar=calendar,
        ).run()

    report({"all": measure(work, warm_up=False)})  # nothing to compile


def initialize(context: Any) -> None:
    """Costs of the package's defaults."""
    set_commission(us_equities=PerDollar(1e-4))
    set_slippage(us_equities=FixedBasisPointsSlippage(8))


def trade(assets: list[Any], closes: np.ndarray, held: Any) -> None:
    """Orders of one close; `closes` is (sessions, symbols)."""
    last, highest = closes[-1], closes[-MEAN - 1 : -1].max(axis=0)
    mean = closes[-MEAN:].mean(axis=0)
    for asset in [asset for asset in held if last[asset.sid] < mean[asset.sid]]:
        order_target_percent(asset, 0)
    for i in np.argsort(-last / highest, kind="stable")[: max(0, POSITIONS - len(held))]:
        if last[i] >= CLEARANCE * highest[i] and assets[i] not in held:
            order_target_percent(assets[i], WEIGHT)


def ingest(bars: Bars, days: pd.DatetimeIndex, calendar: Any, engine: Any, path: Path) -> None:
    """Assets and daily bars in zipline's own stores."""
    count = bars.close.shape[1]
    equities = pd.DataFrame({"symbol": [f"S{number:04d}" for number in range(count)], "asset_name": ""})
    equities = equities.assign(start_date=days[0], first_traded=days[0], end_date=days[-1], exchange="NYSE")
    equities = equities.assign(auto_close_date=days[-1] + pd.Timedelta(days=30))
    exchanges = pd.DataFrame({"exchange": ["NYSE"], "canonical_name": ["NYSE"], "country_code": ["US"]})
    AssetDBWriter(engine).write(equities=equities, exchanges=exchanges)

    def frames() -> Iterator[tuple[int, pd.DataFrame]]:
        for i in range(count):
            columns = {name: getattr(bars, name)[:, i] for name in Bars._fields[:-1]}
            yield i, pd.DataFrame(columns, index=days)

    BcolzDailyBarWriter(str(path), calendar, days[0], days[-1]).write(frames())


if __name__ == "__main__":
    main(*sys.argv[1:])
