"""What was sent after a copy was made is on record after a restore of it, or nothing is sent until somebody looked."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.backups.copying import make_copy
from trading_assets.backups.restoring import restore_copy
from trading_assets.backups.verification import faults_of_home
from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.trading.audit_trail.trail import enter
from trading_assets.trading.halt import is_halted, resume
from trading_assets.trading.tables import FILLS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.backups.worlds import NOON
from trading_assets_tests.conftest import TINY
from trading_assets_tests.trading.audit_trail.events_of_a_week import NOW, STRATEGY, fill, place, send


@pytest.fixture
def account(tmp_path: Path) -> tuple[Warehouse, Configuration, Path]:
    """A copy with one order on the trail; after it one more with a fill is on the trail, and a third is not yet."""
    (tmp_path / "here").mkdir()
    warehouse, configuration = place(tmp_path / "here")
    said = {"action": "open", "account": "breakout-1"}
    Protocol.of(configuration).append("account", STRATEGY, said, now=NOW)
    send(warehouse, 1)
    enter(warehouse, configuration, STRATEGY, NOW)
    make_copy(configuration, TINY, tmp_path / "copy", NOON)
    send(warehouse, 2)
    fill(warehouse, 2)
    enter(warehouse, configuration, STRATEGY, NOW)
    send(warehouse, 3)
    return warehouse, configuration, tmp_path / "copy"


def test_orders_after_the_copy_are_carried_over(account: tuple[Warehouse, Configuration, Path]) -> None:
    warehouse, configuration, copy = account
    before = warehouse.read(SUBMISSIONS), warehouse.read(FILLS)
    done = restore_copy(configuration, copy, NOON)
    assert warehouse.read(SUBMISSIONS).equals(before[0])
    assert warehouse.read(FILLS).equals(before[1])
    assert (done.halted, is_halted(configuration), faults_of_home(configuration)) == (None, False, [])


def test_of_a_damaged_warehouse_they_are_entered_from_the_trail_and_trading_is_halted(
    account: tuple[Warehouse, Configuration, Path],
) -> None:
    """What was sent and is not on the trail nobody knows."""
    warehouse, configuration, copy = account
    before = warehouse.read(SUBMISSIONS), warehouse.read(FILLS)
    warehouse.path.write_bytes(b"x" * 5000)
    done = restore_copy(configuration, copy, NOON)
    assert warehouse.read(SUBMISSIONS).equals(before[0].head(2))
    assert warehouse.read(FILLS).equals(before[1])
    assert "cannot be read" in (done.halted or "")
    assert is_halted(configuration)
    assert faults_of_home(configuration) == []
    resume(configuration, by="ops", reason="reconciled", now=NOON)
    assert not is_halted(configuration)


def test_protocol_that_gives_way_to_the_copy_is_halted_too(account: tuple[Warehouse, Configuration, Path]) -> None:
    warehouse, configuration, copy = account
    Protocol.of(configuration).path.write_bytes(b"x" * 5000)
    warehouse.path.write_bytes(b"x" * 5000)
    restore_copy(configuration, copy, NOON, lose_records=True)
    assert is_halted(configuration)
    assert warehouse.read(SUBMISSIONS)["client_order_id"].to_list() == ["order-1"]
