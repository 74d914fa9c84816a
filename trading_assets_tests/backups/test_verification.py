"""What differs is named: in a copy, in a home, between the two."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from trading_assets.backups import verification
from trading_assets.backups.verification import differences_to_copy, faults_of_copy, faults_of_home
from trading_assets.warehouse import LockedError, Warehouse
from trading_assets.warehouse.lock import Patience, file_lock
from trading_assets_tests.backups.worlds import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_nothing_is_said_of_what_is_whole(world: World) -> None:
    manifest = world.back_up()
    assert faults_of_copy(world.copy, manifest) == []
    assert faults_of_home(world.configuration) == []
    assert differences_to_copy(world.configuration, world.copy, manifest) == []


def test_files_of_a_copy_are_named(world: World) -> None:
    manifest = world.back_up()
    (world.copy / "home/reports/index.html").write_text("another")
    (world.copy / "home/brokers/account.db").unlink()
    (world.copy / "home/more").touch()
    assert faults_of_copy(world.copy, manifest) == [
        "home/brokers/account.db is missing",
        "home/reports/index.html is not as it was copied",
        "home/more was added",
    ]


def test_each_damaged_part_of_a_home_is_named(world: World) -> None:
    world.configuration.warehouse_path.write_bytes(b"x" * 10_000)
    world.book.write_bytes(b"x" * 10_000)
    world.protocol.path.unlink()
    found = faults_of_home(world.configuration)
    assert [line.split(":")[0] for line in found][:3] == ["protocol.duckdb", "warehouse.duckdb", "brokers"]
    assert "protocol.duckdb is gone" in found[0]


def test_a_byte_in_a_block_of_the_warehouse_is_found(world: World) -> None:
    path = world.configuration.warehouse_path
    content = bytearray(path.read_bytes())
    content[3 * 4096 + 40] ^= 1  # the first block after three headers
    path.write_bytes(content)
    (found,) = faults_of_home(world.configuration)[:1]
    assert found.startswith("warehouse.duckdb: ")


def test_differences_to_a_copy_are_named(world: World) -> None:
    manifest = world.back_up()
    world.set_equity(2.0)
    world.fill(2)
    world.record("look", "trend")
    assert differences_to_copy(world.configuration, world.copy, manifest) == [
        "protocol: the home has 4 records, the copy 3",
        "table backtests.equity has other values than in the copy",
        "table meta.commits has other values than in the copy",
        "database brokers/account.db has other rows than in the copy",
    ]


def test_held_lock_is_no_damage(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "Warehouse", partial(Warehouse, wait_seconds=0.2))
    path = world.configuration.warehouse_path
    with file_lock(path, exclusive=True, patience=Patience(1)), pytest.raises(LockedError, match="in use"):
        faults_of_home(world.configuration)
