"""The assets of the stage on a real warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.features.assets import build_assets
from trading_assets.features.checks import build_checks
from trading_assets.features.daily import daily_features
from trading_assets.features.indicators import indicators
from trading_assets.features.own import FeatureError, assert_current
from trading_assets.features.tables import CATALOG, DAILY, INDICATORS, OWN_CODE
from trading_assets.market_data.tables import BARS
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.features.markets import market
from trading_assets_tests.features.test_own import READER, configured, declared

MONTHS = ["2018-01-01", "2018-02-01", "2018-03-01", "2018-04-01"]


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    values = {
        "name": "features_only",
        "start": "2018-01-01",
        "as_of": "2018-04-30",
        "market_data": [{"source": "synthetic", "asset_class": "equity"}],
        "benchmarks": {"equity": "AAA"},
        "strategies": {"momentum": {"type": "equity_momentum"}},
        "data": tmp_path,
    }
    return Configuration.model_validate(values)


@pytest.fixture
def bars() -> pl.DataFrame:
    adjusted = market(sessions=85)
    raw = {name: pl.col(f"adj_{name}") for name in ("open", "high", "low", "close")}
    return adjusted.with_columns(
        **raw,
        volume=pl.col("dollar_volume") / pl.col("adj_close"),
        split_ratio=pl.lit(1.0),
        cash_dividend=pl.lit(0.0),
        forward_factor=pl.lit(1.0),
        source=pl.lit("synthetic"),
    )


def warehouse_with(configuration: Configuration, bars: pl.DataFrame) -> Warehouse:
    warehouse = Warehouse(configuration.warehouse_path)
    warehouse.replace(Whole(), {BARS: bars})
    return warehouse


def materialise(
    configuration: Configuration, first: str, last: str, checks: Sequence[dg.AssetChecksDefinition] = ()
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [*build_assets(configuration), *checks],
        instance=dg.DagsterInstance.ephemeral(),
        resources={"configuration": configuration, "warehouse": Warehouse(configuration.warehouse_path)},
        tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
    )


def test_months_and_the_whole_range_agree_to_the_bit(configuration: Configuration, bars: pl.DataFrame) -> None:
    warehouse = warehouse_with(configuration, bars)
    assert materialise(configuration, MONTHS[0], MONTHS[-1]).success
    whole = [warehouse.read(table) for table in (DAILY, INDICATORS, CATALOG)]
    warehouse.replace(Whole(), {DAILY: DAILY.empty(), INDICATORS: INDICATORS.empty()})
    for month in (MONTHS[3], MONTHS[1], MONTHS[0], MONTHS[2]):
        assert materialise(configuration, month, month).success
    again = [warehouse.read(table) for table in (DAILY, INDICATORS, CATALOG)]
    assert all(left.equals(right, null_equal=True) for left, right in zip(whole, again, strict=True))
    assert whole[0].equals(DAILY.conform(daily_features(bars, configuration.benchmarks)), null_equal=True)
    assert whole[1].equals(INDICATORS.conform(indicators(bars)), null_equal=True)


#: What makes the small experiment one of the months of this file, with a strategy that may read any feature.
OWN: dict[str, Any] = {
    "start": "2018-01-01",
    "as_of": "2018-04-30",
    "benchmarks": {"equity": "AAA"},
    "splits": {
        "train": ["2018-01-01", "2018-02-15"],
        "validation": ["2018-02-16", "2018-02-28"],
        "holdout": ["2018-03-01", "2018-04-30"],
    },
    "strategies": {"known": {"type": "mine.reader"}, "other": {"type": "equity_momentum"}},
    "robustness": {},
}


def with_reader(folder: Path, feature: str, **changes: Any) -> Configuration:
    """A configuration with a feature of a user's own; `known` is registered and may read it."""
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / "reader.py").write_text(READER)
    return configured(folder, feature, changes={**OWN, **changes})


def test_months_that_are_made_anew_without_a_feature_are_no_longer_on_record_as_made_with_it(
    tmp_path: Path, bars: pl.DataFrame
) -> None:
    """The key is taken away, March made anew, and the key put back: the values of March are null."""
    feature = declared("slow", "change(CLOSE, 5)")
    own = with_reader(tmp_path, feature)
    warehouse = warehouse_with(own, bars)
    assert materialise(own, MONTHS[0], MONTHS[-1]).success
    assert_current(warehouse, own, {"slow"})
    without = with_reader(tmp_path, feature, features=[], strategies={"known": {"type": "equity_momentum"}})
    assert materialise(without, MONTHS[2], MONTHS[2]).success
    assert warehouse.read(OWN_CODE)["session"].dt.month().to_list() == [1, 2, 4]
    with pytest.raises(FeatureError, match="in 1 months, the first of them 2018-03"):
        assert_current(warehouse, with_reader(tmp_path, feature), {"slow"})


def test_metadata_and_checks(configuration: Configuration, bars: pl.DataFrame) -> None:
    warehouse_with(configuration, bars)
    result = materialise(configuration, MONTHS[0], MONTHS[-1], build_checks(configuration))
    (event,) = result.asset_materializations_for_node("features__daily")[:1]
    assert event.metadata["dagster/row_count"].value == bars.height
    assert event.metadata["symbols"].value == 3
    passed = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert passed == {"contract": True, "finite_and_catalogued": True, "features_are_causal": True}


def test_daily_is_stale_when_any_month_before_changes(configuration: Configuration) -> None:
    daily = build_assets(configuration)[0]
    mapping = daily.get_partition_mapping_for_dep(dg.AssetKey(["market_data", "bars"]))
    assert daily.partitions_def is not None
    assert mapping is not None
    upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(
        daily.partitions_def.subset_with_partition_keys([MONTHS[2]]), daily.partitions_def, daily.partitions_def
    )
    assert list(upstream.partitions_subset.get_partition_keys()) == MONTHS[:3]
