"""A rerun computes what has changed alone, and leaves what a run that computes everything leaves."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml

from trading_assets.asset_factories.table_asset import RECOMPUTE_TAG
from trading_assets.definitions import build_definitions, declared_tables
from trading_assets.protocol import Protocol
from trading_assets.protocol.records import CONTENTS_KEY
from trading_assets.warehouse import Table, Warehouse
from trading_assets_tests.loaded import loaded

SETTINGS: dict[str, Any] = {
    "name": "again",
    "seed": 3,
    "start": "2015-01-01",
    "market_data": [{"source": "files", "asset_class": "equity", "path": "bars/*.csv", "symbol_from": "symbol"}],
    "benchmarks": {"equity": "AAA"},
    "splits": {
        "train": ["2016-01-04", "2016-06-30"],
        "validation": ["2016-07-01", "2016-09-30"],
        "holdout": ["2016-10-03", "2016-12-30"],
    },
    "strategies": {
        "known": {"type": "equity_momentum", "trend_slope": -1.0},
        "unknown": {"type": "equity_momentum", "stop_atr": 2.0},
        "own": {"type": "own.mine", "universe": "equity", "stop_atr": 2.0, "capacity": 0.5},
    },
    "models": {
        "scores": {
            "universe": "equity",
            "horizon": 5,
            "train_sessions": 150,
            "test_sessions": 50,
            "embargo_sessions": 5,
            "trees": 5,
            "min_rows": 100,
        }
    },
    "regimes": {"number": 2, "min_sessions": 200, "refit_sessions": 50},
    "monitoring": {"window_sessions": 40},
    "registration": {
        "known": {"registered_on": "2016-09-30", "hypothesis": "No edge is planted, so none is expected."}
    },
    "robustness": {
        "resamples": 20,
        "permutations": 20,
        "cross_validation_blocks": 4,
        "look_ahead_cuts": 1,
        "stress_scenarios": ["flash_crash"],
        "grids": {name: {"stop_atr": [2.0, 2.5]} for name in ("known", "unknown")},
    },
    "reports": {"data_docs": False},
}
MODULE = """
import polars as pl

from trading_assets.strategies import ExitRule, OrderParameters, Rules, Trigger


class Parameters(OrderParameters):
    '''Nothing more.'''


def rules(parameters):
    return Rules(
        eligible=pl.col("adj_close") > 0,
        triggers=(Trigger(name="up", strength=pl.col("adj_close"), threshold={threshold}, rank=pl.col("adj_close")),),
        exits={{"down": pl.col("adj_close") < {threshold}}},
        exit=ExitRule("down"),
        exit_reason="down",
    )
"""
DAYS = [day for day in pl.date_range(dt.date(2015, 1, 5), dt.date(2017, 1, 31), "1d", eager=True) if day.weekday() < 5]
#: Of no table that is compared: what happened when, and in which run.
TOLD_APART = {"run_id", "raw_commit"}
#: Have a row for each computation.
RUNS = ("backtests.runs", "backtests.run_archive", "models.costs", "monitoring.run_metrics")


def prices(seed: int, sessions: int) -> pl.DataFrame:
    draws = np.random.Generator(np.random.PCG64(seed))
    close = 50 * np.exp(np.cumsum(draws.normal(0.0005, 0.02, len(DAYS))))
    open_ = close * np.exp(draws.normal(0, 0.005, len(DAYS)))
    frame = pl.DataFrame(
        {
            "date": DAYS,
            "open": open_,
            "high": np.maximum(open_, close) * 1.01,
            "low": np.minimum(open_, close) * 0.99,
            "close": close,
            "volume": draws.integers(100_000, 200_000, len(DAYS)),
        }
    )
    return frame.head(sessions)


class Folder:
    """Files of a user's, and two data folders: one whose runs compute what has changed, one that computes all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = {**SETTINGS}
        self.bars = {name: prices(number, 505) for number, name in enumerate(("AAA", "BBB", "CCC", "DDD"))}
        self.threshold = 40.0
        self.write()

    def write(self) -> None:
        (self.path / "bars").mkdir(exist_ok=True)
        (self.path / "own").mkdir(exist_ok=True)
        (self.path / "own" / "__init__.py").touch()
        (self.path / "own" / "mine.py").write_text(MODULE.format(threshold=self.threshold))
        for name, frame in self.bars.items():
            frame.with_columns(symbol=pl.lit(name)).write_csv(self.path / "bars" / f"{name}.csv")
        (self.path / "config.yaml").write_text(yaml.safe_dump(self.settings))

    def run(self, data: str, instance: dg.DagsterInstance, **tags: str) -> dg.ExecuteInProcessResult:
        configuration = loaded(self.path / "config.yaml", self.path / data)
        job = build_definitions(configuration).resolve_job_def("everything")
        months = sorted({f"{day:%Y-%m}-01" for day in DAYS})
        return job.execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": months[0],
                "dagster/asset_partition_range_end": months[-1],
                **tags,
            },
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    def contents(self, data: str) -> dict[str, object]:
        """What each table says, but for when it was said; and what is on record."""
        configuration = loaded(self.path / "config.yaml", self.path / data)
        warehouse = Warehouse(configuration.warehouse_path)
        found: dict[str, object] = {}
        for name, table in declared_tables().items():
            if name not in RUNS and warehouse.exists(name):
                found[name] = warehouse.fingerprint(table, _of_the_moment(table))
        found["protocol"] = sorted(
            str((each.kind, each.subject, {k: v for k, v in each.payload.items() if k not in (CONTENTS_KEY, "id")}))
            for each in Protocol.of(configuration).read()
        )
        return found


