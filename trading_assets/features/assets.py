"""Assets of the features stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from trading_assets.asset_factories.partitions import every_month_before, monthly_partitions
from trading_assets.asset_factories.step_record import ByMonth, Rule, Window, nothing
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.config import Configuration, hash_of
from trading_assets.config.sections import Interval
from trading_assets.features.alternative import Publications, with_alternative, without_alternative
from trading_assets.features.catalog import catalog_table
from trading_assets.features.daily import daily_features_until
from trading_assets.features.feature import Feature
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.indicators import indicators
from trading_assets.features.own import (
    OwnFeature,
    code_of,
    code_rows,
    features_of,
    modules_of,
    open_until,
    own_exposures,
    own_features,
)
from trading_assets.features.streamed import stream_features
from trading_assets.features.tables import CATALOG, DAILY, INDICATORS, OWN_CODE
from trading_assets.market_data.alternative.written import assert_publications_as_written
from trading_assets.market_data.derived_columns import assert_derived_as_written
from trading_assets.market_data.tables import BARS, INSTRUMENTS, PUBLICATIONS, UNIVERSE
from trading_assets.protocol import Protocol
from trading_assets.protocol.recording import record_exposures
from trading_assets.protocol.written_rows import hashes_by_month, record_written
from trading_assets.warehouse import Sessions, Table, Whole
from trading_assets.warehouse.by_symbol import read_by_symbol
from trading_assets.warehouse.put_aside import Batches, PutAside
from trading_assets.warehouse.warehouse import Written


def daily(step: Step) -> Mapping[str, Any]:
    """Indicators and features at the close of each session.

    Every symbol is read from its first bar, because Wilder's means depend on it; only the run's months are written.
    """
    months = step.months
    assert_derived_as_written(step.configuration, step.work, months.end)
    if step.configuration.alternative_data:
        assert_publications_as_written(step.configuration, step.work)
    declared, folder = features_of(step.configuration), step.configuration.warehouse_path.parent
    with PutAside(folder) as aside:
        written = {table: _Written(table, months, aside) for table in (DAILY, INDICATORS)}
        for features in _features(step, declared, written[INDICATORS], aside):
            written[DAILY].add(features)
        tables: dict[Table, Written] = {table: each.batches for table, each in written.items()}
        # Without features of a user's own there are no rows: what an earlier run said of these months is true no more.
        if step.configuration.features or step.work.aside().exists(OWN_CODE.name):
            until = open_until(step.work, step.configuration)
            tables[OWN_CODE] = code_rows(step.configuration, months.start, months.end, until)
        step.work.replace(Sessions(months.start, months.end), tables)
    hashes = [each.hashes.rows() for each in written.values()]
    record_written(Protocol.of(step.configuration), "features/daily", hashes, step.now)
    daily_rows = written[DAILY]
    return {
        "features": len(declared),
        "symbols": daily_rows.symbols,
        "most often null": _nulls(daily_rows.nulls, daily_rows.batches.height),
    }


class _Written:
    """Rows of one table as they come: put aside to be written, hashed and counted."""

    def __init__(self, table: Table, months: Window, aside: PutAside) -> None:
        self.batches = Batches(table, Sessions(months.start, months.end), aside)
        self.hashes = hashes_by_month(table, months.start, months.end)
        self.nulls: Counter[str] = Counter()
        self.symbols = 0
        self._in_months = pl.col("session").is_between(months.start, months.end)

    def add(self, rows: pl.DataFrame) -> None:
        """Add the rows of all sessions, or of the months, of some symbols."""
        stored = self.batches.add(rows.filter(self._in_months))
        self.hashes.add(stored)
        self.nulls.update(stored.null_count().row(0, named=True))
        self.symbols += stored["symbol"].n_unique()


def _features(step: Step, declared: Sequence[Feature], levels: _Written, aside: PutAside) -> Iterator[pl.DataFrame]:
    """Features of the run's months, batch by batch; the indicators of the same bars go to `levels`."""
    months, benchmarks = step.months, step.configuration.benchmarks
    universe, published = step.work.read_or_empty(UNIVERSE), _publications(step)
    if any(isinstance(feature, OwnFeature) for feature in declared):
        bars = step.work.read(BARS, columns=BAR_COLUMNS, where="session <= ?", parameters=[months.end])
        until = open_until(step.work, step.configuration)
        # Before anything is computed: code that fails, or prints, has seen the bars.
        record_exposures(Protocol.of(step.configuration), own_exposures(step.configuration, bars, until), step.now)
        levels.add(indicators(bars))
        yield daily_features_until(bars, benchmarks, declared, universe=universe, until=until, publications=published)
        return

    def bars_of(symbols: Sequence[str]) -> pl.DataFrame:
        where, parameters = "session <= ? AND list_contains(?, symbol)", [months.end, list(symbols)]
        return step.work.read(BARS, columns=BAR_COLUMNS, where=where, parameters=parameters)

    def batches() -> Iterator[pl.DataFrame]:
        for bars in read_by_symbol(step.work, BARS, columns=BAR_COLUMNS, where="session <= ?", parameters=[months.end]):
            levels.add(indicators(bars, span=(months.start, months.end)))
            yield bars

    made = stream_features(
        batches(),
        bars_of([*benchmarks.values()]),
        benchmarks,
        without_alternative(declared),
        universe=universe,
        span=(months.start, months.end),
        aside=aside,
    )
    for rows in made:
        yield with_alternative(rows, declared, published)


