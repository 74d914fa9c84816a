"""Telling what is on record: an alert that reached nobody is told again, and the record says that it did not."""

from __future__ import annotations

import datetime as dt
import math

import polars as pl

from trading_assets.config.sections import Notifier
from trading_assets.monitoring.alerts import notify
from trading_assets.monitoring.tables import ALERTS
from trading_assets.warehouse import Warehouse

#: State of an alert that was to be told, and reached nobody.
UNDELIVERED = "undelivered"


def tell(
    warehouse: Warehouse, rows: pl.DataFrame, notifier: Notifier, now: dt.datetime, until: float = math.inf
) -> bool:
    """Tell rows that are on record, note those of alerts that reached nobody, and return whether all did.

    On record first: who is killed in between has told nobody, which a row that comes after the telling would hide, too;
    but a notifier that is down must not make an alert one that was heard.

    Parameters
    ----------
    warehouse
        Where `rows` are on record.
    rows, notifier, now
        Rows of `monitoring.alerts` to be told, whom, and the time, UTC.
    until
        As `alerts.notify` has it.
    """
    lost = rows.filter(~delivered(rows, notifier, until))
    noted = lost.filter(pl.col("state").is_in(("raised", "answered")))
    if noted.height:
        warehouse.append(
            ALERTS,
            noted.with_columns(
                raised_at=pl.lit(now, pl.Datetime("us")),
                message=pl.lit("the notifier could not be reached: nobody was told"),
                state=pl.lit(UNDELIVERED),
                told=pl.lit(value=False),
            ),
        )
    return lost.is_empty()


def delivered(rows: pl.DataFrame, notifier: Notifier, until: float = math.inf) -> pl.Series:
    """Tell rows one by one, and return of each whether it reached everybody.

    Parameters
    ----------
    rows, notifier, until
        As `alerts.notify` has them.
    """
    return pl.Series([notify(row, notifier, until=until) for row in rows.iter_slices(1)], dtype=pl.Boolean)
