"""What bars say of round trips, by hand: a split, a short, an exit at the open, a trade within a session."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.market_data.tables import BARS
from trading_assets.reports.strategy_page.data import strategy_content
from trading_assets.reports.strategy_page.trade_bars import (
    candles,
    excursions,
    held_by_month,
    told_trades,
)
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.reports.pages import NAME, equity, fill, trade

DAYS = [dt.date(2020, 1, 30) + dt.timedelta(days=day) for day in range(6)]
#: A split of two for one before the third session: prices of the last four are half of those before.
RAW = [(100.0, 110.0, 90.0, 104.0), (104.0, 106.0, 80.0, 100.0), (50.0, 60.0, 49.0, 58.0), (30.0, 70.0, 20.0, 55.0)]


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    rows = []
    for day, prices in zip(DAYS, [*RAW, *RAW[3:] * 2], strict=True):
        factor = 0.5 if day < DAYS[2] else 1.0
        names = ("open", "high", "low", "close")
        adjusted = {f"adj_{name}": price * factor for name, price in zip(names, prices, strict=True)}
        rows.append({"symbol": "A", "session": day, **dict(zip(names, prices, strict=True)), **adjusted})
    known = {"asset_class": "equity", "flags": [], "source": "files"}
    schema = BARS.empty().schema
    told = [{name: known.get(name, row.get(name, 1.0)) for name in schema} for row in rows]
    warehouse.replace(Whole(), {BARS: pl.DataFrame(told, schema=schema)})
    return warehouse


def held(entry: int, exit_: int, **more: object) -> pl.DataFrame:
    sessions = {"entry_session": DAYS[entry], "exit_session": DAYS[exit_]}
    return trade("A", **{**sessions, "entry_price": 100.0, "exit_price": 55.0, "return": 0.1, **more})


def test_a_long_trade_over_a_split_without_the_day_of_its_exit(filled: Warehouse) -> None:
    [row] = excursions(filled, held(0, 3)).iter_rows(named=True)
    # Entered at 100, which is 50 of today's: lows 45, 40, 49, highs 55, 53, 60. The 20 and 70 came after the exit.
    assert (row["worst"], row["best"]) == (pytest.approx(40 / 50 - 1), pytest.approx(60 / 50 - 1))


def test_a_short_trade_suffers_from_highs(filled: Warehouse) -> None:
    [row] = excursions(filled, held(0, 3, side="short")).iter_rows(named=True)
    assert (row["worst"], row["best"]) == (pytest.approx(1 - 60 / 50), pytest.approx(1 - 40 / 50))


@pytest.mark.parametrize(("ended", "worst", "best"), [(-0.3, -0.3, 0.2), (0.5, -0.2, 0.5)])
def test_how_it_ended_is_part_of_how_far_it_went(filled: Warehouse, ended: float, worst: float, best: float) -> None:
    [row] = excursions(filled, held(0, 3, **{"return": ended})).iter_rows(named=True)
    assert (row["worst"], row["best"]) == (pytest.approx(worst), pytest.approx(best))


def test_a_trade_within_a_session_has_its_fills_alone_and_one_without_bars_is_left_out(filled: Warehouse) -> None:
    within, other = held(2, 2, trade_id="a"), held(0, 3, trade_id="b").with_columns(symbol=pl.lit("B"))
    found = excursions(filled, pl.concat([within, other]))
    assert found.select("trade_id", "worst", "best").rows() == [("a", 0.0, 0.1)]


def test_candles_are_in_the_prices_of_the_entry(filled: Warehouse) -> None:
    found = candles(filled, held(1, 3), DAYS[-1])
    assert found["session"].to_list() == DAYS
    assert found["close"].to_list() == pytest.approx([104.0, 100.0, 116.0, 110.0, 110.0, 110.0])
    assert found.filter(session=DAYS[3])["factor"].to_list() == [2.0]  # what an exit price is multiplied by


def test_nothing_without_bars_or_trades(warehouse: Warehouse) -> None:
    assert excursions(warehouse, held(0, 1)).is_empty()
    assert candles(warehouse, held(0, 1), DAYS[-1]).is_empty()
    assert candles(warehouse, held(0, 1).clear(), DAYS[-1]).is_empty()


def test_nothing_is_drawn_of_what_follows_the_run(filled: Warehouse) -> None:
    """The last trade ends with the run, and the sessions after it are of a holdout that nobody has opened."""
    assert candles(filled, held(1, 3), DAYS[3])["session"].to_list() == DAYS[:4]
    assert candles(filled, held(1, 3), None).is_empty()


def test_the_page_reads_no_bar_after_the_run(configuration: Configuration, filled: Warehouse) -> None:
    rows = equity().with_columns(split=pl.lit("development"), session=pl.Series([*DAYS[:4], DAYS[3]])).head(4)
    trades = held(1, 3).with_columns(split=pl.lit("development"))
    fill(filled, equity=rows, trades=trades)
    content = strategy_content(filled, configuration, NAME)
    assert content.candles["session"].max() == DAYS[3] == rows["session"].max()


def test_the_best_the_worst_and_the_last_are_told_and_each_once() -> None:
    three = pl.concat(
        held(0, place, trade_id=name, pnl=pnl) for name, place, pnl in (("a", 3, 1.0), ("b", 1, 5.0), ("c", 2, -2.0))
    )
    assert told_trades(three) == {"b": "The best trade", "c": "The worst trade", "a": "The last trade"}
    assert told_trades(three.head(1)) == {"a": "The best trade"}
    assert told_trades(three.clear()) == {}


def test_months_in_which_a_symbol_was_held() -> None:
    """30 and 31 January, 1 to 4 February: of two trades that overlap each session counts once."""
    trades = pl.concat([held(1, 3), held(2, 4), held(0, 1).with_columns(symbol=pl.lit("B"))])
    found = held_by_month(trades, pl.Series(DAYS), 2)
    months = [dt.date(2020, 1, 1), dt.date(2020, 2, 1)]
    assert found.rows() == [("A", months[0], 0.5), ("A", months[1], 0.5), ("B", months[0], 0.5), ("B", months[1], 0.0)]
    assert held_by_month(trades, pl.Series(DAYS), 1)["symbol"].unique().to_list() == ["A"]
