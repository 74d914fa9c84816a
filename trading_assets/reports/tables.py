"""Tables of the reports stage."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse import Column, Table

EXPECTATIONS = Table(
    name="reports.expectations",
    description="What people expect of a table, and whether it is so",
    key=("expectation",),
    columns={
        "place": Column(pl.Int64, "order of the expectations", at_least=0),
        "table": Column(pl.String, "table that it is about"),
        "expectation": Column(pl.String, "its name"),
        "text": Column(pl.String, "what is expected"),
        "failing": Column(pl.Int64, "rows that break it", at_least=0),
        "passed": Column(pl.Boolean, "no row does"),
        "examples": Column(pl.String, "the first of them, JSON"),
    },
)

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
