"""An order that is taken back: written down before the broker is asked, and after it has said that nothing more comes.

So it is on the audit trail, why it was taken back, and what came of it, whoever was killed in between.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from trading_assets.trading.brokers.port import (
    CANCELLED,
    Broker,
    BrokerOrder,
    BrokerUnavailableError,
    UnknownOrderError,
)
from trading_assets.trading.tables import SUBMISSIONS
from trading_assets.warehouse import Warehouse

#: Event of `trading.submissions`: the broker is about to be asked to take an order back.
CANCEL = "cancel"
_SAME = ("strategy", "account", "client_order_id", "for_session", "symbol", "pair_id", "side", "quantity")


def note(warehouse: Warehouse, row: Mapping[str, object], event: str, reason: str | None, now: dt.datetime) -> None:
    """Write an event of an order down, on disk when this returns; the same event of the same order is there once.

    Parameters
    ----------
    warehouse, row
        Where it is written, and a row of `trading.order_sheets` or `trading.submissions` of the order.
    event, reason
        An event of `trading.submissions`, and why; None where there is nothing to say.
    now
        Time of the record, UTC.
    """
    line = {**{name: row[name] for name in _SAME}, "event": event, "reason": reason, "recorded_at": now}
    warehouse.append_new(SUBMISSIONS, SUBMISSIONS.conform(pl.DataFrame([line])))


def take_order_back(
    warehouse: Warehouse, broker: Broker, row: Mapping[str, object], why: str, now: dt.datetime
) -> BrokerOrder | None:
    """Ask a broker to take an order back, and return how it stands then; None where the broker does not say.

    Parameters
    ----------
    warehouse, broker
        Where it is written down, and who is asked.
    row, why
        A row of the order, as `note` takes it, and why it is taken back.
    now
        Time of the records, UTC.
    """
    note(warehouse, row, CANCEL, why, now)
    try:
        found = broker.cancel(str(row["client_order_id"]))
    except (UnknownOrderError, BrokerUnavailableError):
        return None
    note_taken_back(warehouse, row, found, why, now)
    return found


def note_taken_back(
    warehouse: Warehouse, row: Mapping[str, object], order: BrokerOrder, why: str, now: dt.datetime
) -> None:
    """Write down that an order that was to be taken back is; of one that filled meanwhile its fills tell.

    Parameters
    ----------
    warehouse, row
        As `note` takes them.
    order, why
        What the broker says of it, and why it was taken back.
    now
        Time of the record, UTC.
    """
    if order.status == CANCELLED:
        note(warehouse, row, CANCELLED, why, now)
