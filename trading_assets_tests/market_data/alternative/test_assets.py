"""The asset on a real warehouse, and what is made of it: months that a change touches, and no others."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

import trading_assets.features.assets
from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.features.checks import build_checks
from trading_assets.features.tables import CATALOG, DAILY
from trading_assets.market_data.alternative.assets import build_assets, publications
from trading_assets.market_data.tables import BARS, INSTRUMENTS, PUBLICATIONS, REWRITTEN_PUBLICATIONS
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.features.markets import market
from trading_assets_tests.market_data.markets import NOW

MONTHS = ["2018-01-01", "2018-02-01", "2018-03-01", "2018-04-01"]
ROWS = [f"2018-0{month}-{day} 10:00,{month}.{day}" for month in (1, 2, 3, 4) for day in (11, 22)]


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    values: dict[str, Any] = {
        "name": "published",
        "start": "2018-01-01",
        "as_of": "2018-04-30",
        "market_data": [{"source": "synthetic", "asset_class": "equity"}],
        "benchmarks": {"equity": "AAA"},
        "strategies": {"momentum": {"type": "equity_momentum"}},
        "alternative_data": {
            "macro": {"path": "macro.csv", "published": "time", "timezone": "America/New_York", "values": ["level"]}
        },
        "data": tmp_path,
        "directory": tmp_path,
    }
    return Configuration.model_validate(values)


@pytest.fixture
def warehouse(configuration: Configuration) -> Warehouse:
    adjusted = market(sessions=85)
    bars = BARS.conform(
        adjusted.with_columns(
            **{name: pl.col(f"adj_{name}") for name in ("open", "high", "low", "close")},
            volume=pl.col("dollar_volume") / pl.col("adj_close"),
            split_ratio=pl.lit(1.0),
            cash_dividend=pl.lit(0.0),
            forward_factor=pl.lit(1.0),
            source=pl.lit("synthetic"),
        )
    )
    listed = bars.group_by("symbol", "asset_class").agg(first_session=pl.col("session").min()).sort("symbol")
    instruments = INSTRUMENTS.conform(
        listed.with_columns(
            calendar=pl.lit("XNYS"), source=pl.lit("synthetic"), synthetic=pl.lit(True), in_universe=pl.lit(True)
        )
    )
    found = Warehouse(configuration.warehouse_path)
    found.replace(Whole(), {BARS: bars, INSTRUMENTS: instruments})
    return found


def deliver(configuration: Configuration, rows: list[str]) -> None:
    (configuration.directory / "macro.csv").write_text("\n".join(["time,level", *rows]))


def materialise(
    configuration: Configuration,
    instance: dg.DagsterInstance | None = None,
    span: tuple[str, str] = (MONTHS[0], MONTHS[-1]),
) -> dg.ExecuteInProcessResult:
    assets = [*build_assets(configuration), *trading_assets.features.assets.build_assets(configuration)]
    return dg.materialize(
        [*assets, *build_checks(configuration)],
        instance=instance or dg.DagsterInstance.ephemeral(),
        resources={"configuration": configuration, "warehouse": Warehouse(configuration.warehouse_path)},
        tags={"dagster/asset_partition_range_start": span[0], "dagster/asset_partition_range_end": span[1]},
    )


def months_told(result: dg.ExecuteInProcessResult) -> list[str]:
    """Months of `features/daily` that have an event of this run."""
    found = result.asset_materializations_for_node("features__daily")
    return sorted(each.partition for each in found if each.partition)


@pytest.mark.slow
def test_a_change_touches_its_month_and_those_after_it(configuration: Configuration, warehouse: Warehouse) -> None:
    instance = dg.DagsterInstance.ephemeral()
    deliver(configuration, ROWS)
    first = materialise(configuration, instance)
    assert first.success
    passed = {check.check_name: check.passed for check in first.get_asset_check_evaluations()}
    assert passed == {"contract": True, "finite_and_catalogued": True, "features_are_causal": True}
    before = warehouse.read(DAILY)
    assert before["alt_macro_level"].drop_nulls().n_unique() == len(ROWS)
    assert warehouse.read(CATALOG, where="category = 'alternative'").height == 4

    assert months_told(materialise(configuration, instance)) == [], "nothing has changed"

    deliver(configuration, [row.replace("3.22", "3.5") for row in ROWS])
    again = materialise(configuration, instance)
    assert months_told(again) == ["2018-03-01", "2018-04-01"]
    after = warehouse.read(DAILY)
    until = pl.col("session") < dt.date(2018, 3, 22)
    assert after.filter(until).equals(before.filter(until))
    assert 3.5 in after["alt_macro_level"].to_list()
    told = warehouse.read(REWRITTEN_PUBLICATIONS).select("published_at", "old", "new").rows()
    assert told == [(dt.datetime(2018, 3, 22, 14), 3.22, 3.5)]

    deliver(configuration, [*(row.replace("3.22", "3.5") for row in ROWS), "2018-04-25 09:00,7"])
    later = materialise(configuration, instance)
    assert months_told(later) == ["2018-04-01"]
    assert warehouse.read(REWRITTEN_PUBLICATIONS).height == 1, "a later publication is news"


def test_values_that_come_after_an_empty_file_are_told(
    configuration: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    """A header alone takes all values away; the others after it are held to what was known."""
    warehouse = Warehouse(configuration.warehouse_path)
    for number, rows in enumerate((ROWS[:2], [], [row + "9" for row in ROWS[:3]])):
        deliver(configuration, rows)
        now, log = NOW + dt.timedelta(days=number), logging.getLogger("trading_assets_tests")
        publications(Step(configuration, warehouse.unit_of_work(), None, None, "test", now, log))
    told = warehouse.read(REWRITTEN_PUBLICATIONS).sort("received_at", "published_at")
    assert told.select("old", "new").rows() == [(1.11, None), (1.22, None), (None, 1.119), (None, 1.229)]
    assert warehouse.read(PUBLICATIONS)["value"].to_list() == [1.119, 1.229, 2.119]
    assert caplog.text.count("2 publications of the past are others than before") == 2


@pytest.mark.slow
def test_months_and_the_whole_range_agree_to_the_bit(configuration: Configuration, warehouse: Warehouse) -> None:
    deliver(configuration, ROWS)
    assert materialise(configuration).success
    whole = warehouse.read(DAILY)
    warehouse.replace(Whole(), {DAILY: DAILY.empty()})
    for month in (MONTHS[3], MONTHS[1], MONTHS[0], MONTHS[2]):
        assert materialise(configuration, span=(month, month)).success
    assert warehouse.read(DAILY).equals(whole, null_equal=True)


def test_without_the_section_there_is_no_asset(configuration: Configuration) -> None:
    assert build_assets(configuration.model_copy(update={"alternative_data": {}})) == []
    [asset] = build_assets(configuration)
    assert asset.key.to_user_string() == PUBLICATIONS.name.replace(".", "/")
