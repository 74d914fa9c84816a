"""The assets of the stage on a real warehouse."""

from __future__ import annotations

import datetime as dt
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
from trading_assets.features.own import FeatureError, assert_current, own_exposures
from trading_assets.features.tables import CATALOG, DAILY, INDICATORS, OWN_CODE
from trading_assets.market_data.tables import BARS
from trading_assets.protocol import Protocol
from trading_assets.protocol.exposures import NO_CONTENTS
from trading_assets.protocol.looks import LookRequest, decide_look, registered_since
from trading_assets.protocol.opened import state_of
from trading_assets.protocol.records import Record
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.features.markets import market
from trading_assets_tests.features.test_own import READER, configured, declared
from trading_assets_tests.protocol.worlds import HOLDOUT, SESSIONS, chain, make_bars, registered

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


@pytest.mark.slow
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


def exposures_on_record(configuration: Configuration) -> list[Record]:
    return [record for record in Protocol.of(configuration).read() if record.kind == "exposure"]


def test_a_holdout_is_on_record_as_exposed_before_own_code_sees_it(tmp_path: Path, bars: pl.DataFrame) -> None:
    """Even if the code fails: it has seen the bars. Without who may read them nothing of the holdout is shown."""
    failing = declared("slow", "CLOSE.map_batches(lambda s: 1 / 0)")
    closed = with_reader(tmp_path, failing, registration={})
    warehouse_with(closed, bars)
    with pytest.raises(FeatureError):
        materialise(closed, MONTHS[0], MONTHS[-1])
    [before] = exposures_on_record(closed)
    assert before.payload["end"] < OWN["splits"]["holdout"][0] and "opened_by" not in before.payload
    opened = with_reader(tmp_path, failing)
    for _ in range(2):  # the very same is put on record once
        with pytest.raises(FeatureError):
            materialise(opened, MONTHS[0], MONTHS[-1])
    earlier, record = exposures_on_record(opened)
    assert earlier == before
    assert record.subject == "mine.ideas"
    said = {key: record.payload[key] for key in ("stage", "start", "end", "symbols", "opened_by", "config_hash")}
    assert said == {
        "stage": "features",
        "start": "2018-01-01",
        "end": "2018-04-27",  # the 85th working day
        "symbols": ["AAA", "BBB", "CCC"],
        "opened_by": ["known"],
        "config_hash": opened.hash,
    }
    assert record.payload["state"] == state_of(opened)


def test_where_no_holdout_is_kept_what_own_code_sees_is_an_exposure_of_everybody(tmp_path: Path) -> None:
    """Another configuration may have a holdout there."""
    closed = with_reader(tmp_path, declared("slow", "change(CLOSE, 5)"), registration={})
    bars = make_bars(["A", "B"], common=0.5, seed=1).with_columns(asset_class=pl.lit("equity"))
    [entry] = own_exposures(closed, bars, None)
    assert (entry.payload["start"], entry.payload["end"]) == (str(SESSIONS[0]), str(SESSIONS[-1]))
    assert "opened_by" not in entry.payload
    assert own_exposures(closed, bars, SESSIONS[0] - dt.timedelta(days=1)) == []


def test_what_own_code_sees_costs_those_nothing_that_opened_it_and_exposes_others(tmp_path: Path) -> None:
    """`s` is registered in the state of the record; after a withdrawal, or elsewhere, it is in another one."""
    opened = with_reader(tmp_path, declared("slow", "change(CLOSE, 5)"))
    bars = make_bars(["A", "B"], common=0.5, seed=1).with_columns(asset_class=pl.lit("equity"))
    index = bars.with_columns(symbol=pl.lit("I"), asset_class=pl.lit("index"))
    [entry] = own_exposures(opened, pl.concat([bars, index]), None)
    returns = equal_weight_returns([bars], ["A", "B"], SESSIONS[0], SESSIONS[-1])
    asked = LookRequest("main", "s", "r1", "config", HOLDOUT, ["A", "B"], "{}", returns)
    own = state_of(opened)
    for recorded, state, count in (("main", own, 0), ("main", "withdrawn", 1), ("two", own, 1)):
        seen = chain(entry, configuration=recorded)
        records = chain(registered("s", state=state), after=seen)
        since = registered_since(records, asked.member, lambda record: True)
        made = decide_look(records, asked, since, NO_CONTENTS)[-1]
        assert (made.kind, made.payload["look"], made.payload["exposures"]) == ("look", 1, count)
        assert (made.payload["looks_before"], made.payload["price"]) == (0, 1.0)


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
