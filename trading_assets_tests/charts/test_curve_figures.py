"""Lines over time and bars of years hold the numbers of their frames."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets import charts

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(1_000)]


def test_a_rolling_year_has_both_lines_and_its_last_point() -> None:
    rows = pl.DataFrame({"session": DAYS, "sharpe": range(1_000), "volatility": [0.1] * 1_000})
    sharpe, volatility = charts.rolling(rows).data
    assert (sharpe.name, volatility.name) == ("Sharpe ratio", "volatility")
    assert (sharpe.x[-1], sharpe.y[-1]) == (DAYS[-1], 999)
    assert len(sharpe.x) <= 400
    assert all((x - DAYS[0]).days == y for x, y in zip(sharpe.x, sharpe.y, strict=True))
    assert [list(trace.x) for trace in charts.rolling(rows.clear()).data] == [[], []]


def test_years_that_lost_are_in_the_colour_of_losses() -> None:
    [bars] = charts.yearly_returns(pl.DataFrame({"year": [2019, 2020], "return": [0.21, -0.105]})).data
    assert (list(bars.x), list(bars.y), list(bars.text)) == (["2019", "2020"], [0.21, -0.105], ["+21.0%", "-10.5%"])
    assert bars.marker.color[0] != bars.marker.color[1]
