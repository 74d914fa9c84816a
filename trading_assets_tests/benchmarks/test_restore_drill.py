"""The drill of a restore on a small home, and the page that has the figures of the last one."""

from __future__ import annotations

from pathlib import Path

from trading_assets_tests.backups.worlds import NOON, make_world
from trading_assets_tests.benchmarks.restore_drill import PAGE, damage, drill, stored, written_page
from trading_assets_tests.conftest import TINY


def test_what_was_damaged_is_seen_restored_and_verified(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    done = drill(world.configuration, TINY, world.copy, NOON)
    assert done.damaged == ("tiny/warehouse.duckdb", "protocol.duckdb") and done.named >= 2
    assert world.equity() == 1.0 and 0 < done.minutes < 1
    assert done.minutes * 60 == done.look_seconds + done.restore_seconds + done.verify_seconds


def test_the_damage_is_within_the_files_and_leaves_their_length(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    before = world.configuration.warehouse_path.stat().st_size
    damage(world.configuration)
    changed = world.configuration.warehouse_path.read_bytes()
    assert len(changed) == before and b"\xff" * 1000 in changed


def test_the_page_shows_what_was_measured() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written_page(page, stored()) == page
