"""Tables of the reports stage."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse import Column, Table

INDEX = Table(
    name="reports.index",
    description="A page of the report.",
    key=("strategy",),
    columns={
        "strategy": Column(pl.String, "name of the strategy"),
        "result": Column(
            pl.String,
            "verdict, `failed`, or `none` before the first verdict",
            one_of=("go", "conditional", "reject", "insufficient_evidence", "failed", "none"),
        ),
        "synthetic": Column(pl.Boolean, "some of its prices are simulated"),
        "path": Column(pl.String, "file below the folder `reports`"),
    },
)
