"""A small home with a warehouse, a protocol, a broker's book, a trail file and a page, without a run."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from trading_assets.backups.copying import make_copy
from trading_assets.backups.manifest import Manifest
from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.conftest import TINY
from trading_assets_tests.loaded import loaded
from trading_assets_tests.warehouse.warehouse_fixtures import EQUITY, LEDGER, equity

NOON = dt.datetime(2026, 11, 30, 12)


@dataclass(frozen=True)
class World:
    """A data folder, and where its copy is made."""

    folder: Path

    @property
    def configuration(self) -> Configuration:
        return loaded(TINY, self.folder / "data")

    @property
    def copy(self) -> Path:
        return self.folder / "copy"

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.configuration.warehouse_path, wait_seconds=5)

    @property
    def protocol(self) -> Protocol:
        return Protocol.of(self.configuration)

    @property
    def book(self) -> Path:
        return self.configuration.home / "brokers" / "account.db"

    def set_equity(self, value: float) -> None:
        self.warehouse.replace(Whole(), {EQUITY: equity("s", [value])})

    def equity(self) -> float:
        return float(self.warehouse.read(EQUITY)["equity"].item())

    def fill(self, number: int) -> None:
        """Put a fill into the broker's book."""
        self.book.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(self.book)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS fills (number INTEGER PRIMARY KEY)")
            connection.execute("INSERT INTO fills VALUES (?)", [number])

    def fills(self) -> list[int]:
        with closing(sqlite3.connect(self.book)) as connection:
            return [number for (number,) in connection.execute("SELECT number FROM fills ORDER BY 1").fetchall()]

    def record(self, kind: str, name: str) -> None:
        self.protocol.append(kind, name, {}, now=NOON)  # type: ignore[arg-type]

    def kinds(self) -> list[str]:
        return [record.kind for record in self.protocol.read()]

    def back_up(self) -> Manifest:
        return make_copy(self.configuration, TINY, self.copy, NOON)


def make_world(folder: Path) -> World:
    """Build a home that has something of everything that a copy holds but models."""
    world = World(folder)
    world.set_equity(1.0)
    world.warehouse.append(LEDGER, LEDGER.empty())
    world.record("trials", "trend")
    world.fill(1)
    page = world.configuration.home / "reports" / "index.html"
    page.parent.mkdir()
    page.write_text("a page")
    return world
