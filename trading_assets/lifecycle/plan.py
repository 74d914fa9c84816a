"""What the section `lifecycle` asks for now, in the order in which it is done, and doing it.

Each item is whole or not at all, and what is done is no more to be done: who is killed in between is followed by
somebody who finds the rest. Nothing here knows the protocol, the audit trail, ledgers, or books of brokers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

from trading_assets.config import Configuration
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.lifecycle.items import Item
from trading_assets.lifecycle.old_files import old_answers, old_backups, old_logs
from trading_assets.lifecycle.unnamed_runs import unnamed_runs
from trading_assets.market_data.tables import BARS, RAW_BARS
from trading_assets.models.registry import RegistryError
from trading_assets.warehouse import WarehouseError
from trading_assets.warehouse.compaction import compact, room_of
from trading_assets.warehouse.lake.placement import Placement, place, placements

_TABLES = (RAW_BARS, BARS, INDICATORS, DAILY)
_WAIT_SECONDS = 120.0
_MIB = 2**20
Done = list[tuple[Item, str]]


def look(configuration: Configuration, now: dt.datetime) -> list[Item]:
    """Return what is to be done, in order; nothing is changed.

    Parameters
    ----------
    configuration, now
        Configuration, and the time, UTC.

    Raises
    ------
    WarehouseError, RegistryError
        Warehouse or registry cannot be read.
    """
    seconds = now.replace(tzinfo=dt.UTC).timestamp()
    found = [*_cold_months(configuration)]
    for each in (old_logs, old_answers, unnamed_runs, old_backups):
        found += each(configuration, seconds)
    return [*found, *_room(configuration)]


def carry_out(configuration: Configuration, now: dt.datetime) -> Done:
    """Do what is to be done, and return each item with what came of it; what fails is said, and the rest goes on.

    Parameters
    ----------
    configuration, now
        Configuration, and the time, UTC.
    """
    done = _each(look(configuration, now), lambda item: item.action != "compact")
    return [*done, *_each(list(_room(configuration)), lambda item: True)]  # months that were moved leave room


def _each(items: Sequence[Item], is_wanted: Callable[[Item], bool]) -> Done:
    done: Done = []
    for item in items:
        if not is_wanted(item):
            continue
        try:
            done.append((item, item.act()))
        except (WarehouseError, RegistryError, OSError) as error:
            done.append((item, f"failed: {' '.join(str(error).split())}"))
    return done


def failures(done: Done) -> list[str]:
    """Return what could not be done, a line each."""
    return [f"{item.what}: {said}" for item, said in done if said.startswith("failed")]


def _cold_months(configuration: Configuration) -> Iterator[Item]:
    if configuration.warehouse.lake:  # all months are in files
        return
    hot, path = configuration.lifecycle.hot_months, configuration.warehouse_path
    wanted = {table: hot[table.name] for table in _TABLES if table.name in hot}
    for each in placements(path, _WAIT_SECONDS, wanted) if wanted else ():
        is_out = each.now is not None and each.now < each.wanted
        key = "bars" if each.table in (RAW_BARS, BARS) else "features"
        yield Item(
            "to files" if is_out else "inside",
            f"{each.rows} rows of {each.months} months of {each.table.name}",
            f"lifecycle.{key}.hot_months: {wanted[each.table]}",
            None,
            None,
            lambda each=each: _placed(configuration, each),  # type: ignore[misc]
        )


def _placed(configuration: Configuration, placement: Placement) -> str:
    place(configuration.warehouse_path, _WAIT_SECONDS, placement)
    return "moved"


def _room(configuration: Configuration) -> Iterator[Item]:
    settings, path = configuration.lifecycle, configuration.warehouse_path
    room = room_of(path, _WAIT_SECONDS)
    if room.share < settings.compact_share or room.free < settings.compact_mib * _MIB or not room.size:
        return

    def act() -> str:
        return f"{compact(path, _WAIT_SECONDS).size} bytes now"

    why = f"lifecycle.compact_share: {settings.compact_share:g}; {room.share:.0%} of it hold no rows"
    yield Item("compact", str(path), why, None, room.size, act)
