"""Tables of closings."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

CLOSING_PLANS = Table(
    name="trading.closing_plans",
    description="A position of a running account that is being left, at the close of a session",
    key=("strategy", "account", "session", "symbol", "pair_id"),
    columns={
        "strategy": Column(pl.String, "name of the strategy in the configuration"),
        "account": Column(pl.String, "name of the account: the strategy and a number"),
        "label": Column(pl.String, "what the account is, and the verdict it was opened under"),
        "session": Column(pl.Date, "session at whose close it is planned"),
        "urgency": Column(pl.Int64, "place among the positions, 1 first", at_least=1),
        "symbol": Column(pl.String, "symbol"),
        "pair_id": Column(pl.String, "common to the two legs of a pair", nullable=True),
        "side": Column(pl.String, "direction of the orders", one_of=("buy", "sell")),
        "quantity": Column(pl.Float64, "units that are held", at_least=0),
        "limit": Column(pl.Float64, "worst price of the next slice", at_least=0),
        "reason": Column(
            pl.String, "what makes it urgent", one_of=("data_missing", "drawdown", "liquidity", "unrealised_r")
        ),
        "unhealthy": Column(pl.Boolean, "data are missing, or the symbol is delisted"),
        "drawdown": Column(pl.Float64, "of the position from its best mark since the entry, a fraction", at_most=0),
        "sessions_needed": Column(pl.Int64, "slices within capacity at the depth of this session", at_least=1),
        "unrealised_r": Column(pl.Float64, "open pnl over initial risk; null without one", nullable=True),
        "expected_cost": Column(pl.Float64, "mean slippage and fee of all slices, quote currency", at_least=0),
    },
)
