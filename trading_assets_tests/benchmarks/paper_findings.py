"""What a simulated year was found to be: what was injected against what was found, and one folder against another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.market_data.tables import BARS
from trading_assets.protocol import Protocol
from trading_assets.trading.audit_trail.events import TRAIL
from trading_assets.trading.audit_trail.trail import read_trail
from trading_assets.trading.audit_trail.verification import verify_trail
from trading_assets.trading.order_sheet import LEFT_OVER
from trading_assets.trading.tables import (
    DIFFERENCES,
    ENGINE_FILLS,
    FILLS,
    ORDER_SHEETS,
    PUBLISHED,
    RECONCILIATIONS,
    SAVED_STATES,
    SUBMISSIONS,
)
from trading_assets.warehouse import Warehouse
from trading_assets_tests.benchmarks.hostile_desk import HostileDesk
from trading_assets_tests.benchmarks.paper_market import FIRST, SYMBOLS

#: Tables that have to be the same, whoever was killed; those of the account also whatever the broker did.
COMPARED = (*PUBLISHED, SAVED_STATES, ORDER_SHEETS, SUBMISSIONS, FILLS, RECONCILIATIONS, DIFFERENCES)
#: What is injected of an order, and the difference that it is found as.
NAMES = {"rejects": "rejected", "late": "missed", "partial": "partial", "price": "price", "fee": "fee"}
#: Kind, and order; of a trade by hand session and symbol.
Difference = tuple[str, str]


@dataclass(frozen=True)
class Findings:
    """What came of a year at a hostile broker.

    Attributes
    ----------
    injected
        What was injected, by name, with what it has to be found as.
    found
        Differences, each with whether it follows from an injected one before it: an exit that is cut to what is there.
    orders, fills, splits, told_twice, calls
        Orders that the broker heard, fills that it made, splits of the market, fills that are told twice, and calls.
    lost, doubled
        Orders of sheets that it never heard; and orders, or fills, that it or the tables have twice or too large.
    """

    injected: list[tuple[str, Difference]] = field(default_factory=list)
    found: list[tuple[Difference, bool]] = field(default_factory=list)
    orders: int = 0
    fills: int = 0
    splits: int = 0
    told_twice: int = 0
    calls: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    @property
    def not_found(self) -> list[tuple[str, Difference]]:
        """What was injected and not found."""
        there = {difference for difference, _ in self.found}
        return [each for each in self.injected if each[1] not in there]

    @property
    def unnamed(self) -> list[Difference]:
        """What was found, follows from nothing, and was not injected."""
        known = {difference for _, difference in self.injected}
        return [each for each, follows in self.found if each not in known and not follows]

    @property
    def in_consequence(self) -> list[Difference]:
        """What was found because of what was injected before."""
        known = {difference for _, difference in self.injected}
        return [each for each, follows in self.found if each not in known and follows]


def findings(configuration: Configuration, desk: HostileDesk) -> Findings:
    """Return what came of a year: what was injected by the broker's own file, what was found by the tables.

    Parameters
    ----------
    configuration, desk
        Configuration of the account, and its broker.
    """
    warehouse = Warehouse(configuration.warehouse_path)
    sheets, engine, told, sent, differences = (
        warehouse.read_or_empty(table) for table in (ORDER_SHEETS, ENGINE_FILLS, FILLS, SUBMISSIONS, DIFFERENCES)
    )
    lines = {row["client_order_id"]: row for row in sheets.sort("session").iter_rows(named=True)}
    heard, made = dict(desk.heard()), desk.made()
    by_order: dict[str | None, list[Any]] = {}
    for fill in made:
        by_order.setdefault(fill.client_order_id, []).append(fill)
    injected: list[tuple[str, Difference]] = []
    for name, day in heard.items():
        line = lines[name]
        booked = engine.filter(order_id=line["order_id"], side=line["side"], session=day)["quantity"].sum()
        is_rest, wrong = line["reason"] == LEFT_OVER, desk.wrong(name)
        wrong -= {"price", "fee"} if is_rest else set()  # it is sold at whatever price
        injected += _of_order(name, day, wrong, by_order.get(name, []), is_booked=is_rest or booked > 0)
    injected += [("by hand", ("manual_trade", f"{fill.session} {fill.symbol}")) for fill in by_order.get(None, [])]
    last = warehouse.read(RECONCILIATIONS)["session"].max()
    ready = sheets.filter(pl.col("status") == "ready", pl.col("for_session") <= last)
    counted = Counter(fill.client_order_id for fill in made if fill.client_order_id is not None)
    quantities = {name: lines[name]["quantity"] for name in heard}
    too_large = [
        name
        for name, fills in by_order.items()
        if name is not None and sum(fill.quantity for fill in fills) > quantities[name] * (1 + 1e-9)
    ]
    doubled = [name for name, count in counted.items() if count > 1] + too_large
    if told.height != len(made):
        doubled.append(f"{told.height} fills on record of {len(made)}")
    lost = sorted({*ready["client_order_id"]} - {*heard})
    lost += sorted({*heard} - {*sent.filter(event="intended")["client_order_id"]})
    splits = warehouse.read(BARS, where="split_ratio <> 1 AND session > ?", parameters=[FIRST])
    return Findings(
        injected=injected,
        found=[_found(row, lines) for row in differences.iter_rows(named=True)],
        orders=len(heard),
        fills=len(made),
        splits=splits.filter(pl.col("symbol").is_in(SYMBOLS), pl.col("session") <= last).height,
        told_twice=sum(desk._drawn("told twice", fill.broker_fill_id) < desk.hostility.told_twice for fill in made),
        calls=desk.calls(),
        lost=lost,
        doubled=doubled,
    )


def _of_order(
    name: str, day: Any, wrong: set[str], fills: list[Any], *, is_booked: bool
) -> list[tuple[str, Difference]]:
    """What was injected of an order, where that could be seen: the engine filled it, or the broker did later."""
    late = [("late", ("excess", name)) for fill in fills if fill.session > day]
    if not is_booked:
        return late
    if "rejects" in wrong:
        return [("rejects", ("rejected", name))]
    if "late" in wrong:
        return [("late", ("missed", name)), *late]
    return [(what, (NAMES[what], name)) for what in ("partial", "price", "fee") if what in wrong]


def _found(row: dict[str, Any], lines: dict[str, dict[str, Any]]) -> tuple[Difference, bool]:
    """A difference, and whether it is an exit that was cut, or not sent, because the broker holds too little."""
    name = row["client_order_id"]
    if row["kind"] == "manual_trade":
        return ("manual_trade", f"{row['session']} {row['symbol']}"), False
    line = lines.get(name) if name else None
    follows = row["kind"] in ("missed", "partial") and line is not None and line["blocked_by"] == "not_held"
    return (row["kind"], name or f"{row['session']} {row['symbol']}"), follows


def other_tables(one: Configuration, other: Configuration) -> list[str]:
    """Return the names of tables whose rows are not the same, to the bit, in two folders.

    Parameters
    ----------
    one, other
        Their configurations.
    """
    here, there = Warehouse(one.warehouse_path), Warehouse(other.warehouse_path)
    found = [table.name for table in COMPARED if _rows(here, table) != _rows(there, table)]
    return found if _trail(one) == _trail(other) else [*found, "trading.audit_trail"]


def _trail(configuration: Configuration) -> list[tuple[str, str, str]]:
    """Event, reference and detail of each entry; records by their place among those that are not the trail's own.

    A process that is killed between two entries leaves them in two additions, each with a record of its own.
    """
    records = [each for each in Protocol.of(configuration).read() if each.payload.get("action") != TRAIL]
    places = {f"record {record.row}": f"record {place}" for place, record in enumerate(records)}
    rows = read_trail(configuration).select("event", "reference", "detail").rows()
    parted = [(event, *reference.partition("/"), detail) for event, reference, detail in rows]
    return sorted((event, places.get(of, of) + slash + rest, detail) for event, of, slash, rest, detail in parted)


def _rows(warehouse: Warehouse, table: Any) -> str:
    return warehouse.fingerprint(table) if warehouse.exists(table.name) else ""


def trail_of(configuration: Configuration) -> tuple[int, bool]:
    """Return how many entries the trail of a folder has, and whether it is sound."""
    found = verify_trail(Warehouse(configuration.warehouse_path), configuration)
    return found.entries, found.is_sound
