"""What was received of a market is compared symbol by symbol and bar by bar; what comes later is no change."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.strategies.evaluation.received import (
    Market,
    changes,
    last_received,
    quality_changes,
    received,
)

DAYS = [dt.date(2019, 3, 1) + dt.timedelta(days=number) for number in range(40)]
UNTIL, HOLDOUT = DAYS[29], DAYS[20]
SETTINGS: dict[str, Any] = {"start": dt.date(2019, 1, 1), "market_data": [{"source": "files"}], "universe": {}}
SYMBOLS = ["A", "B", "C", "D"]


def bars(symbols: list[str] = SYMBOLS, last: dt.date = UNTIL) -> pl.DataFrame:
    rows: list[tuple[Any, ...]] = [
        (symbol, day, 10.0 + place, 11.0, 9.0, 10.0 + number, 1e6, 1.0, 0.0, [])
        for place, symbol in enumerate(symbols)
        for number, day in enumerate(DAYS)
        if day <= last
    ]
    names = ("symbol", "session", "open", "high", "low", "close", "volume", "split_ratio", "cash_dividend", "flags")
    schema: dict[str, Any] = dict.fromkeys(names, pl.Float64) | {"symbol": pl.String, "session": pl.Date}
    return pl.DataFrame(rows, schema={**schema, "flags": pl.List(pl.String)}, orient="row")


def market(frame: pl.DataFrame, quarantine: pl.DataFrame | None = None) -> Market:
    none = pl.DataFrame(
        schema={"symbol": pl.String, "session": pl.Date, "occurrence": pl.Int64, "reasons": pl.List(pl.String)}
    )
    memberships = pl.DataFrame(
        {"symbol": SYMBOLS, "start": [DAYS[0]] * 4, "end": [None] * 4}, schema_overrides={"end": pl.Date}
    )
    instruments = pl.DataFrame(
        {
            "symbol": SYMBOLS,
            "sector": ["x"] * 4,
            "exchange": [None] * 4,
            "delisted": [None] * 4,
            "delisting_value": [None] * 4,
            "delisting_unit": [None] * 4,
            "delisting_reason": [None] * 4,
        },
        schema_overrides={"delisted": pl.Date},
    )
    return Market(frame, none if quarantine is None else quarantine, memberships, instruments)


def words(now: Market, symbols: list[str] = SYMBOLS, settings: dict[str, Any] = SETTINGS) -> list[str]:
    """What differs of a market now from that of four symbols up to the thirtieth day."""
    old = received(market(bars()), SYMBOLS, [], UNTIL, SETTINGS)
    return changes(old, received(now, symbols, [], UNTIL, settings), UNTIL, HOLDOUT)


def where(symbol: str, day: dt.date) -> pl.Expr:
    return (pl.col("symbol") == symbol) & (pl.col("session") == day)


def test_the_same_market_is_the_same_whatever_the_order_of_its_rows() -> None:
    assert words(market(bars().sample(fraction=1, shuffle=True, seed=1))) == []


def test_bars_that_come_later_and_symbols_that_are_listed_later_are_no_change() -> None:
    """Ten days are appended, and a symbol whose first bar is among them."""
    later = bars(last=DAYS[-1])
    listed = bars(["E"], DAYS[-1]).filter(pl.col("session") > UNTIL)
    assert words(market(pl.concat([later, listed])), [*SYMBOLS, "E"]) == []
    assert last_received(market(later), SYMBOLS, UNTIL) == UNTIL


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume", "split_ratio", "cash_dividend"])
def test_each_value_of_a_bar_counts(column: str) -> None:
    changed = bars().with_columns(
        pl.when(where("B", DAYS[3])).then(pl.col(column) + 0.01).otherwise(column).alias(column)
    )
    assert words(market(changed)) == ["bars before the holdout: 1 changed, first B 2019-03-04"]


def test_bars_are_counted_and_the_first_is_named_before_the_holdout_and_in_it() -> None:
    """Twelve bars of A from March 4 on and one of the holdout; two of B are gone, one of C is new."""
    without = market(bars().filter(~where("C", DAYS[5])))
    old = received(without, SYMBOLS, [], UNTIL, SETTINGS)
    is_changed = (pl.col("symbol") == "A") & pl.col("session").is_between(DAYS[3], DAYS[14]) | where("D", HOLDOUT)
    now = bars().with_columns(pl.when(is_changed).then(pl.col("close") * 1.1).otherwise("close").alias("close"))
    now = now.filter(~where("B", DAYS[7]) & ~where("B", DAYS[8]))
    assert changes(old, received(market(now), SYMBOLS, [], UNTIL, SETTINGS), UNTIL, HOLDOUT) == [
        "bars before the holdout: 1 added, first C 2019-03-06",
        "bars before the holdout: 12 changed, first A 2019-03-04",
        "bars before the holdout: 2 removed, first B 2019-03-08",
        "bars of the holdout: 1 changed, first D 2019-03-21",
    ]


def test_symbols_that_are_removed_or_added_are_named() -> None:
    assert words(market(bars()), ["D"]) == ["universe: 3 symbols removed: A, B, C"]
    assert words(market(bars([*SYMBOLS, "E"])), [*SYMBOLS, "E"]) == ["universe: 1 symbol added: E"]
    old = received(market(bars()), ["A"], ["B"], UNTIL, SETTINGS)
    assert changes(old, received(market(bars()), ["A"], [], UNTIL, SETTINGS), UNTIL, HOLDOUT) == [
        "symbols behind it: 1 symbol removed: B"
    ]


def test_contents_of_reference_files_count_as_far_as_they_were_known() -> None:
    """A spell that ends within is a change, one that ends later is none; so are delistings."""
    base = market(bars())
    for day, known in ((DAYS[25], True), (DAYS[35], False)):
        ended = base.memberships.with_columns(end=pl.when(pl.col("symbol") == "A").then(pl.lit(day)))
        assert words(replace(base, memberships=ended)) == (["memberships: 1 symbol changed: A"] if known else [])
        gone = base.instruments.with_columns(delisted=pl.when(pl.col("symbol") == "B").then(pl.lit(day)))
        assert words(replace(base, instruments=gone)) == (["delisting: 1 symbol changed: B"] if known else [])
    other = base.instruments.with_columns(sector=pl.lit("y"))
    assert words(replace(base, instruments=other)) == ["sector: 4 symbols changed: A, B, C ..."]


def test_what_is_configured_counts() -> None:
    settings = {**SETTINGS, "start": dt.date(2018, 1, 1), "market_data": [{"source": "sample"}]}
    assert words(market(bars()), settings=settings) == [
        'market_data: [{"source": "files"}] -> [{"source": "sample"}]',
        'start: "2019-01-01" -> "2018-01-01"',
    ]


def test_a_symbol_that_was_late_goes_on_and_one_that_had_ended_does_not() -> None:
    """B's newest bar was two days old, C's twenty: history that is written behind it is no delivery."""
    late = bars().filter(~((pl.col("symbol") == "B") & (pl.col("session") > DAYS[27])))
    late = late.filter(~((pl.col("symbol") == "C") & (pl.col("session") > DAYS[9])))
    old = received(market(late), SYMBOLS, [], UNTIL, SETTINGS)
    assert changes(old, received(market(bars()), SYMBOLS, [], UNTIL, SETTINGS), UNTIL, HOLDOUT) == [
        "bars before the holdout: 10 added, first C 2019-03-11",
        "bars of the holdout: 10 added, first C 2019-03-21",
    ]


def test_the_newest_bar_may_turn_out_to_be_a_spike_and_no_other() -> None:
    def refused(day: dt.date) -> Market:
        row = {"symbol": ["A"], "session": [day], "occurrence": [1], "reasons": [["spike"]]}
        return market(bars().filter(~where("A", day)), quarantine=pl.DataFrame(row))

    assert words(refused(UNTIL)) == []
    assert words(refused(DAYS[10])) == ["bars before the holdout: 1 removed, first A 2019-03-11"]


def test_flags_of_settled_days_count() -> None:
    """As a reviewed override sets and takes them; those of the last ten days may still move."""
    old = received(market(bars()), SYMBOLS, [], UNTIL, SETTINGS)
    for day, found in ((DAYS[10], ["flags or quarantine: 1 symbol changed: A"]), (DAYS[25], [])):
        flagged = bars().with_columns(flags=pl.when(where("A", day)).then(pl.lit(["extreme_move"])).otherwise("flags"))
        now = received(market(flagged), SYMBOLS, [], UNTIL, SETTINGS)
        assert quality_changes(old, now, UNTIL) == found
        assert changes(old, now, UNTIL, HOLDOUT) == []


def test_nothing_received_is_a_state_too() -> None:
    empty = received(market(bars().clear()), SYMBOLS, [], None, SETTINGS)
    assert empty["symbol"].to_list() == [""]
    assert changes(empty, empty, None, HOLDOUT) == []
    assert last_received(market(bars()), [], UNTIL) is None


@given(st.integers(0, 29), st.sampled_from(SYMBOLS), st.floats(0.01, 1e6))
def test_any_single_bar_that_changes_is_found(place: int, symbol: str, value: float) -> None:
    changed = bars().with_columns(volume=pl.when(where(symbol, DAYS[place])).then(1e6 + value).otherwise("volume"))
    (said,) = words(market(changed))
    assert "1 changed, first " in said
