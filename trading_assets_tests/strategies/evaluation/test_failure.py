"""Where a strategy's code failed, as far as that can be told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from trading_assets.asset_factories.failures import UpstreamFailedError
from trading_assets.config.sections import Risk
from trading_assets.strategies import crypto_momentum, factor, multi_timeframe
from trading_assets.strategies.evaluation.decide import WindowError, decide
from trading_assets.strategies.evaluation.failure import StrategyError, cause_of_failure, located, status_row
from trading_assets.strategies.tables import STATUS
from trading_assets_tests.backtests import broken_strategy
from trading_assets_tests.backtests.frames import configured_as
from trading_assets_tests.narrow import as_date, as_number
from trading_assets_tests.strategies import brittle_strategy
from trading_assets_tests.strategies.panels import SYMBOLS, market, panel

SEEN = panel("equity_momentum")
DAY = dt.date(2001, 9, 12)


def failure(run: Callable[[pl.DataFrame], object]) -> StrategyError:
    """Of code that fails on the whole panel."""
    with pytest.raises(Exception) as caught:
        run(SEEN)
    return located(caught.value, run, SEEN)


@pytest.mark.parametrize("symbol", [SYMBOLS[0], SYMBOLS[4], SYMBOLS[-1]])
@pytest.mark.parametrize("day", [SEEN["session"].min(), DAY, SEEN["session"].max()])
def test_a_failure_names_the_bar_that_it_needs(symbol: str, day: dt.date) -> None:
    day = as_date(SEEN.filter(pl.col("symbol") == symbol, pl.col("session") >= day)["session"].min() or day)

    def run(rows: pl.DataFrame) -> None:
        if not rows.filter(session=day, symbol=symbol).is_empty():
            raise ArithmeticError("too much")

    error = failure(run)
    assert (error.session, error.symbol) == (day, symbol)
    assert str(error) == f"ArithmeticError: too much (at session {day}, symbol {symbol})"


def test_a_failure_between_symbols_names_the_session_alone() -> None:
    def run(rows: pl.DataFrame) -> None:
        if rows.filter(session=DAY).height == len(SYMBOLS):
            raise ArithmeticError("too many")

    error = failure(run)
    assert (error.session, error.symbol) == (DAY, None)
    assert str(error).endswith(f"(at session {DAY})")


def test_a_failure_whatever_the_data_names_no_place() -> None:
    def run(rows: pl.DataFrame) -> None:
        raise ZeroDivisionError("never")

    error = failure(run)
    assert (error.session, error.symbol, str(error)) == (None, None, "ZeroDivisionError: never")


def test_another_error_on_the_way_is_not_the_failure() -> None:
    """Short panels raise something else: the bar is still found."""

    def run(rows: pl.DataFrame) -> None:
        if rows["session"].n_unique() < 40:
            raise ValueError("not enough sessions")
        if not rows.filter(session=DAY, symbol="S05").is_empty():
            raise ArithmeticError("too much")

    assert failure(run).session == DAY


def test_both_kinds_of_strategy_fail_with_their_place() -> None:
    day = as_date(SEEN.filter(pl.col("symbol") == "S05", pl.col("session") >= DAY)["session"].min())
    parameters = brittle_strategy.Parameters(session=day, symbol="S05")
    with pytest.raises(StrategyError, match=rf"ArithmeticError: this bar is too much \(at session {day}, symbol S05\)"):
        decide(configured_as("brittle", brittle_strategy, parameters), [SEEN], Risk())
    with pytest.raises(StrategyError, match=r"ZeroDivisionError: no rules today$"):
        decide(configured_as("broken", broken_strategy, broken_strategy.Parameters()), [SEEN], Risk())


def test_a_row_that_cannot_be_used_is_found_like_a_failure() -> None:
    class Heavy:
        @staticmethod
        def target_weights(parameters: brittle_strategy.Parameters, seen: pl.DataFrame) -> pl.DataFrame:
            heavy = (pl.col("session") >= DAY) & (pl.col("symbol") == "S05")
            weight = pl.when(heavy).then(1.5).otherwise(0.1)
            return seen.select("session", "symbol", target_weight=weight, reason=pl.lit("always"))

    with pytest.raises(StrategyError, match="TargetWeightError: the weight is not within -1 to 1") as caught:
        decide(configured_as("heavy", Heavy, brittle_strategy.Parameters()), [SEEN], Risk())
    assert (caught.value.session, caught.value.symbol) == (DAY, "S05")


def test_a_window_longer_than_the_data_is_no_strategy_that_never_trades() -> None:
    longest = market().bars.group_by("symbol").len()["len"].max()
    with pytest.raises(WindowError, match="window looks back 1000 sessions, and no symbol has more than"):
        decide(configured_as("long", brittle_strategy, brittle_strategy.Parameters(window=1000)), [SEEN], Risk())
    assert as_number(longest) < 1000


@pytest.mark.parametrize(
    ("module", "sessions", "named"),
    [(crypto_momentum, 150, "ma_200"), (multi_timeframe, 90, "weekly_close_to_ma_26"), (factor, 200, "momentum_12_1")],
)
def test_columns_that_the_data_are_too_short_for_are_named(module: Any, sessions: int, named: str) -> None:
    first = SEEN["session"].unique().sort()[sessions - 1]
    short = panel(module.__name__).filter(pl.col("session") <= first)
    with pytest.raises(WindowError, match=f"{named}: the longest history is {sessions}"):
        decide(configured_as("s", module, module.Parameters()), [short], Risk())


def test_the_place_is_on_record() -> None:
    row = status_row("strategies", "s", StrategyError(ValueError("x"), DAY, "S05"))
    assert row.select("error", "session", "symbol").row(0) == (
        f"ValueError: x (at session {DAY}, symbol S05)",
        DAY,
        "S05",
    )
    plain = status_row("strategies", "s", KeyError("x"))
    assert plain.select("error", "session", "symbol").row(0) == ("KeyError: 'x'", None, None)
    for each in (row, plain, status_row("strategies", "s")):
        STATUS.validate(each)


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_row_of_failures_the_first_step_is_the_cause(order: int) -> None:
    signals = status_row("strategies", "s", RuntimeError("no rules today"))
    rows = [
        signals,
        status_row("backtests", "s", UpstreamFailedError("strategies/s failed: RuntimeError: no rules today")),
        status_row("robustness/verdict", "s", UpstreamFailedError("backtests/s failed: strategies/s failed: ...")),
        status_row("robustness/stress", "s"),
    ]
    assert cause_of_failure(pl.concat(rows[::order])) == "strategies: RuntimeError: no rules today"
    assert cause_of_failure(rows[-1]) is None