def _publications(step: Step) -> Publications | None:
    """What was published up to the run's last month; None without alternative data. Names symbols that nobody has."""
    if not step.configuration.alternative_data:
        return None
    rows = step.work.read_or_empty(PUBLICATIONS, where="session <= ?", parameters=[step.months.end])
    instruments = step.work.read(INSTRUMENTS, columns=["symbol", "calendar"])
    nobody = set(rows["symbol"]) - {"", *instruments["symbol"]}
    if nobody:
        shown = ", ".join(sorted(nobody)[:10]) + (", ..." if len(nobody) > 10 else "")
        step.log.warning(f"{len(nobody)} symbols of alternative data are no instruments and are not used: {shown}")
    return Publications.of(rows, instruments)


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
    published = [PUBLICATIONS] if configuration.alternative_data else []
    splits = ["models/splits"] if own_features(configuration) and not _has_dates(configuration) else []
    return [
        table_asset(
            daily,
            stage="features",
            tables=[DAILY, INDICATORS, *([OWN_CODE] if configuration.features else [])],
            deps=[
                *splits,
                *(each.name.replace(".", "/") for each in published),
                dg.AssetDep(["market_data", "bars"], partition_mapping=every_month_before(configuration)),
            ],
            partitions=monthly_partitions(configuration),
            kinds=("numba", "duckdb"),
            code_version=version,
            rule=Rule(
                nothing, by_month=ByMonth(BARS, tuple(BAR_COLUMNS), (DAILY, INDICATORS, OWN_CODE), tuple(published))
            ),
        ),
        table_asset(catalog, stage="features", tables=[CATALOG], code_version=version, rule=Rule(nothing)),
    ]


def _has_dates(configuration: Configuration) -> bool:
    """Whether the file says where development ends; else that is known once the splits are resolved."""
    return isinstance(configuration.splits.validation, Interval)


def _nulls(nulls: Mapping[str, int], rows: int) -> pl.DataFrame:
    """The five features that are null most often, and in what share of the rows."""
    features = {name: count for name, count in nulls.items() if name not in DAILY.columns}
    counts = pl.DataFrame(
        {"feature": [*features], "rows": [*features.values()]}, schema={"feature": pl.String, "rows": pl.UInt32}
    )
    share = (pl.col("rows") / max(rows, 1)).round(4).alias("share")
    return counts.sort("rows", descending=True, maintain_order=True).head(5).with_columns(share)
