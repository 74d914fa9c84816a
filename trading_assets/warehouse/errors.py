"""What can go wrong with the warehouse; `str()` of each is one block for people."""

from __future__ import annotations


class WarehouseError(Exception):
    """The warehouse cannot do what was asked; what it held before is intact."""


class MissingTableError(WarehouseError):
    """The table has not been written yet."""


class LockedError(WarehouseError):
    """Another process held the warehouse for longer than we wait."""


class TooLongError(WarehouseError):
    """A query took longer than it may."""


class StaleInputError(WarehouseError):
    """What a step computed from has been replaced by another run meanwhile."""


class SchemaVersionError(WarehouseError):
    """The file was written by a newer version of trading_assets."""


def block(what: str, **rows: object) -> str:
    """Return one message: what happened, then a line for each of `rows` that is not empty."""
    return "\n".join([what, *(f"  {key.replace('_', ' ')}: {value}" for key, value in rows.items() if value)])
