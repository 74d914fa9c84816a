"""Assets of the features stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from trading_assets.asset_factories.partitions import every_month_before, monthly_partitions
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.config import Configuration, hash_of
from trading_assets.config.sections import Interval
from trading_assets.features.catalog import catalog_table
from trading_assets.features.daily import daily_features_until
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.indicators import indicators
from trading_assets.features.own import (
    code_of,
    code_rows,
    features_of,
    modules_of,
    open_until,
    own_exposures,
    own_features,
)
from trading_assets.features.tables import CATALOG, DAILY, INDICATORS, OWN_CODE
from trading_assets.market_data.derived_columns import assert_derived_as_written
from trading_assets.market_data.tables import BARS, UNIVERSE
from trading_assets.protocol import Protocol
from trading_assets.protocol.recording import record_exposures
from trading_assets.protocol.written_rows import hash_by_month, record_written
from trading_assets.warehouse import Sessions, Whole


def daily(step: Step) -> Mapping[str, Any]:
    """Indicators and features at the close of each session.

    Every symbol is read from its first bar, because Wilder's means depend on it; only the run's months are written.
    """
    months = step.months
    assert_derived_as_written(step.configuration, step.work, months.end)
    bars = step.work.read(BARS, columns=BAR_COLUMNS, where="session <= ?", parameters=[months.end])
    in_window = pl.col("session").is_between(months.start, months.end)
    universe = step.work.read_or_empty(UNIVERSE)
    declared, until = features_of(step.configuration), open_until(step.work, step.configuration)
    # Before anything is computed: code that fails, or prints, has seen the bars.
    record_exposures(Protocol.of(step.configuration), own_exposures(step.configuration, bars, until), step.now)
    features = daily_features_until(
        bars, step.configuration.benchmarks, declared, universe=universe, until=until
    ).filter(in_window)
    tables = {DAILY: features, INDICATORS: indicators(bars).filter(in_window)}
    # Without features of a user's own there are no rows: what an earlier run said of these months is true no more.
    if step.configuration.features or step.work.aside().exists(OWN_CODE.name):
        tables[OWN_CODE] = code_rows(step.configuration, months.start, months.end, until)
    step.work.replace(Sessions(months.start, months.end), tables)
    rows = [hash_by_month(table, step.work.written[table], months.start, months.end) for table in (DAILY, INDICATORS)]
    record_written(Protocol.of(step.configuration), "features/daily", rows, step.now)
    return {"features": len(declared), "symbols": features["symbol"].n_unique(), "most often null": _nulls(features)}


def catalog(step: Step) -> Mapping[str, Any]:
    """What each feature is: category, lookback, version, description and source of its formula."""
    table = catalog_table(features_of(step.configuration))
    step.work.replace(Whole(), {CATALOG: table})
    return {"by category": table.group_by("category", maintain_order=True).len("features").sort("category")}


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """The features and their catalogue."""
    declared = features_of(configuration)
    code = [[module.name, code_of(module)] for module in modules_of(declared)]
    version = hash_of([*((feature.column, feature.version) for feature in declared), *code])
    splits = ["models/splits"] if own_features(configuration) and not _has_dates(configuration) else []
    return [
        table_asset(
            daily,
            stage="features",
            tables=[DAILY, INDICATORS, *([OWN_CODE] if configuration.features else [])],
            deps=[*splits, dg.AssetDep(["market_data", "bars"], partition_mapping=every_month_before(configuration))],
            partitions=monthly_partitions(configuration),
            kinds=("numba", "duckdb"),
            code_version=version,
        ),
        table_asset(catalog, stage="features", tables=[CATALOG], code_version=version),
    ]


def _has_dates(configuration: Configuration) -> bool:
    """Whether the file says where development ends; else that is known once the splits are resolved."""
    return isinstance(configuration.splits.validation, Interval)


def _nulls(features: pl.DataFrame) -> pl.DataFrame:
    """The five features that are null most often, and in what share of the rows."""
    shares = features.drop("symbol", "session").null_count().unpivot(variable_name="feature", value_name="rows")
    share = (pl.col("rows") / max(features.height, 1)).round(4).alias("share")
    return shares.sort("rows", descending=True, maintain_order=True).head(5).with_columns(share)
