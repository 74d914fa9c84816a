"""Tables of the stage. Those that models read, too, are declared in `models.entry_tables`."""

from __future__ import annotations

import polars as pl

from trading_assets.models.entry_tables import FAILED, OK, REFUSED, SIGNALS, STATUS, STRATEGY
from trading_assets.warehouse.table import Column, Table

__all__ = ["FAILED", "OK", "REFUSED", "SIGNALS", "STATUS", "TARGET_WEIGHTS"]

TARGET_WEIGHTS = Table(
    name="strategies.target_weights",
    description="The paper position of a strategy where it changes: what it would hold, whatever the portfolio allows",
    key=("strategy", "session", "symbol", "pair_id"),
    columns={
        "strategy": STRATEGY,
        "session": Column(pl.Date, "session at whose close the weight is decided; held from the next open on"),
        "symbol": Column(pl.String, "symbol"),
        "pair_id": Column(pl.String, "common to the two legs of a pair", nullable=True),
        "target_weight": Column(
            pl.Float64,
            "signed fraction of the strategy's equity until the next row; 0: out",
            at_least=-1,
            at_most=1,
        ),
        "reason": Column(pl.String, "why it changes: trigger, exit reason, or the strategy's own word"),
    },
)
