"""The asset of the rollout: its table, made from the record of the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.protocol import Protocol
from trading_assets.trading.rollout.stages import moves_on, rollout_rows
from trading_assets.trading.rollout.tables import ROLLOUT
from trading_assets.warehouse import Whole


def rollout_asset() -> dg.AssetsDefinition:
    """Return `trading/rollout`."""
    return table_asset(rollout, stage="trading", tables=(ROLLOUT,))


def rollout(step: Step) -> Mapping[str, Any]:
    """Who switched what on or back, when and why, with the gate of each step: as it is on record."""
    records, name = Protocol.of(step.configuration).read(), step.configuration.name
    rows = rollout_rows(records, name)
    step.work.replace(Whole(), {ROLLOUT: rows})
    last = {each.subject: each.stage for each in moves_on(records, name)}
    return {"steps": rows.height, "stages": ", ".join(f"{each}: {stage}" for each, stage in last.items()) or "as begun"}
