"""Tables of the strategies that models read: the signals of a primary, and whether it came to its end.

They are declared here and are tables of the stage `strategies`, which imports from this stage and not the other way.
"""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

STRATEGY = Column(pl.String, "name of the strategy in the configuration")

#: `refused`: nothing of the strategy failed; a look at its holdout was not allowed, and what stood before stays.
OK, FAILED, REFUSED = "ok", "failed", "refused"

SIGNALS = Table(
    name="strategies.signals",
    description="What a strategy sees at the close of a session, before any rule of the portfolio",
    key=("strategy", "session", "symbol", "pair_id", "action"),
    columns={
        "strategy": STRATEGY,
        "session": Column(pl.Date, "session at whose close the signal is known"),
        "symbol": Column(pl.String, "symbol"),
        "action": Column(
            pl.String,
            "enter: a trigger fires while the symbol is eligible, or a target weight changes; exit: the exit condition "
            "becomes true, or a target weight becomes 0",
            one_of=("enter", "exit"),
        ),
        "reason": Column(pl.String, "trigger, exit reason, or the strategy's own word"),
        "score": Column(pl.Float64, "rank value of the trigger; null for an exit", nullable=True),
        "target_weight": Column(
            pl.Float64,
            "signed fraction of the strategy's equity that risk per trade, or the strategy, asks for; 0 for an exit",
            nullable=True,
            at_least=-1,
            at_most=1,
        ),
        "pair_id": Column(pl.String, "common to the two legs of a pair", nullable=True),
    },
)

STATUS = Table(
    name="strategies.status",
    description="Whether a strategy ran to its end, by asset",
    key=("asset",),
    columns={
        "asset": Column(pl.String, "stage/strategy"),
        "strategy": STRATEGY,
        "stage": Column(pl.String, "stage, or stage and asset, at which this was recorded"),
        "status": Column(pl.String, "ok, failed, or refused (a further look)", one_of=(OK, FAILED, REFUSED)),
        "error": Column(
            pl.String, "exception type and message; of a refused look the message alone; null if ok", nullable=True
        ),
        "session": Column(pl.Date, "where the strategy's code failed, if that can be told", nullable=True),
        "symbol": Column(pl.String, "where the strategy's code failed, if that can be told", nullable=True),
        "until": Column(
            pl.Date, "last session that it may say anything of, before it is registered; null: any", nullable=True
        ),
    },
)
