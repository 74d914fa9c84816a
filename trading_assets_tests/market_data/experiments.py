"""Small experiments over price files, and the steps of this stage run on them."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from trading_assets.asset_factories.step_record import Window
from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration, load_configuration
from trading_assets.market_data.assets import bars, raw_bars
from trading_assets.warehouse import Warehouse
from trading_assets_tests.market_data.markets import NOW

COLUMNS = ("symbol", "session", "open", "high", "low", "close", "volume", "adj_close")


def experiment(folder: Path, **values: Any) -> Configuration:
    """A configuration over `folder/prices/*.csv` from January to March 2024, loaded as a user's would be."""
    settings = {
        "name": "test",
        "start": dt.date(2024, 1, 1),
        "as_of": dt.date(2024, 3, 27),
        "market_data": [{"source": "files", "asset_class": "equity", "path": "prices/*.csv"}],
        "strategies": {"equity_momentum": {"type": "equity_momentum"}},
        **values,
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "experiment.yaml"
    file.write_text(yaml.safe_dump({key: value for key, value in settings.items() if value is not None}))
    return load_configuration(file, folder / "data")


def deliver(folder: Path, bars: pl.DataFrame, name: str = "bars.csv") -> None:
    """Put bars into a price file, in place of what it held."""
    (folder / "prices").mkdir(parents=True, exist_ok=True)
    bars.select(COLUMNS).write_csv(folder / "prices" / name)


def step(configuration: Configuration, first: dt.date, last: dt.date, now: dt.datetime = NOW) -> Step:
    return Step(
        configuration=configuration,
        work=Warehouse(configuration.warehouse_path).unit_of_work(),
        window=Window(first, last),
        strategy=None,
        run_id="test",
        now=now,
        log=logging.getLogger("trading_assets_tests"),
    )


MONTHS = [
    (dt.date(2024, 1, 1), dt.date(2024, 1, 31)),
    (dt.date(2024, 2, 1), dt.date(2024, 2, 29)),
    (dt.date(2024, 3, 1), dt.date(2024, 3, 31)),
]
WHOLE = (MONTHS[0][0], MONTHS[-1][1])
STEPS: tuple[Callable[[Step], Mapping[str, Any]], ...] = (raw_bars, bars)


def run(configuration: Configuration, span: tuple[dt.date, dt.date] = WHOLE, now: dt.datetime = NOW) -> Warehouse:
    """Both assets of the stage for a span of months."""
    for compute in STEPS:
        compute(step(configuration, *span, now))
    return Warehouse(configuration.warehouse_path)
