"""Symbols as Alpaca writes them, and times and numbers of its answers."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Names:
    """Our symbols and Alpaca's.

    Of a coin Alpaca has two names: `BTC/USD` in orders, `BTCUSD` in positions.

    Attributes
    ----------
    said
        Those that differ: ours, and Alpaca's.
    """

    said: Mapping[str, str]

    def theirs(self, symbol: str) -> str:
        """Return what Alpaca calls a symbol of ours."""
        return self.said.get(symbol, symbol)

    def ours(self, name: str) -> str:
        """Return what we call a symbol of Alpaca's."""
        known = {theirs.replace("/", ""): symbol for symbol, theirs in self.said.items()}
        return known.get(name.replace("/", ""), name)

    def is_coin(self, symbol: str) -> bool:
        """Return whether a symbol of ours is a coin: it is traded against a currency, which is in its name."""
        return "/" in self.theirs(symbol)

    def session_of(self, symbol: str, at: dt.datetime) -> dt.date:
        """Return the session in which something happened: the day in New York, of coins that of UTC."""
        return at.date() if self.is_coin(symbol) else at.replace(tzinfo=dt.UTC).astimezone(NEW_YORK).date()


def time_of(text: str) -> dt.datetime:
    """Return a time as Alpaca writes it, in UTC and without a zone; nanoseconds are cut to microseconds.

    Raises
    ------
    ValueError
        It says no zone: it would be taken for the time of this machine.

    Examples
    --------
    >>> time_of("2021-05-10T10:01:04.650275123-04:00")
    datetime.datetime(2021, 5, 10, 14, 1, 4, 650275)
    """
    return zoned(text).astimezone(dt.UTC).replace(tzinfo=None)


def zoned(text: str) -> dt.datetime:
    """Return a time with the zone that is written with it; `ValueError` where none is."""
    found = dt.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} says no time zone")
    return found


def number_of(said: object) -> float:
    """Return a number that is written as text, or as a number.

    Raises
    ------
    ValueError
        It is none, or not finite.
    """
    found = float(str(said))
    if not math.isfinite(found):
        raise ValueError(f"{said!r} is no finite number")
    return found


def text_of(value: float | Decimal) -> str:
    """Return a number as text with as many digits as it has, and never an exponent: nine decimals at most.

    Examples
    --------
    >>> text_of(0.1), text_of(12.0), text_of(1e-7)
    ('0.1', '12', '0.0000001')
    """
    return f"{value:.9f}".rstrip("0").rstrip(".")
