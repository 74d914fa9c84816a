"""Charts of trades: bins that hold every trade once, marks where it was bought and sold."""

from __future__ import annotations

import datetime as dt
import math

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from trading_assets import charts

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(3)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_every_value_is_in_one_bin_and_zero_is_an_edge(values: list[float]) -> None:
    [bars] = charts.distribution(pl.Series(values), "Profit", "").data
    assert sum(bars.y) == len(values)
    assert len(bars.x) <= 26
    width = bars.width[0]
    for middle, count in zip(bars.x, bars.y, strict=True):
        low, high = middle - width / 2, middle + width / 2
        assert low >= -1e-9 * width or high <= 1e-9 * width, "no bin has both profits and losses"
        near = 1e-9 * max(abs(low), abs(high), 1e-300)
        inside = sum(low - near <= value < high + near for value in values)
        assert inside >= count


def test_a_bin_is_of_a_round_width() -> None:
    [bars] = charts.distribution(pl.Series([-1.0, 0.4, 6.0]), "Profit", "").data
    assert math.isclose(bars.width[0], 0.5)  # 7 / 24 = 0.29, and 0.5 is the next of 1, 2, 5
    assert dict(zip((round(x, 9) for x in bars.x), bars.y, strict=True))[-0.75] == 1


def test_no_trades_make_an_empty_chart() -> None:
    [bars] = charts.distribution(pl.Series([], dtype=pl.Float64), "Profit", "").data
    assert list(bars.x) == []


def test_profits_and_losses_are_apart() -> None:
    rows = pl.DataFrame({"symbol": ["A", "B"], "entry_session": DAYS[:2], "worst": [-0.1, -0.2], "return": [0.3, -0.2]})
    profit, loss = charts.excursions(rows).data
    assert (profit.x, profit.y, profit.text) == ((-0.1,), (0.3,), ("A, 2020-01-01",))
    assert (loss.x, loss.y, loss.text) == ((-0.2,), (-0.2,), ("B, 2020-01-02",))


def test_what_was_held_is_in_its_month() -> None:
    months = [dt.date(2020, 1, 1), dt.date(2020, 2, 1)]
    rows = pl.DataFrame({"symbol": ["B", "B", "A", "A"], "month": months * 2, "held": [0.5, 0.0, 0.0, 1.0]})
    figure = charts.holdings(rows)
    [cells] = figure.data
    assert (list(cells.y), [list(row) for row in cells.z]) == (["B", "A"], [[0.5, 0.0], [0.0, 1.0]])
    assert figure.layout.yaxis.autorange == "reversed"


def test_a_trade_is_marked_where_it_was_bought_and_sold() -> None:
    prices = {name: [1.0, 2.0, 3.0] for name in ("open", "high", "low", "close")}
    told = {"symbol": "A", "side": "long", "entry_session": DAYS[0], "entry_price": 1.5, "exit_session": DAYS[2]}
    told |= {"exit_price": 2.5, "stop_price": None}
    bars, entry, left = charts.trade_on_bars(pl.DataFrame({"session": DAYS, **prices}), told, "The last trade").data
    assert list(bars.close) == [1.0, 2.0, 3.0]
    assert ((entry.x, entry.y), (left.x, left.y)) == (((DAYS[0],), (1.5,)), ((DAYS[2],), (2.5,)))
    with_stop = charts.trade_on_bars(pl.DataFrame({"session": DAYS, **prices}), {**told, "stop_price": 0.5}, "").data
    assert with_stop[-1].y == (0.5, 0.5)
