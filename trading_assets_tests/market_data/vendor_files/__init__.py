"""A small file of each known layout: real formats, made-up values, and what its first and last bar are, by hand."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

#: Symbol, session, open, high, low, close, volume.
Bar = tuple[str, str, float, float, float, float, float | None]


class VendorFile(NamedTuple):
    """One file of a vendor.

    Attributes
    ----------
    name
        Path as the vendor names it.
    text
        What is in it; a leading line break is not.
    first, last
        Oldest and newest bar of the file's first symbol, read by hand: symbol, session, open, high, low, close, volume.
    settings
        What the user has to state beside the layout.
    sessions
        Number of bars of that symbol.
    actions
        Its sessions with a cash dividend or a split of its own column: session, dividend, ratio.
    """

    name: str
    text: str
    first: Bar
    last: Bar
    settings: dict[str, object] = {}
    sessions: int = 2
    actions: tuple[tuple[str, float, float], ...] = ()


#: The two bars of most files of stocks.
FIRST = ("AAPL", "2024-01-02", 10.0, 12.0, 9.0, 11.0, 1000.0)
LAST = ("AAPL", "2024-01-16", 11.0, 13.0, 10.0, 12.5, 2000.0)


class FirstAndLast(TypedDict):
    first: Bar
    last: Bar


def bars_named(symbol: str) -> FirstAndLast:
    """The two bars under another name."""
    return {"first": (symbol, *FIRST[1:]), "last": (symbol, *LAST[1:])}
