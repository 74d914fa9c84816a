"""At which times of day the sessions of each calendar open and close, in the zone of its exchange.

Derived from exchange_calendars 4.13.2 with pandas 3.0.6 for the sessions of 2025 and 2026, and compared with the
library by the tests. They say when it is worth asking; when a session really opens and closes the library says
(`calendars.trading_hours`), which takes seconds to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from trading_assets.market_data.calendars import canonical_name


class LocalHours(NamedTuple):
    """Times of day of one calendar.

    Attributes
    ----------
    zone
        IANA name of the zone.
    opening, closing
        `HH:MM` from 00:00 of the session's date there, each that occurs; half days close early, and what opens on the
        evening before is negative.
    """

    zone: str
    opening: str
    closing: str

    @property
    def opens(self) -> list[int]:
        """Minutes from 00:00 of the session's date, ascending."""
        return [_minutes(each) for each in self.opening.split()]

    @property
    def closes(self) -> list[int]:
        """Minutes from 00:00 of the session's date, ascending."""
        return [_minutes(each) for each in self.closing.split()]


def local_hours(calendar: str) -> LocalHours:
    """Return the times of day of a calendar, by its name or an alias of it.

    Raises
    ------
    CalendarError
        Unknown name.
    """
    return HOURS[canonical_name(calendar)]


def _minutes(time: str) -> int:
    """Minutes of a time.

    Examples
    --------
    >>> _minutes("09:30"), _minutes("-06:00")
    (570, -360)
    """
    hours, minutes = time.removeprefix("-").split(":")
    return (-1 if time.startswith("-") else 1) * (60 * int(hours) + int(minutes))


