"""What of a second source is taken where a first one is down."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.market_data.sources.standing_in import differing, in_words, stand_in

DAYS = [dt.date(2024, 3, day) for day in (4, 5, 6, 7)]


def bars(source: str, closes: dict[str, list[float | None]], first: int = 0) -> pl.DataFrame:
    """Bars without a range, a session each from the one of number `first` on; None is a session without a bar."""
    rows = [
        {"symbol": symbol, "session": DAYS[first + number], **dict.fromkeys(("open", "high", "low", "close"), close)}
        for symbol, values in closes.items()
        for number, close in enumerate(values)
        if close is not None
    ]
    return pl.DataFrame(rows).with_columns(source=pl.lit(source), adj_close=pl.lit(None, pl.Float64))


def last_of(first: pl.DataFrame) -> pl.DataFrame:
    return first.group_by("symbol").agg(last=pl.col("session").max())


def test_a_known_symbol_without_a_session_of_both_is_not_taken() -> None:
    first, second = bars("alpaca", {"A": [10.0]}), bars("polygon", {"A": [10.0], "B": [5.0]}, first=2)
    taken = stand_in(first, second, 0.005, last_of(first))
    assert (taken.bars["symbol"].to_list(), taken.refused.height, taken.unseen) == (["B"], 0, ["A"])


def test_only_sessions_after_the_last_of_the_first_source_are_taken() -> None:
    """A has sessions 0 and 2: the hole between them stays, as nothing of the past is written anew; B has none yet."""
    first = bars("alpaca", {"A": [10.0, None, 11.0]})
    second = bars("polygon", {"A": [10.0, 10.5, 11.0, 12.0], "B": [5.0, 5.0, 5.0, 5.0]})
    taken = stand_in(first, second, 0.005, last_of(first))
    assert taken.bars.select("symbol", "session", "close", "source").rows() == [
        ("A", DAYS[3], 12.0, "polygon"),
        *[("B", day, 5.0, "polygon") for day in DAYS],
    ]
    assert taken.refused.is_empty()


def test_a_symbol_whose_prices_differ_is_refused_where_they_differ_most() -> None:
    """Half the price, as after a split that the second has put into the past: 20 against 10 is 0.5 of 20."""
    first = bars("alpaca", {"A": [20.0, 20.0], "B": [5.0, 5.0]})
    second = bars("polygon", {"A": [19.8, 10.0, 10.0], "B": [5.01, 5.0, 5.1]})
    taken = stand_in(first, second, 0.005, last_of(first))
    assert taken.bars.select("symbol", "session").rows() == [("B", DAYS[2])]
    assert taken.refused.rows() == [("A", DAYS[1], "close", 20.0, 10.0)]
    assert in_words(taken.refused, "alpaca", "polygon") == "A on 2024-03-05: close 20 by alpaca, 10 by polygon"


def test_adjusted_closes_go_on_from_those_of_the_first_source() -> None:
    """A dividend of 10 % is to come by the second's view: its factor is 0.9 throughout, that of the first 1, so 1.
    B, which the first does not adjust, gets none; C, which the first does not have, keeps its own.
    """
    first = bars("alpaca", {"A": [10.0, 20.0], "B": [10.0, 20.0]})
    first = first.with_columns(adj_close=pl.when(pl.col("symbol") == "A").then("close"))
    second = bars("polygon", {"A": [10.0, 20.0, 30.0], "B": [10.0, 20.0, 30.0], "C": [40.0]})
    second = second.with_columns(adj_close=pl.col("close") * 0.9)
    taken = stand_in(first, second, 0.005, last_of(first)).bars
    assert taken.columns == second.columns
    assert taken.select("symbol", "session", "adj_close").rows() == [
        ("A", DAYS[2], pytest.approx(30.0)),
        ("B", DAYS[2], None),
        ("C", DAYS[0], pytest.approx(36.0)),
    ]


def test_the_edge_of_the_tolerance_is_within_it() -> None:
    first = bars("alpaca", {"A": [100.0]})
    assert differing(first, bars("polygon", {"A": [100.5]}), 0.005).is_empty()
    assert differing(first, bars("polygon", {"A": [100.51]}), 0.005).height == 4


@given(st.lists(st.floats(1.0, 100.0), min_size=1, max_size=4), st.integers(0, 3))
def test_nothing_of_the_first_source_is_said_anew(closes: list[float], known: int) -> None:
    second = bars("polygon", {"A": list(closes)})
    first = second.head(known).with_columns(source=pl.lit("alpaca"))
    taken = stand_in(first, second, 0.0, last_of(first))
    assert taken.bars["session"].to_list() == second["session"].to_list()[known:]
