"""Universes are told apart by their returns."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.protocol.universe_returns import SESSIONS_BEFORE, correlation, equal_weight_returns
from trading_assets_tests.protocol.worlds import HOLDOUT, SESSIONS, make_bars

OWN = ["A", "B", "C", "D"]


def returns(bars: pl.DataFrame, start: dt.date = SESSIONS[0], end: dt.date = SESSIONS[-1]) -> pl.DataFrame:
    return equal_weight_returns([bars], bars["symbol"].unique().to_list(), start, end)


def test_mean_of_the_returns_by_hand() -> None:
    """A: 100, 110, 99 (+10 %, -10 %); B: 50, 50 on the last two days (0 %): 10 %, then (-10 % + 0 %) / 2 = -5 %."""
    days = SESSIONS[:3]
    bars = pl.DataFrame(
        [
            ("A", days[0], 100.0),
            ("A", days[1], 110.0),
            ("A", days[2], 99.0),
            ("B", days[1], 50.0),
            ("B", days[2], 50.0),
        ],
        schema=["symbol", "session", "adj_close"],
        orient="row",
    )
    assert returns(bars).rows() == [(days[1], 0.1), (days[2], -0.05)]


def test_names_and_scale_do_not_matter_and_few_sessions_before_the_start_are_kept() -> None:
    bars, again = (make_bars(names, common=0.5, seed=1) for names in (OWN, ["Z", "Y", "X", "W"]))
    rescaled = again.with_columns(pl.col("adj_close") * 0.37)
    start = SESSIONS[200]
    one, two = returns(bars, start), returns(rescaled, start)
    assert one.equals(two)
    assert one.filter(pl.col("session") < start).height == SESSIONS_BEFORE


def test_later_bars_do_not_show() -> None:
    bars = make_bars(OWN, common=0.5, seed=1)
    assert returns(bars, end=SESSIONS[99]).equals(returns(bars.filter(pl.col("session") <= SESSIONS[99])))


def test_no_bars_no_returns() -> None:
    assert returns(make_bars(OWN, common=0.5, seed=1).clear()).is_empty()


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (make_bars(["P", "Q", "R", "S"], common=0.5, seed=1), True),  # renamed
        (make_bars(["P", "Q", "R", "S", "T"], common=0.5, seed=1), True),  # and one more
        (make_bars(["P", "Q"], common=0.5, seed=1), True),  # half of them
        (make_bars(["ETF"], common=0.98, seed=7), True),  # a proxy of the market
        (make_bars(["P", "Q", "R", "S"], common=0.5, seed=2, market=1), False),  # another market
    ],
)
def test_the_same_market_correlates_and_another_one_does_not(other: pl.DataFrame, same: bool) -> None:
    measured = correlation(returns(make_bars(OWN, common=0.5, seed=1)), returns(other), HOLDOUT.start, HOLDOUT.end)
    assert measured is not None
    assert (measured > 0.7) == same
    assert same or abs(measured) < 0.3


def test_dates_shifted_by_a_day_and_inverse_prices_are_noticed() -> None:
    bars = make_bars(OWN, common=0.5, seed=1)
    shifted = bars.with_columns(pl.col("session").dt.offset_by("1d"))
    inverse = bars.with_columns(adj_close=10_000 / pl.col("adj_close"))
    for other, sign in ((shifted, 1), (inverse, -1)):
        measured = correlation(returns(bars), returns(other), HOLDOUT.start, HOLDOUT.end)
        assert measured is not None and sign * measured > 0.95


def test_calendars_differ_and_returns_between_common_sessions_are_compounded() -> None:
    bars = make_bars(OWN, common=0.5, seed=1)
    weekdays = bars.filter(pl.col("session").dt.weekday() < 6)
    measured = correlation(returns(bars), returns(weekdays), HOLDOUT.start, HOLDOUT.end)
    assert measured is not None and measured > 0.99


def test_a_short_overlap_is_compared_with_the_sessions_before_it_and_too_few_say_nothing() -> None:
    one = returns(make_bars(OWN, common=0.5, seed=1))
    copy = returns(make_bars(["P", "Q", "R", "S"], common=0.5, seed=1), SESSIONS[210], SESSIONS[212])
    measured = correlation(one, copy, SESSIONS[210], SESSIONS[212])
    assert measured is not None and measured > 0.99
    assert correlation(one, copy.tail(10), SESSIONS[210], SESSIONS[212]) is None


def test_what_does_not_move_has_no_correlation() -> None:
    still = returns(make_bars(OWN, common=0.5, seed=1)).with_columns(value=pl.lit(0.0))
    assert correlation(still, still, HOLDOUT.start, HOLDOUT.end) is None
