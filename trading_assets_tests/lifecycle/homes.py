"""A home that has aged: cold months, room in the database, logs, answers, copies; and all that must stay."""

from __future__ import annotations

import os
from pathlib import Path

from trading_assets.config import Configuration
from trading_assets.config.lifecycle import Lifecycle
from trading_assets.warehouse import Whole
from trading_assets_tests.backups.worlds import NOON, World
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, EQUITY, LEDGER, bars, equity, next_look, version

#: Seconds since 1970 of `NOON`, UTC.
NOW = 1_796_040_000.0
DAY = 86_400.0


def aged(folder: Path, **keys: object) -> tuple[World, Configuration]:
    """A world, and its configuration with some keys of `lifecycle`."""
    world = World(folder)
    base = world.configuration
    configuration = base.model_copy(update={"lifecycle": Lifecycle.model_validate(keys), "directory": folder})
    configuration.home.mkdir(parents=True)
    warehouse = world.warehouse
    for number in range(3):
        warehouse.replace(Whole(), version(number))
    warehouse.replace(Whole(), {EQUITY: equity("s", [1.0, 2.0]), BARS: bars("A", range(100))})
    warehouse.append_chained(LEDGER, next_look)
    warehouse.replace(Whole(), {table: rows.clear() for table, rows in version(1).items()})
    world.protocol.append("trials", "trend", {}, now=NOON)
    world.fill(1)
    (configuration.home / "audit_trail").mkdir()
    (configuration.home / "audit_trail" / "2020-01.jsonl").write_text("{}\n")
    for path in configuration.home.rglob("*"):
        os.utime(path, (NOW - 1_000 * DAY,) * 2)
    return world, configuration


def put(path: Path, days_old: float, text: str = "some words") -> Path:
    """A file of an age."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (NOW - days_old * DAY,) * 2)
    return path


def kept(world: World) -> dict[str, object]:
    """What no life cycle may change: records, ledgers, the trail, books, and the rows of tables."""
    home, data = world.configuration.home, world.configuration.data
    return {
        "protocol": [each.row_hash for each in world.protocol.read()],
        "files": {name: (data / name).read_bytes() for name in ("protocol.duckdb", "protocol.head")},
        "book": world.book.read_bytes(),
        "trail": {path.name: path.read_bytes() for path in (home / "audit_trail").iterdir()},
        "ledger": world.warehouse.read(LEDGER).rows(),
        "equity": world.warehouse.read(EQUITY).rows(),
        "bars": world.warehouse.query("SELECT * FROM market_data.bars ORDER BY ALL").rows(),
    }
