"""A life cycle does what its section asks for, in order; records stay, and who is killed is followed by another."""

from __future__ import annotations

import datetime as dt
import random
import time
from pathlib import Path

import pytest

from trading_assets.backups.copying import make_copy
from trading_assets.backups.restoring import restore_copy
from trading_assets.backups.verification import differences_to_copy, faults_of_home
from trading_assets.lifecycle import plan
from trading_assets.lifecycle.plan import carry_out, failures, look
from trading_assets.warehouse import WarehouseError
from trading_assets_tests.backups.worlds import NOON, World
from trading_assets_tests.conftest import TINY
from trading_assets_tests.lifecycle.homes import aged, kept, put
from trading_assets_tests.warehouse.warehouse_fixtures import start

KEYS = {"bars": {"hot_months": 2}, "compact_mib": 0.1, "log_days": 10}


def test_by_default_nothing_moves_and_young_things_stay(tmp_path: Path) -> None:
    _, configuration = aged(tmp_path)
    put(configuration.home / "logs" / "records.jsonl.1", 20)
    assert look(configuration, NOON) == []


def test_a_look_changes_nothing_and_what_was_done_is_no_more_to_be_done(tmp_path: Path) -> None:
    world, configuration = aged(tmp_path, **KEYS)
    put(configuration.home / "logs" / "records.jsonl.1", 20)
    before, size = kept(world), configuration.warehouse_path.stat().st_size
    assert [each.action for each in look(configuration, NOON)] == ["to files", "remove", "compact"]
    assert kept(world) == before
    assert configuration.warehouse_path.stat().st_size == size
    done = carry_out(configuration, NOON)
    assert [each.action for each, _ in done] == ["to files", "remove", "compact"]
    assert failures(done) == []
    assert kept(world) == before
    assert configuration.warehouse_path.stat().st_size < size
    assert look(configuration, NOON) == []
    assert sorted(path.name[:7] for path in (configuration.home / "lake").rglob("*.parquet")) == ["2020-01", "2020-02"]


def test_a_copy_from_before_is_the_same_after_and_can_be_restored(tmp_path: Path) -> None:
    world, configuration = aged(tmp_path, **KEYS)
    before = make_copy(configuration, TINY, tmp_path / "before", NOON)
    carry_out(configuration, NOON)
    assert [fault for fault in faults_of_home(configuration) if "audit_trail" not in fault] == []
    assert differences_to_copy(configuration, tmp_path / "before", before) == []
    rows = kept(world)
    after = make_copy(configuration, TINY, tmp_path / "after", NOON)
    assert any(name.startswith("home/lake/") for name in after.files)
    for copy in ("before", "after"):
        world.set_equity(9.0)
        restore_copy(configuration, tmp_path / copy, NOON + dt.timedelta(days=1))
        found = kept(world)
        assert {name: found[name] for name in ("bars", "ledger", "equity")} == {
            name: rows[name] for name in ("bars", "ledger", "equity")
        }


def test_what_fails_is_said_and_the_rest_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, configuration = aged(tmp_path, **KEYS)
    log = put(configuration.home / "logs" / "records.jsonl.1", 20)

    def full(*_: object) -> None:
        raise WarehouseError("cannot write\n  cause: no space")

    monkeypatch.setattr(plan, "place", full)
    done = carry_out(configuration, NOON)
    assert failures(done) == ["60 rows of 2 months of market_data.bars: failed: cannot write cause: no space"]
    assert not log.exists()


def carry_out_for_ever(folder: Path, ready: Path) -> None:
    """Make room and cold months, and let the life cycle end both, again and again."""
    from trading_assets.config.lifecycle import Lifecycle
    from trading_assets.warehouse import Whole
    from trading_assets_tests.warehouse.warehouse_fixtures import version

    world = World(folder)
    for number in range(10_000):
        keys = KEYS | {"bars": {"hot_months": 1 + number % 3}}
        now = world.configuration.model_copy(update={"lifecycle": Lifecycle.model_validate(keys)})
        world.warehouse.replace(Whole(), version(1))
        world.warehouse.replace(Whole(), {table: rows.clear() for table, rows in version(1).items()})
        ready.touch()
        carry_out(now, NOON)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path, seed: int) -> None:
    world, configuration = aged(tmp_path, **KEYS)
    before, draw, ready = kept(world), random.Random(seed), tmp_path / "ready"
    for _ in range(6):
        process = start(carry_out_for_ever, tmp_path, ready)
        while not ready.exists():
            assert process.is_alive(), "it ended by an error"
            time.sleep(0.01)
        time.sleep(draw.uniform(0.0, 0.6))
        process.kill()
        process.join()
        ready.unlink()
        assert kept(world) == before
    assert failures(carry_out(configuration, NOON)) == []
    assert kept(world) == before
