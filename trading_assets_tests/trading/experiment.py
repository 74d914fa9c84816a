"""The small experiment of the robustness stage with bars after its holdout, and an account of its strategy."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import dagster as dg

import trading_assets.trading.assets
import trading_assets.trading.checks
from trading_assets.asset_factories.partitions import monthly_partitions
from trading_assets.trading.opening import Opening, open_account
from trading_assets.warehouse import Warehouse
from trading_assets_tests.robustness import pipeline

STRATEGY = "known"
#: What the sessions of an account follow from.
INPUTS = ("market_data/raw_bars", "market_data/bars", "features/daily", "models/splits", f"strategies/{STRATEGY}")
#: What its verdict follows from, without which no entry is sent; the end of the bars is a part of the configuration.
JUDGED = (
    f"backtests/{STRATEGY}",
    *(f"robustness/{each}/{STRATEGY}" for each in ("sensitivity", "overfitting", "look_ahead", "holdout", "verdict")),
)
#: The first sessions after the holdout, which ends on a Friday.
FIRST, OPENED = dt.date(2017, 7, 3), dt.datetime(2017, 7, 1, 9, 0)


@dataclass(frozen=True)
class Experiment(pipeline.Experiment):
    """A configuration file and a data folder."""

    def until(self, as_of: str, **changes: Any) -> None:
        """Have bars up to a day."""
        self.write(as_of=as_of, **changes)

    def receive(self, day: str, **changes: Any) -> None:
        """Have bars up to a day, and what the account follows from: less than half of a whole run."""
        self.until(day, **changes)
        assert self.run(*INPUTS, *JUDGED).success

    def open(self, **said: Any) -> Opening:
        """Open an account of the strategy."""
        words: dict[str, Any] = {"session": FIRST, "capital": None, "mode": "paper", "by": "ops", "now": OPENED}
        return open_account(self.warehouse, self.configuration, STRATEGY, **words | said)

    def trade(self) -> dg.ExecuteInProcessResult:
        """Materialise the assets of the stage, with their checks."""
        configuration = self.configuration
        months = monthly_partitions(configuration).get_partition_keys()
        return dg.materialize(
            [
                *trading_assets.trading.assets.build_assets(configuration),
                *trading_assets.trading.checks.build_checks(configuration),
            ],
            resources={"configuration": configuration, "warehouse": Warehouse(configuration.warehouse_path)},
            tags={"dagster/asset_partition_range_start": months[0], "dagster/asset_partition_range_end": months[-1]},
            run_config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
            raise_on_error=False,
        )
