"""Tables of what real brokers said of themselves when they were asked."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

_KEY = {
    "strategy": Column(pl.String, "name of the strategy in the configuration"),
    "account": Column(pl.String, "name of the account: the strategy and a number"),
    "session": Column(pl.Date, "last session that was settled when the broker was asked"),
    "recorded_at": Column(pl.Datetime("us"), "when it was asked, UTC"),
}

BROKER_BALANCES = Table(
    name="trading.broker_balances",
    description="The cash of an account as a real broker said it, each time that it was asked (append only)",
    key=("strategy", "account", "recorded_at"),
    columns={
        **_KEY,
        "broker_account": Column(pl.String, "id that the broker gives the account"),
        "currency": Column(pl.String, "of the account"),
        "cash": Column(pl.Float64, "as the broker says it"),
        "equity": Column(pl.Float64, "as the broker says it"),
        "expected_cash": Column(
            pl.Float64, "of the account of the engine, at the prices and fees of the broker's fills"
        ),
        "known_gap": Column(
            pl.Float64,
            "what it has more than expected by what is known: there from the start, or named as a difference",
        ),
    },
)

BROKER_POSITIONS = Table(
    name="trading.broker_positions",
    description="A position as a real broker said it, each time that it was asked (append only)",
    key=("strategy", "account", "recorded_at", "symbol"),
    columns={
        **_KEY,
        "symbol": Column(pl.String, "symbol; as the broker writes it where we have none"),
        "quantity": Column(pl.Float64, "units, negative for a short position"),
        "average_price": Column(pl.Float64, "that one has cost; null where it holds none", nullable=True),
        "expected": Column(pl.Float64, "units by its fills on record, splits followed"),
        "known_gap": Column(pl.Float64, "what it has more than expected, as it is known or named as a difference"),
    },
)
