"""What bars speak against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl
import pytest

from trading_assets.market_data.calendars import sessions
from trading_assets.market_data.sources.doubts import doubts_of


def bars(days: list[dt.date], volume: float = 100.0) -> pl.DataFrame:
    return pl.DataFrame({"symbol": "A", "session": days, "volume": volume})


def of_calendar(calendar: str) -> list[dt.date]:
    return sessions(calendar, dt.date(2024, 1, 2), dt.date(2024, 12, 30)).to_list()


def test_bars_of_their_calendar_raise_no_doubt() -> None:
    for calendar in ("XNYS", "XTKS", "24/7"):
        assert doubts_of(bars(of_calendar(calendar)), calendar) == []


DOUBTFUL: dict[str, tuple[Callable[[], pl.DataFrame], str, list[str]]] = {
    "another calendar": (
        lambda: bars(of_calendar("XNYS")),
        "XTKS",
        ["are no sessions of XTKS, the first is 2024-01-02", "sessions of XTKS", "have no bar of any symbol"],
    ),
    "days of rest": (
        lambda: bars(of_calendar("XNYS")),
        "24/7",
        ["first is 2024-01-06: another calendar, or a hole"],
    ),
    "weekly bars": (lambda: bars(of_calendar("XNYS")[::5]), "XNYS", ["bars are 7 days apart"]),
    "no volume": (lambda: bars(of_calendar("XNYS"), 0.0), "XNYS", ["there is no volume"]),
    "several bars": (lambda: bars(of_calendar("XNYS") * 2), "XNYS", ["251 sessions have several bars of one symbol"]),
    "no bar": (lambda: bars([]), "XNYS", ["no bar was read"]),
    "no such calendar": (lambda: bars(of_calendar("XNYS")), "XXXX", ["XXXX"]),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_a_doubt_says_what_it_is_of(case: str) -> None:
    made, calendar, said = DOUBTFUL[case]
    found = " | ".join(doubts_of(made(), calendar))
    assert [each for each in said if each not in found] == []


def test_a_few_holidays_of_its_own_raise_no_doubt() -> None:
    days = of_calendar("XNYS")
    assert doubts_of(bars(days[:100] + days[102:]), "XNYS") == []
