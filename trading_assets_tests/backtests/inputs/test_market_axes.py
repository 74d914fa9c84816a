"""Places of rows on the axes of a market."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.backtests.inputs.market_axes import MarketAxes, build_axes
from trading_assets_tests.backtests.frames import frames, weekdays

DAYS = weekdays(5)
AXES = MarketAxes([*DAYS[:2], DAYS[3]], ["A", "B", "C"], ["equity", "equity", "crypto"], ["XNYS", "XNYS", "24/7"])


def test_rows_are_on_the_axes_or_not() -> None:
    """A session that is missing on the axis, one before and one after it, and a symbol that is not there."""
    rows = [("A", DAYS[1]), ("A", DAYS[2]), ("C", DAYS[0]), ("D", DAYS[0]), ("B", DAYS[4]), ("B", dt.date(1999, 1, 1))]
    frame = pl.DataFrame(rows, schema={"symbol": pl.String, "session": pl.Date}, orient="row")
    on_grid, t, i = AXES.places(frame)
    assert on_grid.tolist() == [True, False, True, False, False, False]
    assert (t[on_grid].tolist(), i[on_grid].tolist()) == ([1, 0], [0, 2])


def test_axes_of_some_symbols_have_the_same_sessions() -> None:
    assert AXES.of([0, 2]) == MarketAxes(AXES.sessions, ["A", "C"], ["equity", "crypto"], ["XNYS", "24/7"])


def test_axes_begin_with_the_first_bar_and_end_where_they_are_told() -> None:
    tables = frames(30)
    days = tables.sessions["session"].to_list()
    instruments = tables.instruments.with_columns(first_session=pl.lit(days[3]))
    axes = build_axes(["AAA", "BBB"], instruments, tables.sessions, days[20])
    assert (axes.sessions, axes.symbols) == (days[3:21], ["AAA", "BBB"])
