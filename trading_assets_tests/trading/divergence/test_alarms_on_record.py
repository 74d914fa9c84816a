"""Alarms on record: once each, and not to be taken back by an edit."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from trading_assets.protocol import Protocol
from trading_assets.trading.differences_on_record import differences_of
from trading_assets.trading.divergence.alarms_on_record import (
    alarms_on_record,
    put_alarms_on_record,
    standing_alarms,
    with_recorded_alarms,
)
from trading_assets.trading.divergence.tables import DIVERGENCE
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.trading.opened_account import DAYS, NOW, STRATEGY, put_on_record


def divergence(*alarms: bool, value: float = 120.0) -> pl.DataFrame:
    rows = [
        {
            "strategy": STRATEGY,
            "account": "breakout-1",
            "label": "paper, verdict reject",
            "session": DAYS[day],
            "statistic": "slippage_wealth",
            "value": value + day,
            "level": 100.0,
            "alarm": alarm,
            "observations": day,
        }
        for day, alarm in enumerate(alarms)
    ]
    return DIVERGENCE.conform(pl.DataFrame(rows))


def test_an_alarm_is_on_record_once_and_stands_whatever_comes_later(tmp_path: Path) -> None:
    configuration = loaded(tmp_path)
    protocol = Protocol.of(configuration)
    assert standing_alarms(configuration, STRATEGY).is_empty()
    put_on_record(configuration)
    assert put_alarms_on_record(protocol, STRATEGY, divergence(False, False), NOW).is_empty()
    new = put_alarms_on_record(protocol, STRATEGY, divergence(False, True, True), NOW)
    assert new.rows() == [("breakout-1", "slippage_wealth", DAYS[1], 121.0, 100.0)]
    assert put_alarms_on_record(protocol, STRATEGY, divergence(True, True), NOW).is_empty()
    found = alarms_on_record(protocol.read(), protocol.configuration, STRATEGY)
    assert found.equals(new)
    assert standing_alarms(configuration, STRATEGY).equals(new)
    assert differences_of(configuration, STRATEGY).is_empty()
    edited = with_recorded_alarms(divergence(False, False, False, value=1.0), found)
    assert edited["alarm"].to_list() == [False, True, True]
    assert edited.columns == list(DIVERGENCE.columns)
    put_on_record(configuration, "breakout-2")
    assert standing_alarms(configuration, STRATEGY).is_empty(), "it is of the account that has ended"
