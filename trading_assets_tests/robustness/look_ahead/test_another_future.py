"""A drawn future has nothing of what really came, and keeps what was known."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from trading_assets.market_data.quality import EXTREME_MOVE
from trading_assets.robustness.look_ahead.another_future import draw_future, followed_by
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot, known_at
from trading_assets_tests.robustness.look_ahead.test_audit import DAYS, DELISTED, market_snapshot

CUT = DAYS[220]
UNTIL = pl.col("session") <= CUT


@pytest.fixture(scope="module")
def whole() -> MarketSnapshot:
    return market_snapshot()


def test_the_past_stays(whole: MarketSnapshot) -> None:
    other = followed_by(known_at(whole, CUT), draw_future(whole, CUT, 1))
    assert other.bars.filter(UNTIL).equals(whole.bars.filter(UNTIL))
    assert other.bars.equals(other.bars.sort("symbol", "session"))
    assert other.instruments.filter(pl.col("delisted").is_not_null()).is_empty()


def test_nothing_that_came_is_in_it(whole: MarketSnapshot) -> None:
    """Other prices, other actions and an early end after the cut give the same future: it is not made of them."""
    prices = ("open", "high", "low", "close", "volume", "adj_open", "adj_high", "adj_low", "adj_close")
    other_bars = whole.bars.filter((pl.col("symbol") != "AAA") | (pl.col("session") <= DAYS[300])).with_columns(
        pl.when(UNTIL).then(pl.col(name)).otherwise(pl.col(name) * 3 + 1).alias(name) for name in prices
    )
    first, second = draw_future(whole, CUT, 1), draw_future(replace(whole, bars=other_bars), CUT, 1)
    assert first.bars.equals(second.bars)
    assert first.universe.equals(second.universe)
    assert not first.bars.equals(draw_future(whole, CUT, 2).bars)


def test_it_provokes(whole: MarketSnapshot) -> None:
    """A symbol ends, another splits, members leave, moves are extreme, sessions are missing, and the end is earlier."""
    future = draw_future(whole, CUT, 1)
    alive = set(known_at(whole, CUT).bars["symbol"])
    assert set(future.bars["symbol"]) < alive
    assert future.bars["session"].min() == DAYS[221]
    assert (future.sessions["session"] < DAYS[-1]).all()
    assert future.bars.filter(pl.col("split_ratio") == 2.0).height >= 1
    assert future.bars["flags"].list.contains(EXTREME_MOVE.name).any()
    counts = future.bars.group_by("symbol").len()["len"]
    assert (counts < future.sessions.height).any()
    assert (future.universe["end"].drop_nulls() > CUT).all()
    inside = future.bars.select(
        pl.col("low") <= pl.min_horizontal("open", "close"), pl.col("high") >= pl.max_horizontal("open", "close")
    )
    assert inside.to_numpy().all()
    product = (future.bars["close"] * future.bars["forward_factor"] / future.bars["adj_close"] - 1).abs()
    assert (product < 1e-12).all()


@pytest.mark.parametrize("left", [0, 1, 2])
def test_at_the_end_of_the_data_it_is_short(left: int, whole: MarketSnapshot) -> None:
    """With one session left there is no other future but none: the last is never as late as the real one."""
    cut = DAYS[-1 - left]
    bars = draw_future(whole, cut, 1).bars
    assert bars["session"].n_unique() == max(left - 1, 0)


def test_who_is_delisted_has_none_and_it_can_be_cut_short(whole: MarketSnapshot) -> None:
    future = draw_future(whole, DELISTED, 1)
    assert "CCC" not in future.bars["symbol"]
    assert future.until(DAYS[302]).bars["session"].max() == DAYS[302]
    assert future.until(None).bars.is_empty()


def test_sessions_are_those_of_the_calendar(whole: MarketSnapshot) -> None:
    sessions = draw_future(whole, CUT, 1).sessions["session"].to_list()
    assert set(sessions) <= set(DAYS)
    assert sessions[:40] == DAYS[221:261]
    assert sessions[40:] == DAYS[261:-1:10]


def test_the_draw_does_not_depend_on_the_order_of_spells(whole: MarketSnapshot) -> None:
    shuffled = replace(whole, universe=whole.universe.reverse())
    ends: list[list[dt.date | None]] = [
        draw_future(each, CUT, 1).universe.sort("symbol")["end"].to_list() for each in (whole, shuffled)
    ]
    assert ends[0] == ends[1]
