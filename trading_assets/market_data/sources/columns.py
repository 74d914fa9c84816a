"""Which column of a file is which of ours."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from trading_assets.config.sources import ColumnSettings
from trading_assets.market_data.sources.errors import SourceError, shown
from trading_assets.market_data.sources.raw import (
    ACTIONS,
    NUMBERS,
)
from trading_assets.market_data.sources.tabular import CsvTable

# Usual names, letters and digits only, most telling first: a file with `date` and `unix` means `date`.
_USUAL: Mapping[str, Sequence[tuple[str, ...]]] = {
    "symbol": (("symbol",), ("ticker",), ("name",), ("instrument", "code", "pair")),
    "session": (
        ("session",),
        ("date", "dtyyyymmdd"),
        ("datetime", "timestamp", "time"),
        ("unix", "epoch", "opentime"),
        ("t",),
    ),
    "open": (("open",), ("openprice",), ("o",)),
    "high": (("high",), ("highprice",), ("h",)),
    "low": (("low",), ("lowprice",), ("l",)),
    "close": (("close",), ("closeprice", "closelast"), ("c",)),
    "volume": (("volume",), ("vol",), ("v",)),
    "adj_close": (("adjclose", "adjustedclose"),),
    "market_cap": (("marketcap", "marketcapitalization", "marketcapitalisation", "capitalization"),),
    "cash_dividend": (
        ("cashdividend", "divcash", "dividendamount"),
        ("dividend", "dividends", "exdividend", "divamt", "dividendcash"),
    ),
    "split_ratio": (
        ("splitratio", "splitfactor", "splitcoefficient", "stocksplit", "stocksplits"),
        ("split", "splits"),
    ),
}
#: Candles of https://data.binance.vision, which name no columns.
_BINANCE = ("session", *NUMBERS[:5], "close_time", "quote_volume", "trades", "taker_base", "taker_quote", "ignore")
_VALUE = re.compile(r"^[-+]?[0-9][-+0-9.,:/ TZeE]*$")
_UNNAMED = re.compile(r"^\s*(Unnamed: 0)?\s*$")
_EPOCH = re.compile(r"^[0-9]{10,19}$")
_FEWEST_FIELDS = 5
_OPTIONAL = ("adj_close", "market_cap", *ACTIONS)
#: What a file may be said not to have. A volume that is merely not found is more often called otherwise.
_MAY_BE_ABSENT = ("volume", *_OPTIONAL)
#: Name of a column with the time of day that belongs to the date in another one.
_TIME = "time"


class ColumnError(SourceError):
    """The header does not have the columns of bars."""


def find_columns(
    header: Sequence[str],
    *,
    mapped: Mapping[str, str],
    symbol_column: str | None,
    file: str,
    line: int,
    hint: str = "",
) -> dict[str, int]:
    """Return the position of each of our columns in `header`.

    A mapped name is looked up as written, then ignoring case. An unmapped one is found by the usual
    names, ignoring case, spaces and punctuation (`Adj Close`, `<CLOSE>`). `time` is there where the mapping names
    it, or where the header has a column called so that is not the one of the dates: whether it holds times of day, its
    cells say. Where no column is one of dates and the first has no name, it is: the index of a pandas frame.

    Parameters
    ----------
    header
        Names in the file.
    mapped
        Our name -> the file's name; "" for the volume or an optional one that the file does not have, whatever it is
        called.
    symbol_column
        Name of the column of symbols; None if the symbol is not in a column. `symbol` stands for any
        usual name.
    file, line
        Where the header is, for messages.
    hint
        What else to do about a missing column.

    Raises
    ------
    ColumnError
        A column is missing or ambiguous: which, what was found, the nearest name.
    """
    wanted = dict(mapped)
    ours = ["session", *NUMBERS]
    if symbol_column is not None:
        ours.insert(0, "symbol")
        if symbol_column != "symbol":
            wanted["symbol"] = symbol_column
    found: dict[str, int] = {}
    missing: list[str] = []
    for name in ours:
        if name in _MAY_BE_ABSENT and wanted.get(name) == "":
            continue  # declared as absent
        positions = _positions(header, name, wanted)
        if name == "session" and name not in wanted and not positions and _UNNAMED.match(header[0] if header else "-"):
            positions = [0]
        if len(positions) > 1:
            raise ColumnError(
                f"{len(positions)} columns can be {name!r}: {', '.join(header[position] for position in positions)}",
                file=file,
                line=line,
                expected=f"one column for {name!r}",
                todo=f"name it under `columns`: {{{name}: ...}}"
                if len({header[position] for position in positions}) > 1
                else f"both are called {header[positions[0]]!r}: rename one in the file, or name all columns, "
                f"`header: [...]`, and set `skip_rows: {line}`",
            )
        if positions:
            found[name] = positions[0]
        elif name in wanted or name not in _OPTIONAL:
            missing.append(name)
    if missing:
        raise _missing(header, missing, wanted, file, line, hint)
    times = _written(header, wanted.get(_TIME, _TIME)) or _called_time(header)
    if _TIME in wanted and not _written(header, wanted[_TIME]):
        raise _missing(header, [_TIME], wanted, file, line, hint)
    if times and times[0] not in found.values():
        found[_TIME] = times[0]
    return found


def names_for(fields: Sequence[str]) -> list[str] | None:
    """Return names for the columns of a file whose first line is a bar already; None if it names columns.

    A line with no word but a symbol in one of its first two fields is a bar. The names are those of the usual order;
    lines of twelve fields with two epochs are the candles of Binance's archive.
    """
    is_value = [any(map(str.isdigit, field)) and _VALUE.match(field) is not None for field in fields]
    words = [at for at, value in enumerate(is_value) if not value and fields[at]]
    if len(fields) < _FEWEST_FIELDS or len(words) > 1 or any(at > 1 for at in words):
        return None
    if len(fields) == len(_BINANCE) and all(_EPOCH.match(fields[at]) for at in (0, 6)):
        return list(_BINANCE)
    named = ["session", *NUMBERS[:5]]
    if words:
        named.insert(words[0], "symbol")
    names = named[: len(fields)]
    return names + [f"column_{number}" for number in range(len(names) + 1, len(fields) + 1)]


def usual_names(name: str) -> tuple[str, ...]:
    """Names, letters and digits only, that columns of ours usually have."""
    return tuple(usual for names in _USUAL[name] for usual in names)


def resembles_header(fields: Sequence[str], mapped: Mapping[str, str]) -> bool:
    """Return whether a line names a session and all four prices."""
    return all(_positions(fields, name, mapped) for name in ("session", *NUMBERS[:4]))


def _positions(header: Sequence[str], name: str, mapped: Mapping[str, str]) -> list[int]:
    return _written(header, mapped[name]) if name in mapped else _usual(header, name)


def _written(header: Sequence[str], name: str) -> list[int]:
    exact = [position for position, column in enumerate(header) if column == name]
    return exact or [position for position, column in enumerate(header) if column.lower() == name.strip().lower()]


def _usual(header: Sequence[str], name: str) -> list[int]:
    plain = ["".join(filter(str.isalnum, column.lower())) for column in header]
    for names in _USUAL[name]:
        positions = [position for position, column in enumerate(plain) if column in names]
        if positions:
            return positions
    return []


def _called_time(header: Sequence[str]) -> list[int]:
    return [at for at, column in enumerate(header) if "".join(filter(str.isalnum, column.lower())) == _TIME]


def _missing(
    header: Sequence[str], names: Sequence[str], mapped: Mapping[str, str], file: str, line: int, hint: str
) -> ColumnError:
    """One error for all columns that are not there."""
    shown = ", ".join(column[:40] for column in header[:20]) + (", ..." if len(header) > 20 else "")
    lowered = {column.lower(): column for column in header}
    near = {
        name: lowered[each]
        for name in names
        for each in difflib.get_close_matches((mapped.get(name) or name).lower(), lowered, n=1)
    }
    wanted = [mapped.get(name) or name for name in names]
    nearest = f" (nearest: {', '.join(near.values())})" if near else ""
    return ColumnError(
        f"no column for {', '.join(map(repr, names))}",
        file=file,
        line=line,
        column=", ".join(wanted),
        expected=f"{', '.join(map(repr, wanted))} among the columns found: {shown}{nearest}",
        todo=hint or _advice(names, mapped, near),
    )


def _advice(names: Sequence[str], mapped: Mapping[str, str], near: Mapping[str, str]) -> str:
    """What to do about missing columns."""
    if list(names) == ["symbol"] and "symbol" not in mapped:
        return (
            "where a file is one symbol's, set `symbol_from: filename` (or `folder`); name the column of symbols "
            "otherwise, `symbol_from: ...`"
        )
    if {"open", "high", "low"} <= set(names) and "close" not in names:
        return "deliver open, high and low, too: orders fill at the open; name them under `columns` if they are there"
    named = ", ".join(f"{name}: {near.get(name, '...')}" for name in names)
    them = "it" if len(names) == 1 else "them"
    without = '; of files without one, as of an index, `columns: {volume: ""}`' if list(names) == ["volume"] else ""
    return f"name {them} under `columns`: {{{named}}}{without}; if the header is further down, set `skip_rows`"


def refuse_headerless(table: CsvTable, source: ColumnSettings) -> None:
    """Raise if the line of the header is a bar: what to write instead.

    Raises
    ------
    SourceError
        With names for the columns in the usual order.
    """
    names = None if table.has_given_names else names_for(table.header)
    if names is None:
        return
    skip = f"; `skip_rows: {table.header_line - 1}`" if table.header_line > 1 else ""
    raise SourceError(
        f"no names of columns: the line is {shown(','.join(table.header))}",
        file=table.name,
        line=table.header_line,
        expected="a line that names the columns, or their names in the configuration",
        todo=f"set `header: [{', '.join(names)}]`, in the order of the file{skip}"
        + ("" if "symbol" in names or source.symbol_from != "symbol" else ", and `symbol_from: filename`"),
    )
