"""A small experiment on a synthetic market, run asset by asset in this process."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

import trading_assets.backtests.assets
import trading_assets.features.assets
import trading_assets.market_data.assets
import trading_assets.models.assets
import trading_assets.robustness.assets
import trading_assets.robustness.checks
import trading_assets.strategies.assets
from trading_assets.asset_factories.partitions import monthly_partitions
from trading_assets.config import Configuration
from trading_assets.warehouse import Warehouse
from trading_assets_tests.loaded import loaded

STAGES = (
    trading_assets.market_data,
    trading_assets.features,
    trading_assets.models,
    trading_assets.strategies,
    trading_assets.backtests,
    trading_assets.robustness,
)

SETTINGS: dict[str, Any] = {
    "name": "small",
    "seed": 5,
    "start": "2015-01-01",
    "as_of": "2017-06-30",
    "market_data": [{"source": "synthetic", "asset_class": "equity", "symbols": ["AAA", "BBB", "CCC", "DDD"]}],
    "benchmarks": {"equity": "SPX"},
    "splits": {
        "train": ["2016-01-04", "2016-08-31"],
        "validation": ["2016-09-01", "2016-12-15"],
        "holdout": ["2016-12-16", "2017-06-30"],
    },
    "strategies": {
        "known": {"type": "equity_momentum", "trend_slope": -1.0},
        "unknown": {"type": "equity_momentum", "stop_atr": 2.0},
    },
    "registration": {
        "known": {"registered_on": "2016-12-15", "hypothesis": "No edge is planted, so none is expected."}
    },
    "robustness": {
        "resamples": 50,
        "permutations": 40,
        "cross_validation_blocks": 4,
        "look_ahead_cuts": 2,
        "grids": {name: {"stop_atr": [2.0, 2.5], "exit": ["ma_20", "staged"]} for name in ("known", "unknown")},
    },
}


@dataclass(frozen=True)
class Experiment:
    """A configuration file and a data folder."""

    folder: Path

    def write(self, **changes: Any) -> Configuration:
        """Write the settings with some of them changed."""
        text = yaml.safe_dump({**SETTINGS, **changes})
        (self.folder / "config.yaml").write_text(text)
        return self.configuration

    @property
    def configuration(self) -> Configuration:
        return loaded(self.folder / "config.yaml", self.folder / "data")

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.configuration.warehouse_path)

    def run(self, *keys: str) -> dg.ExecuteInProcessResult:
        """Materialise some assets (default: all) over the whole range."""
        configuration = self.configuration
        named = {key.split("/")[0] for key in keys}
        stages = [stage for stage in STAGES if not keys or stage.__name__.split(".")[-1] in named]
        assets: list[Any] = [asset for stage in stages for asset in stage.assets.build_assets(configuration)]
        checks = trading_assets.robustness.checks.build_checks(configuration)
        months = monthly_partitions(configuration).get_partition_keys()
        return dg.materialize(
            [*assets, *checks],
            selection=[dg.AssetKey(key.split("/")) for key in keys] or None,
            resources={"configuration": configuration, "warehouse": Warehouse(configuration.warehouse_path)},
            tags={"dagster/asset_partition_range_start": months[0], "dagster/asset_partition_range_end": months[-1]},
            run_config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
            raise_on_error=False,
        )

    def copy_to(self, folder: Path) -> Experiment:
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Experiment(folder)


def checks_of(result: dg.ExecuteInProcessResult, name: str) -> dict[str, bool]:
    """Whether a check passed, by asset."""
    return {
        evaluation.asset_key.to_user_string(): evaluation.passed
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.check_name == name
    }
