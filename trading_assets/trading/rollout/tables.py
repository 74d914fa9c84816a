"""The table of the rollout. It is made from the record of the protocol, so that a lost or edited row comes back."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

#: Stages in their order, and the share of the positions that each sends.
SHARES = {"off": 0.0, "shadow": 0.0, "canary": 0.05, "partial": 0.25, "majority": 0.75, "full": 1.0}
STAGES = tuple(SHARES)
OFF, SHADOW, CANARY, _, _, FULL = STAGES

ROLLOUT = Table(
    name="trading.rollout",
    description="A step of the rollout of a strategy, a model or a feature (append only)",
    key=("subject", "changed_at", "step"),
    columns={
        "subject": Column(pl.String, "what it is of: `strategy/<name>`, `model/<name>` or `feature/<provider>`"),
        "step": Column(pl.Int64, "number of the step of the subject, from 1", at_least=1),
        "stage": Column(pl.String, "stage from then on", one_of=STAGES),
        "share": Column(pl.Float64, "share of the positions that are sent", at_least=0, at_most=1),
        "previous": Column(pl.String, "stage before", one_of=STAGES),
        "broker": Column(
            pl.String, "where orders went then: a step forward counts there alone; null: at any", nullable=True
        ),
        "gate": Column(
            pl.String, "JSON: each criterion with its number, threshold and whether it passed; [] on the way back"
        ),
        "by": Column(pl.String, "who said so"),
        "reason": Column(pl.String, "why"),
        "changed_at": Column(pl.Datetime("us"), "when it went on record, UTC"),
    },
)