HOURS: Mapping[str, LocalHours] = {
    "24/5": LocalHours("UTC", "00:00", "24:00"),
    "24/7": LocalHours("UTC", "00:00", "24:00"),
    "AIXK": LocalHours("Asia/Almaty", "11:00", "17:00"),
    "ASEX": LocalHours("Europe/Athens", "10:00", "17:20"),
    "BVMF": LocalHours("America/Sao_Paulo", "10:00 13:00", "18:00"),
    "CMES": LocalHours("America/Chicago", "-07:00", "12:00 17:00"),
    "IEPA": LocalHours("America/New_York", "-04:00", "13:00 18:00"),
    "XAMS": LocalHours("Europe/Amsterdam", "09:00", "14:05 17:30"),
    "XASX": LocalHours("Australia/Sydney", "10:00", "14:10 16:00"),
    "XBDA": LocalHours("Atlantic/Bermuda", "09:00", "14:00 16:30"),
    "XBEL": LocalHours("Europe/Belgrade", "09:30", "14:00"),
    "XBKK": LocalHours("Asia/Bangkok", "10:00", "16:30"),
    "XBOG": LocalHours("America/New_York", "09:30", "16:00"),
    "XBOM": LocalHours("Asia/Kolkata", "09:15", "15:30"),
    "XBRA": LocalHours("Europe/Bratislava", "11:00", "15:30"),
    "XBRU": LocalHours("Europe/Brussels", "09:00", "14:05 17:30"),
    "XBSE": LocalHours("Europe/Bucharest", "10:00", "17:45"),
    "XBUD": LocalHours("Europe/Budapest", "09:00", "17:00"),
    "XBUE": LocalHours("America/Argentina/Buenos_Aires", "11:00", "13:00 17:00"),
    "XCBF": LocalHours("America/Chicago", "08:30", "12:15 15:15"),
    "XCSE": LocalHours("Europe/Copenhagen", "09:00", "17:00"),
    "XCYS": LocalHours("Asia/Nicosia", "10:30", "17:00"),
    "XDUB": LocalHours("Europe/Dublin", "08:00", "12:28 16:28"),
    "XDUS": LocalHours("Europe/Brussels", "08:00", "14:00 22:00"),
    "XEEE": LocalHours("Europe/Berlin", "08:00", "18:00"),
    "XETR": LocalHours("Europe/Berlin", "09:00", "14:00 17:30"),
    "XEUR": LocalHours("Europe/Berlin", "08:00", "22:00"),
    "XFRA": LocalHours("Europe/Berlin", "09:00", "14:00 17:30"),
    "XHAM": LocalHours("Europe/Brussels", "08:00", "14:00 22:00"),
    "XHEL": LocalHours("Europe/Helsinki", "10:00", "18:30"),
    "XHKG": LocalHours("Asia/Hong_Kong", "09:30", "12:00 16:00"),
    "XICE": LocalHours("Atlantic/Reykjavik", "09:30", "15:30"),
    "XIDX": LocalHours("Asia/Jakarta", "09:00", "15:50"),
    "XIST": LocalHours("Europe/Istanbul", "10:00", "12:30 18:00"),
    "XJSE": LocalHours("Africa/Johannesburg", "09:00", "17:00"),
    "XKAR": LocalHours("Asia/Karachi", "09:32", "15:30"),
    "XKLS": LocalHours("Asia/Kuala_Lumpur", "09:00", "12:30 17:00"),
    "XKRX": LocalHours("Asia/Seoul", "09:00 10:00", "15:30"),
    "XLIM": LocalHours("America/Lima", "09:00", "16:00"),
    "XLIS": LocalHours("Europe/Lisbon", "08:00", "13:05 16:30"),
    "XLIT": LocalHours("Europe/Vilnius", "10:00", "16:00"),
    "XLJU": LocalHours("Europe/Ljubljana", "09:15", "15:15"),
    "XLON": LocalHours("Europe/London", "08:00", "12:30 16:30"),
    "XLUX": LocalHours("Europe/Luxembourg", "09:00", "14:05 17:40"),
    "XMAD": LocalHours("Europe/Madrid", "09:00", "14:00 17:30"),
    "XMEX": LocalHours("America/Mexico_City", "08:30", "15:00"),
    "XMIL": LocalHours("Europe/Rome", "09:00", "17:30"),
    "XMOS": LocalHours("Europe/Moscow", "10:00", "18:45"),
    "XNYS": LocalHours("America/New_York", "09:30", "13:00 16:00"),
    "XNZE": LocalHours("Pacific/Auckland", "10:00", "12:45 16:45"),
    "XOSL": LocalHours("Europe/Oslo", "09:00", "13:00 16:20"),
    "XPAR": LocalHours("Europe/Paris", "09:00", "14:05 17:30"),
    "XPHS": LocalHours("Asia/Manila", "09:30", "15:30"),
    "XPRA": LocalHours("Europe/Prague", "09:00", "16:20"),
    "XRIS": LocalHours("Europe/Riga", "10:00", "16:00"),
    "XSAU": LocalHours("Asia/Riyadh", "10:00", "15:00"),
    "XSES": LocalHours("Asia/Singapore", "09:00", "17:00"),
    "XSGO": LocalHours("America/Santiago", "09:30", "12:30 13:30 16:00 17:00"),
    "XSHG": LocalHours("Asia/Shanghai", "09:30", "15:00"),
    "XSTO": LocalHours("Europe/Stockholm", "09:00", "13:00 17:30"),
    "XSTU": LocalHours("Europe/Berlin", "07:30", "22:00"),
    "XSWX": LocalHours("Europe/Zurich", "09:00", "17:30"),
    "XTAE": LocalHours("Asia/Tel_Aviv", "09:59", "13:50 14:15 15:40 17:15"),
    "XTAI": LocalHours("Asia/Taipei", "09:00", "13:30"),
    "XTAL": LocalHours("Europe/Tallinn", "10:00", "16:00"),
    "XTKS": LocalHours("Asia/Tokyo", "09:00", "15:30"),
    "XTSE": LocalHours("America/Toronto", "09:30", "13:00 16:00"),
    "XWAR": LocalHours("Europe/Warsaw", "09:00", "17:00"),
    "XWBO": LocalHours("Europe/Vienna", "09:00", "14:15 17:30"),
    "XZAG": LocalHours("Europe/Zagreb", "09:00", "16:00"),
    "us_futures": LocalHours("America/New_York", "-06:00", "18:00"),
}
