"""Types of single values: days, time zones, cron expressions, counts."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator

#: Days that a market can have, and that every library in use can tell: nanoseconds since 1970 reach from 1677 to 2262.
FIRST_DAY, LAST_DAY = dt.date(1800, 1, 1), dt.date(2199, 12, 31)
#: No window, horizon or delay is longer than the trading days of four centuries.
MOST_SESSIONS = 100_000
#: Instruments of indices that nobody chose with hindsight: up to so many.
MOST_INDICES = 5


@dataclass(frozen=True)
class NamesFiles:
    """Mark of a setting that names a file of data, or a glob of them: what is in them is data that decide results.

    Attributes
    ----------
    words
        Texts that name none.
    """

    words: tuple[str, ...] = ("",)


_UTC = "UTC"
_MACROS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: Name, least and largest value of each field of a cron expression, and names that stand for values.
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?P<first>\*|\w+)(-(?P<last>\w+))?(/(?P<step>[0-9]+))?")


def require_day(value: object) -> object:
    """Return a value that may be a day.

    Raises
    ------
    ValueError
        It is a number: 20100101 without dashes would become a day of 1970.
    """
    if isinstance(value, bool | int | float):
        raise ValueError("expected a date such as 2010-01-31, got a number")
    return value


def require_known_day(value: dt.date) -> dt.date:
    """Return a day that a market can have.

    Raises
    ------
    ValueError
        It is before 1800 or after 2199.
    """
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"expected a date of {FIRST_DAY} to {LAST_DAY}")
    return value


def require_time_zone(value: str) -> str:
    """Return the name of a time zone.

    Raises
    ------
    ValueError
        There is none of that name, or it means another zone on another machine (`localtime`).
    """
    if value == _UTC or (value in _time_zones() and value != "localtime"):
        ZoneInfo(value)
        return value
    nearest = difflib.get_close_matches(value[:80], _time_zones(), n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else "expected a name such as America/New_York"
    raise ValueError(f"unknown time zone; {hint}")


@cache
def _time_zones() -> frozenset[str]:
    """Names of the zones of this machine; to list them reads some hundred files."""
    return frozenset(available_timezones())


def require_cron(value: str) -> str:
    """Return a cron expression: five fields, or one of the macros such as ``@daily``.

    Raises
    ------
    ValueError
        It is none, or no day is ever like that (the 31st of February).
    """
    if value in _MACROS:
        return value
    fields = value.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"no cron expression: expected five fields (minute, hour, day of the month, month, day of the week) such "
            f"as 0 6 * * 6, got {len(fields)}"
        )
    found = [_cron_values(text, *field) for text, field in zip(fields, _FIELDS, strict=True)]
    days, months = found[2:4]
    if min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise ValueError(f"no cron expression: there is no day {min(days)} in these months, it would never run")
    return value


def _cron_values(text: str, name: str, least: int, largest: int, names: dict[str, int]) -> set[int]:
    values: set[int] = set()
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(f"no cron expression: {part[:20]!r} is no {name}")
        step = int(found["step"]) if found["step"] and len(found["step"]) < 4 else 1
        ends = [found["first"], found["last"] or (found["first"] if not found["step"] else str(largest))]
        if found["first"] == "*":
            first, last = least, largest
        else:
            first, last = (_cron_number(each, name, least, largest, names) for each in ends)
        if step < 1 or (found["step"] and len(found["step"]) >= 4) or last < first:
            raise ValueError(f"no cron expression: {part[:20]!r} is no {name}")
        values |= set(range(first, last + 1, step))
    return values


def _cron_number(text: str, name: str, least: int, largest: int, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
    if not least <= number <= largest:
        raise ValueError(f"no cron expression: {text[:20]!r} is no {name}, which is {least} to {largest}")
    return number


Day = Annotated[dt.date, BeforeValidator(require_day), AfterValidator(require_known_day)]
TimeZone = Annotated[str, AfterValidator(require_time_zone)]
Cron = Annotated[str, AfterValidator(require_cron)]
