"""Assets of the monitoring stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
from trading_assets.monitoring.account_news import news_of_accounts
from trading_assets.monitoring.spans import newest_since
from trading_assets.monitoring.tables import ALERTS, DRIFT
from trading_assets.monitoring.telling import tell
from trading_assets.trading.opening import open_accounts
from trading_assets.warehouse import StaleInputError, Whole
from trading_assets.warehouse.content import Selected

if TYPE_CHECKING:
    from trading_assets.monitoring.drift import UsualValues

_CLASSES = ("symbol", "asset_class")


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
    instruments = step.work.read(INSTRUMENTS, columns=_CLASSES, where="in_universe")
    keys = step.work.read(DAILY, columns=["symbol", "session"], where="session >= ?", parameters=[train["start"]])
    keys = keys.join(instruments, on="symbol", how="left", maintain_order="left")
    since = newest_since(keys, train["end"], settings)
    # One hash of each part, which are then read some columns at a time: the first is the same as long as train is.
    parts = [("session BETWEEN ? AND ?", list(reference)), ("session > ? AND session >= ?", [train["end"], since])]
    read = [
        step.work.depend_on(DAILY, columns=["symbol", "session", *columns], where=where, parameters=parameters)
        for where, parameters in parts
    ]
    in_reference, session = pl.col("session").is_between(*reference), pl.col("session")
    keys = pl.concat([keys.filter(in_reference), keys.filter(session > train["end"], session >= since)])

    def values_of(names: Sequence[str]) -> pl.DataFrame:
        with step.work.aside().held_open() as held:
            values = pl.concat(
                held.read(DAILY, columns=names, where=where, parameters=parameters) for where, parameters in parts
            )
        if values.height != keys.height:
            raise StaleInputError(f"{DAILY.name} was replaced by another run while its columns were read")
        return values

    members = Selected.of_table(INSTRUMENTS.name, Whole(), columns=_CLASSES, where="in_universe")
    known = _usual_before(step, members, read[0])
    table = drift_of(keys, values_of, columns, reference, settings, known)
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


def accounts(step: Step) -> Mapping[str, Any]:
    """A line to the notifier for each new order sheet of a running account, and for each alarm: told once."""
    aside = step.work.aside()
    before = aside.read_or_empty(ALERTS)
    found = news_of_accounts(step.configuration, aside, set(before.select("source", "message").iter_rows()), step.now)
    found = found.with_columns(run_id=pl.lit(step.run_id)).join(before, on=["rule", "subject"], how="anti")
    aside.append(ALERTS, found)  # on record first: whoever is killed in between tells it twice to nobody
    at_once = found.filter(pl.col("told").fill_null(value=True))
    delivered = tell(aside, at_once, step.configuration.notifier, step.now)
    return {"told": "\n".join(found["message"]) or "nothing new", "delivered": delivered}


def _usual_before(step: Step, *reference: Selected) -> UsualValues:
    """What is usual of the reference by the last run, if it read the same one and its table is as it left it."""
    from trading_assets.monitoring.drift import usual_values

    if step.record is None or not all(map(step.record.was_read, reference)):
        return {}
    before = step.record.left(DRIFT)
    return {} if before is None else usual_values(before)


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """The drift table, and what open accounts have to tell."""
    names = list(open_accounts(configuration))
    deps = [f"trading/{kind}/{name}" for name in names for kind in ("orders", "divergence")]
    of_accounts = [table_asset(accounts, stage="monitoring", tables=(), deps=deps, kinds=("duckdb",))] if names else []
    return [
        *of_accounts,
        table_asset(
            drift,
            stage="monitoring",
            tables=[DRIFT],
            deps=["features/daily", "market_data/bars", "models/splits"],
            kinds=("polars", "numpy", "duckdb"),
            rule=Rule(nothing),
        ),
    ]
