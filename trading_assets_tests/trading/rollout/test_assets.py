"""The rollout in whole runs: an account in shadow sends nothing, differs in nothing, and earns its next stage."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.rollout.moves import GateRefusedError, advance, back
from trading_assets.trading.rollout.tables import ROLLOUT
from trading_assets.trading.tables import (
    DIFFERENCES,
    ENGINE_FILLS,
    EQUITY,
    FILLS,
    ORDER_SHEETS,
    PENDING_ORDERS,
    RECONCILIATIONS,
)
from trading_assets_tests.trading.experiment import STRATEGY, Experiment

SUBJECT = f"strategy/{STRATEGY}"
WORDS: dict[str, Any] = {"by": "ops", "reason": "why", "now": dt.datetime(2017, 7, 1, 10)}


def with_bars_until(experiment: Experiment, day: str) -> None:
    experiment.until(day)
    assert experiment.run().success
    assert experiment.trade().success


@pytest.mark.slow
def test_in_shadow_everything_is_decided_and_nothing_sent_until_a_gate_opens(paper: Experiment) -> None:
    opening = paper.open()
    back(paper.warehouse, paper.configuration, SUBJECT, to="shadow", **WORDS)
    with_bars_until(paper, "2017-07-21")
    broker = SimulatedBroker(paper.configuration.home / "brokers" / f"{opening.account}.db")
    with pytest.raises(GateRefusedError, match=r"sessions: 14 sheets at shadow"):
        advance(paper.warehouse, paper.configuration, SUBJECT, **WORDS)
    with_bars_until(paper, "2017-08-18")
    warehouse = paper.warehouse
    assert warehouse.read(EQUITY).height == 34
    assert warehouse.read(ENGINE_FILLS).height > 0
    assert warehouse.read(RECONCILIATIONS).height == 33
    assert warehouse.read(DIFFERENCES).is_empty()
    sheets = warehouse.read(ORDER_SHEETS)
    waiting = warehouse.read(PENDING_ORDERS).filter(pl.col("session").is_in(sheets["session"].implode()))
    assert sheets.height == waiting.height > 0
    assert sheets.select("status", "blocked_by").unique().rows() == [("blocked", "rollout")]
    assert broker.orders() == []
    assert warehouse.read_or_empty(FILLS).is_empty()
    made = advance(warehouse, paper.configuration, SUBJECT, **WORDS)
    assert made.stage == "canary"
    assert {each["criterion"]: each["value"] for each in made.gate if each["value"]} == {"sessions": 34.0}
    assert paper.trade().success
    rows = warehouse.read(ROLLOUT)
    assert rows.select("previous", "stage", "share").rows() == [("full", "shadow", 0.0), ("shadow", "canary", 0.05)]
    assert warehouse.read(DIFFERENCES).is_empty()
