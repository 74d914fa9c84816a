"""Assets of the monitoring stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from trading_assets import charts
from trading_assets.asset_factories.step_record import Rule, nothing
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.config import Configuration
from trading_assets.features.feature import Feature
from trading_assets.features.own import features_of
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import INSTRUMENTS
from trading_assets.models.tables import SPLITS
from trading_assets.monitoring.tables import DRIFT
from trading_assets.warehouse import StaleInputError, Whole


def monitored(features: Sequence[Feature]) -> tuple[str, ...]:
    """Return the columns whose drift is measured: all but those of the calendar.

    These are known years ahead, and no window of months looks like all seasons.
    """
    return tuple(feature.column for feature in features if feature.category != "calendar")


def drift(step: Step) -> Mapping[str, Any]:
    """How far the features of the newest sessions are from those of the training span, by effect size."""
    from trading_assets.monitoring.drift import drift_of, is_drift_event

    settings = step.configuration.monitoring
    train = step.work.read(SPLITS, where="split = 'train'").row(0, named=True)
    reference = (train["start"], train["end"])
    columns = monitored(features_of(step.configuration))
    instruments = step.work.read(INSTRUMENTS, columns=["symbol", "asset_class"], where="in_universe")

    def read(names: Sequence[str]) -> pl.DataFrame:
        return step.work.read(DAILY, columns=names, where="session >= ?", parameters=[train["start"]])

    keys = read(["symbol", "session"])
    rows = keys.height

    def values_of(names: Sequence[str]) -> pl.DataFrame:
        values = read(names)
        if values.height != rows:
            raise StaleInputError(f"{DAILY.name} was replaced by another run while its columns were read")
        return values

    keys = keys.join(instruments, on="symbol", how="left", maintain_order="left")
    table = drift_of(keys, values_of, columns, reference, settings)
    step.work.replace(Whole(), {DRIFT: table})
    furthest = table.sort(pl.col("psi").fill_null(-1), descending=True, maintain_order=True).head(15)
    labels = pl.concat_str("feature", pl.lit(" ("), "asset_class", pl.lit(")")).alias("label")
    chart = charts.bars(
        furthest.filter(pl.col("psi").is_not_null()).with_columns(labels), "label", "psi", "Drift (PSI)"
    )
    return {
        "drift_event": is_drift_event(table, settings.alarm_share),
        "features_in_alarm": int(table["alarm"].sum()),
        "window_end": table["window_end"].max(),
        "furthest": furthest.select("asset_class", "feature", "psi", "psi_usual", "ks", "ks_usual", "alarm"),
        "chart": dg.MetadataValue.md(charts.markdown(chart)),
    }


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """The drift table."""
    return [
        table_asset(
            drift,
            stage="monitoring",
            tables=[DRIFT],
            deps=["features/daily", "market_data/bars", "models/splits"],
            kinds=("polars", "numpy", "duckdb"),
            rule=Rule(nothing),
        )
    ]
