"""How old an asset may be: by the calendars of the market, as a session brings new bars and a weekend does not."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from trading_assets.config import Configuration
from trading_assets.market_data.calendar_facts import ALWAYS

_HOUR, _DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


class FreshnessWindow(NamedTuple):
    """Ages from which on an asset is warned of, and is stale."""

    warn: dt.timedelta
    stale: dt.timedelta


#: Every day brings a bar. An exchange is closed for four days in a row at most, about: Easter, the turn of a year.
_OF_EVERY_DAY = FreshnessWindow(26 * _HOUR, 50 * _HOUR)
_OF_EXCHANGES = FreshnessWindow(4 * _DAY + 2 * _HOUR, 6 * _DAY)
#: What changes with settings alone is not made anew for as long as it is what it would be.
MAY_STAY = FreshnessWindow(35 * _DAY, 70 * _DAY)


def window_of(configuration: Configuration) -> FreshnessWindow | None:
    """Return the window of what each session changes; None where the end is fixed, and nothing ages."""
    if configuration.as_of is not None:
        return None
    calendars = {getattr(source, "calendar", ALWAYS) for source in configuration.market_data}
    return _OF_EVERY_DAY if calendars & {ALWAYS} else _OF_EXCHANGES
