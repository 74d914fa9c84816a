"""What bars speak against: that they are of a calendar, daily, and have volume."""

from __future__ import annotations

import polars as pl

from trading_assets.market_data import calendars

#: Share of a calendar's sessions without a bar that may be holidays which it does not know.
A_FEW = 0.01


def doubts_of(bars: pl.DataFrame, calendar: str) -> list[str]:
    """Return in words what the bars themselves speak against: their calendar, their interval, their volume.

    Parameters
    ----------
    bars
        symbol, session, volume, of one source.
    calendar
        Name of the calendar that they are said to be of.
    """
    if bars.is_empty():
        return ["no bar was read"]
    doubts = []
    days = bars["session"].unique().sort()
    try:
        expected = calendars.sessions(calendar, days[0], days[-1])
        foreign = days.filter(~days.is_in(expected.implode()))
        if not foreign.is_empty():
            doubts.append(
                f"{len(foreign)} of {len(days)} days are no sessions of {calendar}, the first is {foreign[0]}: "
                "another calendar, zone or end of the interval"
            )
        missing = expected.filter(~expected.is_in(days.implode()))
        if len(missing) > A_FEW * len(expected):
            doubts.append(
                f"{len(missing)} of {len(expected)} sessions of {calendar} from {days[0]} to {days[-1]} have no bar of "
                f"any symbol, the first is {missing[0]}: another calendar, or a hole in the data"
            )
    except calendars.CalendarError as error:
        doubts.append(str(error).splitlines()[0])
    rows = bars.group_by("symbol", "session").len()
    if rows["len"].max() != 1:
        several = rows.filter(pl.col("len") > 1).height
        doubts.append(f"{several} sessions have several bars of one symbol: state `interval`, or `where`")
    step = bars.sort("symbol", "session").select(
        pl.col("session").unique().diff().over("symbol", mapping_strategy="explode")
    )
    median = step.to_series().drop_nulls().dt.total_days().median()
    if isinstance(median, float) and median >= 5:
        doubts.append(f"bars are {median:g} days apart: these are no daily bars")
    if bars["volume"].drop_nulls().filter(bars["volume"].drop_nulls() != 0).is_empty():
        doubts.append("there is no volume: limits of capacity and universes by dollar volume have nothing to go by")
    return doubts
