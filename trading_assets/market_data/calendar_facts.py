"""What is fixed about each calendar: how many sessions a year it is annualised by, and when its sessions are over.

Derived from exchange_calendars 4.13.2 with pandas 3.0.6, and compared with the library by the tests:

- `periods`: mean count of sessions of the years 2021 to 2025, rounded. For XNYS and XCBF (mean 251.0) it is 252, the
  convention of the US market; for `24/7` it is 365.
- `close`: the latest close of the years 2025 and 2026, counted from 00:00 UTC of the session's date.
- `days`: weekdays that are sessions in 2026 (M T W R F S U, as Monday to Sunday).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

ALWAYS = "24/7"


class Facts(NamedTuple):
    """Facts of one calendar.

    Attributes
    ----------
    periods
        Sessions a year, for annualisation.
    close
        `HH:MM` after 00:00 UTC of the session's date: every session is over then, 24:00 at the latest.
    days
        Weekdays that can be sessions, as letters of `WEEKDAYS`.
    """

    periods: int
    close: str
    days: str = "MTWRF"

    @property
    def over_after(self) -> dt.timedelta:
        """From 00:00 UTC of a session's date to when it is over, whatever the season."""
        hours, minutes = self.close.split(":")
        return dt.timedelta(hours=int(hours), minutes=int(minutes))

    def cron_days(self, later: int) -> str:
        """Return the days so many days after those of sessions, as the last field of a cron expression.

        Examples
        --------
        >>> [Facts(252, "21:00").cron_days(later) for later in (-1, 0, 1, 2)]
        ['0-4', '1-5', '2-6', '0,3,4,5,6']
        """
        # Cron counts from Sunday, as 0; `WEEKDAYS` from Monday.
        days = sorted((WEEKDAYS.index(day) + 1 + later) % 7 for day in self.days)
        if len(days) == len(WEEKDAYS):
            return "*"
        is_row = len(days) == days[-1] - days[0] + 1
        return f"{days[0]}-{days[-1]}" if is_row else ",".join(map(str, days))


WEEKDAYS = "MTWRFSU"
FACTS: Mapping[str, Facts] = {
    "24/5": Facts(261, "24:00"),
    "24/7": Facts(365, "24:00", "MTWRFSU"),
    "AIXK": Facts(245, "12:00"),
    "ASEX": Facts(249, "15:20"),
    "BVMF": Facts(249, "21:00"),
    "CMES": Facts(258, "23:00"),
    "IEPA": Facts(258, "23:00"),
    "XAMS": Facts(256, "16:30"),
    "XASX": Facts(253, "06:00"),
    "XBDA": Facts(250, "20:30"),
    "XBEL": Facts(250, "13:00"),
    "XBKK": Facts(242, "09:30"),
    "XBOG": Facts(244, "21:00"),
    "XBOM": Facts(247, "10:00"),
    "XBRA": Facts(249, "14:30"),
    "XBRU": Facts(256, "16:30"),
    "XBSE": Facts(251, "15:45"),
    "XBUD": Facts(250, "16:00"),
    "XBUE": Facts(247, "20:00"),
    "XCBF": Facts(252, "21:15"),
    "XCSE": Facts(250, "16:00"),
    "XCYS": Facts(247, "15:00"),
    "XDUB": Facts(254, "16:28"),
    "XDUS": Facts(255, "21:00"),
    "XEEE": Facts(255, "17:00"),
    "XETR": Facts(255, "16:30"),
    "XEUR": Facts(255, "21:00"),
    "XFRA": Facts(255, "16:30"),
    "XHAM": Facts(255, "21:00"),
    "XHEL": Facts(251, "16:30"),
    "XHKG": Facts(246, "08:00"),
    "XICE": Facts(249, "15:30"),
    "XIDX": Facts(242, "08:50"),
    "XIST": Facts(250, "15:00"),
    "XJSE": Facts(250, "15:00"),
    "XKAR": Facts(247, "10:30"),
    "XKLS": Facts(246, "09:00"),
    "XKRX": Facts(245, "06:30"),
    "XLIM": Facts(250, "21:00"),
    "XLIS": Facts(256, "16:30"),
    "XLIT": Facts(249, "14:00"),
    "XLJU": Facts(249, "14:15"),
    "XLON": Facts(252, "16:30"),
    "XLUX": Facts(256, "16:40"),
    "XMAD": Facts(256, "16:30"),
    "XMEX": Facts(252, "21:00"),
    "XMIL": Facts(254, "16:30"),
    "XMOS": Facts(253, "15:45"),
    "XNYS": Facts(252, "21:00"),
    "XNZE": Facts(250, "04:45"),
    "XOSL": Facts(251, "15:20"),
    "XPAR": Facts(256, "16:30"),
    "XPHS": Facts(245, "07:30"),
    "XPRA": Facts(251, "15:20"),
    "XRIS": Facts(250, "14:00"),
    "XSAU": Facts(249, "12:00", "MTWRU"),
    "XSES": Facts(251, "09:00"),
    "XSGO": Facts(249, "20:00"),
    "XSHG": Facts(242, "07:00"),
    "XSTO": Facts(251, "16:30"),
    "XSTU": Facts(255, "21:00"),
    "XSWX": Facts(252, "16:30"),
    "XTAE": Facts(246, "15:15", "MTWRFU"),
    "XTAI": Facts(243, "05:30"),
    "XTAL": Facts(251, "14:00"),
    "XTKS": Facts(245, "06:30"),
    "XTSE": Facts(251, "21:00"),
    "XWAR": Facts(250, "16:00"),
    "XWBO": Facts(254, "16:30"),
    "XZAG": Facts(248, "15:00"),
    "us_futures": Facts(258, "23:00"),
}