def _of_the_moment(table: Table) -> list[str]:
    return [
        name for name, column in table.columns.items() if name in TOLD_APART or isinstance(column.dtype, pl.Datetime)
    ]


def computed(result: dg.ExecuteInProcessResult) -> set[str]:
    """Assets that were computed, those by month with their months."""
    return {
        "/".join(each.asset_key.path) + (f" {each.partition[:7]}" if each.partition else "")
        for event in result.get_asset_materialization_events()
        for each in [event.step_materialization_data.materialization]
    }


def new_session(folder: Folder, chance: random.Random) -> None:
    for number, (name, frame) in enumerate(folder.bars.items()):
        folder.bars[name] = prices(number, frame.height + 1)


def revised_bar(folder: Folder, chance: random.Random) -> None:
    name = chance.choice(sorted(folder.bars))
    row = chance.randrange(300, folder.bars[name].height)
    at = pl.int_range(pl.len()) == row
    folder.bars[name] = folder.bars[name].with_columns(
        pl.when(at).then(pl.col("high") * 1.01).otherwise("high").alias("high")
    )


def rescaled_history(folder: Folder, chance: random.Random) -> None:
    """A vendor adjusts what it delivered for a split."""
    name = chance.choice(sorted(folder.bars))
    prices_of = [pl.col(each) / 2 for each in ("open", "high", "low", "close")]
    folder.bars[name] = folder.bars[name].with_columns(*prices_of, pl.col("volume") * 2)


def changed_key(folder: Folder, chance: random.Random) -> None:
    folder.settings["robustness"] = {**folder.settings["robustness"], "resamples": chance.randrange(21, 40)}


def changed_module(folder: Folder, chance: random.Random) -> None:
    folder.threshold = 20 + 40 * chance.random()


def new_symbol(folder: Folder, chance: random.Random) -> None:
    folder.bars["EEE"] = prices(99, folder.bars["AAA"].height)


def deleted_page(folder: Folder, chance: random.Random) -> None:
    (folder.path / "quick" / "again" / "reports" / "known.html").unlink()


def nothing(folder: Folder, chance: random.Random) -> None:
    """Leave all as it is."""


@pytest.mark.acceptance
@pytest.mark.parametrize("seed", [1])
def test_any_sequence_of_changes_leaves_what_a_computation_of_everything_leaves(tmp_path: Path, seed: int) -> None:
    chance, folder = random.Random(seed), Folder(tmp_path)
    instance, other = dg.DagsterInstance.ephemeral(), dg.DagsterInstance.ephemeral()
    changes: list[Callable[[Folder, random.Random], None]] = [
        nothing, new_session, revised_bar, changed_key, changed_module, new_symbol, deleted_page, rescaled_history
    ]  # fmt: skip
    for change in [nothing, new_session, *chance.sample(changes, len(changes)), new_session]:
        change(folder, chance)
        folder.write()
        assert folder.run("quick", instance).success, change.__name__
        assert folder.run("whole", other, **{RECOMPUTE_TAG: "true"}).success
        quick, whole = folder.contents("quick"), folder.contents("whole")
        assert {name for name in whole if quick.get(name) != whole[name]} == set(), change.__name__
        assert (tmp_path / "quick" / "again" / "reports" / "known.html").exists()


@pytest.mark.slow
def test_a_rerun_touches_what_has_changed_alone(tmp_path: Path) -> None:
    folder, instance = Folder(tmp_path), dg.DagsterInstance.ephemeral()
    first = computed(folder.run("quick", instance))
    months = {f"{day:%Y-%m}" for day in DAYS}
    assert {each for each in first if each.startswith("features/daily")} == {
        f"features/daily {each}" for each in months
    }
    views = {"market_data/incomplete_sessions", "market_data/quality_summary", *SQL_MODELS}
    always = {
        "reports/index",
        "reports/archive/run",
        *(f"robustness/verdict/{name}" for name in SETTINGS["strategies"]),
    }
    assert computed(folder.run("quick", instance)) - views == always

    new_session(folder, random.Random(0))
    folder.write()
    after = computed(folder.run("quick", instance))
    month, names = f"{DAYS[505]:%Y-%m}", SETTINGS["strategies"]
    stages = ("market_data/", "features/", "strategies/", "backtests/", "robustness/")
    assert {each for each in after if each.startswith(stages)} - views - always == {
        f"market_data/raw_bars {month}",
        f"market_data/bars {month}",
        f"features/daily {month}",
        "strategies/known",  # registered, so that it looks at the new session
        "robustness/look_ahead/known",
        "robustness/holdout/known",
        # What it saw is one more trial on record.
        "robustness/reality_check",
        *(f"robustness/overfitting/{name}" for name in names),
    }


FOLDER = Path(__file__).parents[2] / "dbt_like_sql"
SQL_MODELS = {f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.sql")}
