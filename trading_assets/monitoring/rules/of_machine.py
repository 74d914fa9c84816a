"""Rules about what everything rests on: the disk, and the record of what was tried and seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from trading_assets.monitoring.rules.situation import Finding, Situation
from trading_assets.protocol import Protocol
from trading_assets.warehouse import LockedError, WarehouseError

_GIB = 2**30


def disk(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield that the disk of the data folder has less than `threshold` GiB free."""
    folder = situation.home or situation.configuration.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / _GIB
    if free < threshold:
        yield Finding("data folder", f"{folder}: {free:.2f} GiB are free, less than {threshold:g} GiB")


def ledger(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield that the protocol of the data folder is not what was written, or cannot be read."""
    of, patience = situation.configuration, situation.warehouse.wait_seconds
    protocol = Protocol(of.data, of.name, wait_seconds=patience)
    try:
        protocol.verify_contents(protocol.read())
    except LockedError:
        return  # somebody writes: the next look reads it
    except WarehouseError as error:
        yield Finding("protocol", str(error).splitlines()[0])
