"""Names and texts in SQL."""

from __future__ import annotations


def quote(identifier: str) -> str:
    """Return a name as SQL takes any name: in double quotes, those within it doubled."""
    return '"' + identifier.replace('"', '""') + '"'


def quoted(table_name: str) -> str:
    """Return `schema.name` as SQL has it."""
    return ".".join(quote(part) for part in table_name.split("."))


def literal(text: str) -> str:
    """Return a text as SQL takes any text: in single quotes, those within it doubled."""
    return "'" + text.replace("'", "''") + "'"
