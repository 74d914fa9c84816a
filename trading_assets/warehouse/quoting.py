"""Names in SQL."""

from __future__ import annotations


def quote(identifier: str) -> str:
    """Return a name as SQL takes any name: in double quotes, those within it doubled."""
    return '"' + identifier.replace('"', '""') + '"'
