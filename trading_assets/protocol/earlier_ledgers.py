"""The ledgers that a configuration's warehouse kept of its looks and upgrades, each a chain with a head of its own."""

from __future__ import annotations

import polars as pl

from trading_assets.protocol.chain import Chain
from trading_assets.warehouse.table import Column, Table

_STRATEGY = Column(pl.String, "name of the strategy")
_REGISTRATION = Column(pl.String, "SHA-256 of the registration's canonical JSON")
_CONFIG = Column(pl.String, "hash of the whole configuration")
_LOOK = Column(pl.Int64, "which look of the strategy at its holdout this is, from 1", at_least=1)
_VERSION = Column(pl.String, "version of trading_assets that wrote it; null in rows of 0.1.0", nullable=True)
_OVERRIDE = Column(pl.String, "why the holdout was looked at again after a change; null on a first look", nullable=True)

REGISTRATIONS = Table(
    name="robustness.registrations",
    description="What was frozen before a holdout was looked at (append only)",
    key=("strategy", "registration_hash"),
    columns={
        "strategy": _STRATEGY,
        "registration_hash": _REGISTRATION,
        "content": Column(pl.String, "canonical JSON: splits, parameters, universe, costs, risk, criteria, data hash"),
        "registered_on": Column(pl.Date, "date of the registration, as stated in the configuration"),
        "recorded_at": Column(pl.Datetime("us"), "when this content was first seen, UTC"),
        "product_version": _VERSION,
    },
)

HOLDOUT_LEDGER = Table(
    name="robustness.holdout_ledger",
    description="Every look at a holdout (append only, each row chained to the one before by its hash)",
    key=("row",),
    columns={
        "row": Column(pl.Int64, "position in the ledger, from 1", at_least=1),
        "strategy": _STRATEGY,
        "registration_hash": _REGISTRATION,
        "config_hash": _CONFIG,
        "look": _LOOK,
        "evaluated_at": Column(pl.Datetime("us"), "when the look was recorded, before the evaluation, UTC"),
        "override": _OVERRIDE,
        "previous_hash": Column(pl.String, "row_hash of the row before; 64 zeros on the first"),
        "row_hash": Column(pl.String, "SHA-256 of the other columns"),
    },
)

REGISTRATION_UPGRADES = Table(
    name="robustness.registration_upgrades",
    description="Registrations that another version of trading_assets carried on (append only, chained by hashes)",
    key=("row",),
    columns={
        "row": Column(pl.Int64, "position among the upgrades, from 1", at_least=1),
        "strategy": _STRATEGY,
        "old_hash": Column(pl.String, "hash of the registration that was looked at, or of an upgrade of it"),
        "new_hash": Column(pl.String, "hash of the same registration as the new version writes it"),
        "old_version": Column(pl.String, "version of trading_assets before"),
        "new_version": Column(pl.String, "version of trading_assets since"),
        "reason": Column(pl.String, "what the new version made different"),
        "recorded_at": Column(pl.Datetime("us"), "when it was first noticed, UTC"),
        "previous_hash": Column(pl.String, "row_hash of the row before; 64 zeros on the first"),
        "row_hash": Column(pl.String, "SHA-256 of the other columns"),
    },
)

LEDGER = Chain(HOLDOUT_LEDGER, "holdout ledger", lambda row: f"{row['strategy']}, look {row['look']}")
UPGRADES = Chain(
    REGISTRATION_UPGRADES,
    "ledger of upgrades",
    lambda row: f"{row['strategy']}, {row['old_version']} to {row['new_version']}",
)
