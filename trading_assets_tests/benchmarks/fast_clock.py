"""A clock that is set, in place of the machine's, and the ticks of the shipped schedules by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from trading_assets.asset_factories import table_asset
from trading_assets.backtests import assets as backtests

#: Modules that ask what time it is while a run goes on.
_ASK = (table_asset, backtests)


class FastClock:
    """A time, and modules of the product that are told it."""

    def __init__(self, moment: dt.datetime) -> None:
        self.moment = moment

    @contextmanager
    def running(self) -> Iterator[FastClock]:
        """Show this time to whoever asks for it, until the end of the block."""
        clock = self

        class Now(dt.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> dt.datetime:  # type: ignore[override]
                return clock.moment if tz is not None else clock.moment.replace(tzinfo=None)

        told = ModuleType("datetime")
        vars(told).update({name: getattr(dt, name) for name in dir(dt) if not name.startswith("_")})
        vars(told)["datetime"] = Now
        with ExitStack() as stack:
            for module in _ASK:
                stack.enter_context(patch.object(module, "dt", told))
            yield self


def ticks_of(crons: Sequence[str], first: dt.date, last: dt.date) -> list[dt.datetime]:
    """Return when cron expressions of minute, hour and days of the week are due between two days, in UTC.

    Parameters
    ----------
    crons
        Such as `30 22 * * 1-5`; days from Sunday, 0.
    first, last
        The days, inclusive.

    Examples
    --------
    >>> ticks_of(["30 22 * * 1-5"], dt.date(2026, 11, 28), dt.date(2026, 11, 30))  # from a Saturday to a Monday
    [datetime.datetime(2026, 11, 30, 22, 30, tzinfo=datetime.timezone.utc)]
    """
    found = []
    for cron in crons:
        minute, hour, _, _, week = cron.split()
        days = set(range(7)) if week == "*" else {day for part in week.split(",") for day in _days(part)}
        for number in range((last - first).days + 1):
            day = first + dt.timedelta(days=number)
            if day.isoweekday() % 7 in days:
                found.append(dt.datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=dt.UTC))
    return sorted(found)


def _days(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)
