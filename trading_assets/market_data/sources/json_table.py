"""Bars in JSON: a list of objects, of arrays, an object of columns, or an object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from trading_assets.market_data.sources.errors import EmptyFileError, SourceError, shown
from trading_assets.market_data.sources.size_limits import SizeLimits

ENDINGS = (".json", ".jsonl", ".ndjson")


class JsonTable:
    """A JSON file in memory; a row counts as a line.

    Four shapes are read: `[{"date": ..., "open": ...}, ...]`, the same with an object a line, `[[1502928000, 4261.5,
    ...], ...]` (its columns are named by the layout), and `{"t": [...], "o": [...]}`. A list may lie inside
    objects, if it is the only one: `{"data": {"bars": [...]}}`.
    """

    header_line = 1

    def __init__(self, name: str, data: bytes, header: tuple[str, ...], limits: SizeLimits) -> None:
        self.name = name
        rows = _rows(_parsed(name, data), name)
        limits.assert_rows(name, len(rows))
        if isinstance(rows[0], list) and not header:
            raise SourceError(
                "rows without names",
                file=name,
                line=1,
                expected='objects such as {"date": ...}, or `header` with the names of the columns',
                todo="set `header: [session, open, high, low, close, volume]` in the order of the file",
            )
        self.header = (
            header if isinstance(rows[0], list) else tuple(dict.fromkeys(name for row in rows for name in row))
        )
        self._rows = rows

    def read(self, positions: Sequence[int]) -> pl.DataFrame:
        """Return text columns by position, nulls where a row has none."""
        wanted = sorted(set(positions))
        if isinstance(self._rows[0], list):
            cells = {str(at): [_text(row[at]) if at < len(row) else None for row in self._rows] for at in wanted}
        else:
            cells = {str(at): [_text(row.get(self.header[at])) for row in self._rows] for at in wanted}
        rows = pl.DataFrame(cells, schema=dict.fromkeys(map(str, wanted), pl.String))
        return rows.with_columns(source_line=pl.int_range(pl.len(), dtype=pl.Int64) + 1)


def first_rows(name: str, data: bytes, number: int) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return names of the columns (none for arrays) and the first rows as text, empty where a row has no value.

    Parameters
    ----------
    name, data
        Name of the file, for the message of an error, and its bytes.
    number
        Rows at most.
    """
    rows = _rows(_parsed(name, data), name)
    if isinstance(rows[0], list):
        return (), tuple(tuple(_text(cell) or "" for cell in row) for row in rows[:number])
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    return names, tuple(tuple(_text(row.get(name)) or "" for name in names) for row in rows[:number])


def _parsed(name: str, data: bytes) -> Any:
    if not data.strip():
        raise EmptyFileError("the file is empty", file=name, line=1, expected="JSON")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError("not UTF-8 text", file=name, line=line, expected="JSON in UTF-8") from None
    try:
        # Numbers stay as written: no digit of a price is lost on the way to the column.
        return json.loads(text, parse_float=str, parse_int=str)
    except (json.JSONDecodeError, RecursionError) as error:
        lines = text.splitlines()
        if len(lines) > 1 and lines[0].strip().endswith("}"):
            return [_line(name, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        at = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise SourceError(f"not JSON: {what}", file=name, line=at, todo="deliver the file again") from None


def _line(name: str, number: int, line: str) -> Any:
    try:
        return json.loads(line, parse_float=str, parse_int=str)
    except (json.JSONDecodeError, RecursionError):
        raise SourceError("not a JSON object", file=name, line=number, expected="one object a line") from None


def _rows(value: Any, name: str) -> list[Any]:
    """The list of rows in `value`: objects, or arrays."""
    found = _find(value)
    if not found:
        says = value if isinstance(value, str) else _message(value)
        raise SourceError(
            "no list of bars" + (f"; the file says {shown(says)}" if says else ""),
            file=name,
            line=1,
            expected='[{"date": ..., "open": ...}, ...], [[...], ...], {"t": [...], "o": [...]}, or one object a line',
            todo="convert the file, or take it out of `path`",
        )
    kind = type(found[0])
    for number, row in enumerate(found, start=1):
        if type(row) is not kind:
            raise SourceError(
                f"{shown(row)} beside rows of another kind", file=name, line=number, expected="rows of one kind"
            )
    return found


def _message(value: Any) -> str:
    """What a service's answer without data says, if it says something."""
    if not isinstance(value, dict):
        return ""
    texts = [f"{key}: {cell}" for key, cell in value.items() if isinstance(cell, str) and cell.strip()]
    inside = [_message(cell) for cell in value.values() if isinstance(cell, dict)]
    return "; ".join([*texts, *filter(None, inside)])


def _find(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value if value and isinstance(value[0], (dict, list)) else []
    if not isinstance(value, dict):
        return []
    columns = {name: cells for name, cells in value.items() if isinstance(cells, list)}
    if len(columns) > 1 and not any(isinstance(cell, (dict, list)) for cells in columns.values() for cell in cells):
        length = max(map(len, columns.values()))
        whole = {name: cells for name, cells in columns.items() if len(cells) == length}
        return [dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=True)]
    inside = [rows for rows in map(_find, value.values()) if rows]
    return inside[0] if len(inside) == 1 else []


def _text(cell: Any) -> str | None:
    return None if cell is None or isinstance(cell, (dict, list)) else str(cell)
