"""What a target-weight strategy may give back, and the signals and members' weights made of it."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config.strategies import StrategyParameters, TargetWeightParameters
from trading_assets.strategies.evaluation.paper_portfolio import signals_of_targets
from trading_assets.strategies.interface.panel import with_members, with_regimes
from trading_assets.strategies.interface.target_weights import (
    SCHEMA,
    TargetWeightError,
    checked,
    full_statement,
    stated_weights,
)
from trading_assets.strategies.tables import SIGNALS, TARGET_WEIGHTS

DAYS = [dt.date(2020, 1, day) for day in range(1, 9)]
BARS = pl.DataFrame({"session": DAYS * 2, "symbol": ["A"] * 8 + ["B"] * 8}).sort("symbol", "session")


def rows(*given: tuple[int, str, float | None, str | None], pair: str | None = None) -> pl.DataFrame:
    named = [(DAYS[day], symbol, pair, weight, reason) for day, symbol, weight, reason in given]
    return pl.DataFrame(named, schema=SCHEMA, orient="row")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (rows((0, "A", None, "x")), "a value is null"),
        (rows((0, "A", 0.1, None)), "a value is null"),
        (rows((0, "A", float("nan"), "x")), "not within -1 to 1"),
        (rows((0, "A", -1.01, "x")), r"not within -1 to 1 \(1 rows, the first: session 2020-01-01, symbol A"),
        (rows((0, "C", 0.1, "x")), "no bar at that session"),
        (rows((1, "A", 0.1, "x"), (1, "A", 0.2, "y")), r"two rows at that session \(2 rows"),
        (rows((0, "A", 0.1, "x")).drop("reason"), "no column reason"),
        (rows((0, "A", 0.1, "x")).with_columns(target_weight=pl.lit("much")), "of another type"),
        (None, "must return a polars.DataFrame, not NoneType"),
    ],
)
def test_what_cannot_be_used_is_named(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(TargetWeightError, match=message):
        checked(frame, BARS)


def test_rows_come_in_one_order_and_without_pairs() -> None:
    frame = rows((2, "B", 0.1, "x"), (2, "A", 0.2, "x"), (0, "B", 1, "x")).drop("pair_id")
    found = checked(frame.cast({"target_weight": pl.Float32}), BARS)
    assert found.select("session", "symbol").rows() == [(DAYS[0], "B"), (DAYS[2], "A"), (DAYS[2], "B")]
    assert dict(found.schema) == SCHEMA
    both = pl.concat([rows((1, "A", 0.1, "x"), pair=pair) for pair in ("p", "q", None)])
    assert checked(both, BARS).height == 3


def test_what_a_statement_does_not_name_is_closed() -> None:
    """Day 0 states A and B, day 3 names B alone, day 5 A alone; a day without rows states nothing."""
    frame = rows((0, "A", 0.3, "in"), (0, "B", 0.3, "in"), (3, "B", 0.5, "in"), (5, "A", 0.4, "in"))
    found = full_statement(frame, BARS.with_columns(asset_class=pl.lit("equity")))
    assert found.select("session", "symbol", "target_weight", "reason").rows() == [
        (DAYS[0], "A", 0.3, "in"),
        (DAYS[0], "B", 0.3, "in"),
        (DAYS[3], "A", 0.0, "rebalance"),
        (DAYS[3], "B", 0.5, "in"),
        (DAYS[5], "A", 0.4, "in"),
        (DAYS[5], "B", 0.0, "rebalance"),
    ]
    assert dict(found.schema) == SCHEMA


def test_what_cannot_be_named_for_want_of_a_bar_is_closed_at_its_next_bar() -> None:
    """A has no bar on days 3 and 4: what day 3 does not name of it is closed on day 5, unless it has a row before."""
    bars = BARS.filter(~((pl.col("symbol") == "A") & pl.col("session").is_in(DAYS[3:5])))
    bars = bars.with_columns(asset_class=pl.lit("equity"))
    frame = rows((0, "A", 0.3, "in"), (3, "B", 0.5, "in"))
    assert full_statement(frame, bars).filter(symbol="A").rows()[1:] == [(DAYS[5], "A", None, 0.0, "rebalance")]
    again = pl.concat([frame, rows((5, "A", 0.2, "again"), (5, "B", 0.5, "in"))])
    assert full_statement(again, bars).filter(symbol="A")["target_weight"].to_list() == [0.3, 0.2]


def test_a_statement_on_a_sunday_says_nothing_of_stocks() -> None:
    """A, a stock, has no bars on days 3 and 4: what is said then of B, a coin, leaves A alone; day 6 does not."""
    bars = BARS.filter(~((pl.col("symbol") == "A") & pl.col("session").is_in(DAYS[3:5]))).with_columns(
        asset_class=pl.when(pl.col("symbol") == "A").then(pl.lit("equity")).otherwise(pl.lit("crypto"))
    )
    frame = rows((0, "A", 0.3, "in"), (3, "B", 0.5, "in"), (4, "B", 0.4, "in"))
    assert full_statement(frame, bars).equals(checked(frame, bars))
    later = pl.concat([frame, rows((6, "B", 0.5, "in"))])
    assert full_statement(later, bars).filter(symbol="A").rows()[1:] == [(DAYS[6], "A", None, 0.0, "rebalance")]


def test_legs_of_pairs_are_positions_of_their_own() -> None:
    frame = pl.concat([rows((0, "A", 0.1, "in"), pair="p"), rows((0, "A", 0.1, "in"), (2, "A", 0.2, "in"), pair="q")])
    found = full_statement(frame, BARS.with_columns(asset_class=pl.lit("equity")))
    assert found.filter(session=DAYS[2]).select("pair_id", "target_weight").rows() == [("p", 0.0), ("q", 0.2)]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from("AB"), st.sampled_from([0.0, 0.2, -0.3])), max_size=12))
def test_a_full_statement_is_what_a_dictionary_of_each_day_says(drawn: list[tuple[int, str, float]]) -> None:
    """Held is what the last statement named; cutting the panel leaves the past as it was."""
    stated = {(day, symbol): weight for day, symbol, weight in drawn}
    bars = BARS.with_columns(asset_class=pl.lit("equity"))
    frame = rows(*((day, symbol, weight, "x") for (day, symbol), weight in stated.items()))
    found = full_statement(checked(frame, bars), bars)
    held: dict[str, float] = {}
    for day in range(8):
        named = {symbol: weight for (session, symbol), weight in stated.items() if session == day}
        held = named if named else held
        for symbol in "AB":
            mine = found.filter(pl.col("session") <= DAYS[day], symbol=symbol)["target_weight"].to_list()
            assert (mine[-1] if mine else 0.0) == held.get(symbol, 0.0)
        past = full_statement(
            checked(frame.filter(pl.col("session") <= DAYS[day]), bars),
            bars[:0].vstack(bars.filter(pl.col("session") <= DAYS[day])),
        )
        assert past.equals(found.filter(pl.col("session") <= DAYS[day]))


class Changes:
    """A strategy that gives changes."""

    holds_what_is_not_named = True
    __name__ = "changes"
    Parameters: type[StrategyParameters] = TargetWeightParameters

    def target_weights(self, parameters: StrategyParameters, panel: pl.DataFrame, /) -> pl.DataFrame:
        return rows((0, "A", 0.3, "in"), (3, "B", 0.5, "in"))


class Statements(Changes):
    """The same rows as full statements."""

    holds_what_is_not_named = False


def test_a_module_may_give_changes() -> None:
    bars, own = BARS.with_columns(asset_class=pl.lit("equity")), TargetWeightParameters(capacity=0.01)
    assert stated_weights(Changes(), own, bars)["target_weight"].to_list() == [0.3, 0.5]
    assert stated_weights(Statements(), own, bars)["target_weight"].to_list() == [0.3, 0.0, 0.5]


def test_signals_are_changes_of_a_weight() -> None:
    targets = rows(
        (0, "A", 0.3, "first"),
        (1, "A", 0.3, "again"),
        (2, "A", 0.2, "less"),
        (3, "A", -0.2, "turn"),
        (4, "A", 0.0, "enough"),
        (5, "A", 0.0, "still out"),
        (1, "B", 0.0, "never in"),
    )
    found = SIGNALS.conform(signals_of_targets("s", targets))
    SIGNALS.validate(found)
    assert found.select("session", "action", "reason", "target_weight").rows() == [
        (DAYS[0], "enter", "first", 0.3),
        (DAYS[2], "enter", "rebalance", 0.2),
        (DAYS[3], "enter", "turn", -0.2),
        (DAYS[4], "exit", "enough", 0.0),
    ]


def test_pairs_in_one_symbol_are_signals_of_their_own() -> None:
    targets = pl.concat([rows((0, "A", 0.1, "in"), (2, "A", 0.0, "out"), pair=pair) for pair in ("p", "q")])
    found = SIGNALS.conform(signals_of_targets("s", targets))
    SIGNALS.validate(found)
    assert found["pair_id"].to_list() == ["p", "q", "p", "q"]
    assert set(found["reason"]) == {"in", "out"}


def test_a_members_weight_is_known_from_its_session_on_and_sums_its_pairs() -> None:
    own = pl.concat(
        [
            rows((1, "A", 0.125, "x"), (4, "A", 0.0, "x"), pair="p"),
            rows((2, "A", 0.25, "x"), (5, "A", 0.0, "x"), pair="q"),
            rows((3, "B", -0.4, "x")),
        ]
    )
    weights = TARGET_WEIGHTS.conform(
        pl.concat([own.with_columns(strategy=pl.lit("m")), rows((0, "A", 0.9, "x")).with_columns(strategy=pl.lit("n"))])
    )
    found = with_members(BARS, ["m"], weights).sort("symbol", "session")
    assert found.filter(symbol="A")["weight_m"].to_list() == [0, 0.125, 0.375, 0.375, 0.25, 0, 0, 0]
    assert found.filter(symbol="B")["weight_m"].to_list() == [0, 0, 0, -0.4, -0.4, -0.4, -0.4, -0.4]
    assert with_members(BARS, ["m", "n"], weights)["weight_n"].max() == 0.9


def test_regimes_are_the_last_known_of_the_benchmark() -> None:
    regimes = pl.DataFrame(
        {
            "benchmark": ["IDX"] * 4 + ["COIN"],
            "session": [DAYS[1], DAYS[1], DAYS[3], DAYS[3], DAYS[0]],
            "regime": [0, 1, 0, 1, 0],
            "probability": [0.2, 0.8, 0.6, 0.4, 1.0],
        }
    )
    found = with_regimes(BARS, regimes, "IDX", 2).filter(symbol="B")
    assert found["regime_1"].to_list() == [None, 0.8, 0.8, 0.4, 0.4, 0.4, 0.4, 0.4]
    assert found["regime_0"].to_list()[1] == 0.2
    assert found["regime_7"].to_list() == [None, *[0.0] * 7]
    unknown = with_regimes(BARS, regimes, None, 2)
    assert unknown.columns == [*BARS.columns, *(f"regime_{k}" for k in range(8))]
    assert unknown["regime_0"].null_count() == BARS.height
