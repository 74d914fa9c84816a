"""Signals, orders, trades and portfolios of a run as records of the log: of the newest session, where they are new."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from trading_assets.asset_factories.step_metering import DONE
from trading_assets.strategies.tables import SIGNALS
from trading_assets.structured_log import record
from trading_assets.trading.tables import ENGINE_FILLS, EQUITY, ORDER_SHEETS
from trading_assets.warehouse import Table, Warehouse


class _Kind(NamedTuple):
    """A kind of event: asset that makes it new, its table, and the columns that a record has."""

    event: str
    stage: str
    table: Table
    columns: tuple[str, ...]


_ACCOUNT = ("strategy", "account", "session")
KINDS = (
    _Kind("signal", "strategies/", SIGNALS, ("strategy", "session", "symbol", "action", "reason")),
    _Kind("portfolio", "trading/account/", EQUITY, (*_ACCOUNT, "equity", "cash", "positions", "drawdown", "halted")),
    _Kind("trade", "trading/account/", ENGINE_FILLS, (*_ACCOUNT, "symbol", "side", "quantity", "price", "fee")),
    _Kind(
        "order",
        "trading/orders/",
        ORDER_SHEETS,
        (*_ACCOUNT, "client_order_id", "decision_id", "symbol", "side", "quantity", "status", "blocked_by"),
    ),
)


def record_events(warehouse: Warehouse, metrics: pl.DataFrame) -> int:
    """Write a record for each row of the newest session of what a run has made anew, and return how many.

    Parameters
    ----------
    warehouse, metrics
        Warehouse, and the steps of the run, rows of `monitoring.run_metrics`.
    """
    made = set(metrics.filter(outcome=DONE)["step"])
    count = 0
    for kind in KINDS:
        names = [step.removeprefix(kind.stage) for step in made if step.startswith(kind.stage)]
        if names:
            count += _record_newest(warehouse, kind, names)
    return count


def _record_newest(warehouse: Warehouse, kind: _Kind, strategies: Collection[str]) -> int:
    own = ", ".join("?" * len(strategies))
    newest = f"SELECT strategy, max(session) FROM {kind.table.name} GROUP BY strategy"
    rows = warehouse.read_or_empty(
        kind.table,
        columns=kind.columns,
        where=f"strategy IN ({own}) AND (strategy, session) IN ({newest})",
        parameters=sorted(strategies),
    )
    for row in rows.iter_rows(named=True):
        record(kind.event, **row)
    return rows.height
