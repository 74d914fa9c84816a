"""What a run writes, in miniature: tables, partition store, ledger, protocol.

Done twice it is done once: whatever a fault left, the same function completes it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from trading_assets.protocol import RETURNS, Entry, Protocol, Record
from trading_assets.protocol.looks import looks_of
from trading_assets.warehouse import Warehouse, Whole
from trading_assets.warehouse.lake.switch import settle
from trading_assets_tests.warehouse import warehouse_fixtures
from trading_assets_tests.warehouse.warehouse_fixtures import EQUITY, LEDGER, bars, equity

NAME = "tiny"
NOON = dt.datetime(2026, 11, 30, 12)
BARS = replace(warehouse_fixtures.BARS, by_month="session")
#: By what a data folder holds, what can be told of it.
State = dict[str, object]
#: Tables of the run, each of which holds one version.
TABLES = (BARS, EQUITY)
MEMBER = (NAME, "trend")
#: Versions that a run writes, one after the other; version 1 is there before.
WRITTEN = range(2, 6)


def begin(data: Path) -> None:
    """Make the data folder of which runs go on, with version 1."""
    home = data / NAME
    home.mkdir(parents=True)
    settle(home / "warehouse.duckdb", 20, [BARS], lake=True)
    Protocol(data, NAME).append("trials", "trend", {}, now=NOON)
    write(data, 1)


def go_on(data: Path) -> None:
    """Write all versions, one after the other: that of a run which begins anew is done again."""
    for number in WRITTEN:
        write(data, number)


def write(data: Path, number: int) -> None:
    """Write a version of each table, a row of the ledger, and a look with its content."""
    warehouse = Warehouse(data / NAME / "warehouse.duckdb", wait_seconds=20)
    warehouse.replace(Whole(), {BARS: bars("a", range(40), float(number)), EQUITY: equity("s", [float(number)])})
    warehouse.append_new(LEDGER, pl.DataFrame({"look": [number], "previous": [number - 1]}))
    curve = pl.DataFrame({"session": [dt.date(2020, 1, 2)], "value": [number / 100]})

    def decide(records: Sequence[Record]) -> list[Entry]:
        known = any(each.payload["look"] == number for each in looks_of(records, MEMBER))
        return [] if known else [Entry("look", "trend", {"look": number}, {RETURNS: curve})]

    Protocol(data, NAME, wait_seconds=20).append_decided(decide, now=NOON)


def state_of(data: Path) -> State:
    """Return everything that anybody can tell of a data folder, in the order in which a version is written."""
    warehouse = Warehouse(data / NAME / "warehouse.duckdb", wait_seconds=20)
    protocol = Protocol(data, NAME, wait_seconds=20)
    records = protocol.read()
    protocol.verify_contents(records)
    return {
        "tables": [warehouse.fingerprint(table) for table in TABLES],
        "ledger": warehouse.read(LEDGER).rows(),
        "protocol": [(each.kind, each.payload.get("look"), each.contents) for each in records],
    }
