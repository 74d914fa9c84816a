"""Parts in whole millionths: they add up, rounding has a place, and what nothing explains is not hidden."""

from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import HealthCheck, given
from hypothesis import settings as profile

from trading_assets.analytics.attribution import UNEXPLAINED, attribute, contributions, residuals
from trading_assets.analytics.profit_parts import profit_parts
from trading_assets.analytics.tables import ATTRIBUTION, CONTRIBUTIONS
from trading_assets_tests.backtests.journals import grid_of_case, result_of_case
from trading_assets_tests.backtests.random_markets import Case, cases

DAYS = [dt.date(2024, 1, 2), dt.date(2024, 1, 3), dt.date(2024, 1, 4)]
TRADES = pl.DataFrame(
    {
        "trade_id": ["a", "b"],
        "symbol": ["AAA", "BBB"],
        "sector": [None, "oil"],
        "side": ["long", "short"],
        "trigger": ["fast", "slow"],
        "exit_reason": ["hard_stop", None],
    }
)


def equity_of(*levels: float, interest: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame({"session": DAYS[: len(levels)], "equity": levels}).with_columns(
        strategy=pl.lit("s"), split=pl.lit("development"), interest=pl.lit(interest)
    )


def parts_of(*rows: tuple[str, int, str, float]) -> pl.DataFrame:
    schema = {"trade_id": pl.String, "session": pl.Date, "part": pl.String, "profit": pl.Float64}
    return pl.DataFrame([(trade, DAYS[day], part, profit) for trade, day, part, profit in rows], schema, orient="row")


def test_thirds_of_a_cent_add_up_with_the_rest_at_the_largest_part() -> None:
    """1,000.01 of two thirds and a third: 0.006667 and 0.003333 are 0.01; rounded each, a millionth would be lost."""
    parts = parts_of(("a", 1, "holding", 0.02 / 3), ("b", 1, "holding", 0.01 / 3), ("b", 1, "slippage", 0.0000004))
    rows = attribute(parts, equity_of(1000.0, 1000.01), TRADES, starting_equity=1000.0)
    assert rows.select("trade_id", "part", "millionths").rows() == [("a", "holding", 6667), ("b", "holding", 3333)]
    ATTRIBUTION.validate(rows)
    assert residuals(rows, equity_of(1000.0, 1000.01), starting_equity=1000.0).is_empty()


def test_a_lost_cent_is_a_row_of_its_own_and_a_residual() -> None:
    equity = equity_of(1000.0, 1001.01)
    rows = attribute(parts_of(("a", 1, "holding", 1.0)), equity, TRADES, starting_equity=1000.0)
    assert rows.filter(part=UNEXPLAINED)["millionths"].to_list() == [10_000]
    assert residuals(rows, equity, starting_equity=1000.0).rows() == [(DAYS[1], 10_000)]


def test_equity_that_changes_without_any_part_is_a_residual() -> None:
    equity = equity_of(1000.0, 1000.0, 990.0)
    rows = attribute(parts_of(), equity, TRADES, starting_equity=1000.0)
    assert residuals(rows, equity, starting_equity=1000.0).rows() == [(DAYS[2], -10_000_000)]


def test_a_row_for_a_session_that_the_run_does_not_have_is_a_residual() -> None:
    rows = attribute(parts_of(("a", 1, "holding", 1.0)), equity_of(10.0, 11.0), TRADES, starting_equity=10.0)
    assert residuals(rows, equity_of(10.0), starting_equity=10.0).rows() == [(DAYS[1], -1_000_000)]


def test_interest_is_a_part_beside_the_equity() -> None:
    equity = equity_of(1000.0, 1002.0, interest=0.5)
    rows = attribute(parts_of(("a", 1, "holding", 2.0)), equity, TRADES, starting_equity=1000.0)
    assert rows.filter(part="interest").select("trade_id", "symbol", "amount").rows() == [("", None, 0.5)] * 2
    assert residuals(rows, equity, starting_equity=1000.0).is_empty()


def test_every_dimension_has_the_same_total_and_names_what_it_lacks() -> None:
    parts = parts_of(("a", 1, "holding", 2.0), ("b", 1, "commission", -0.5))
    rows = attribute(parts, equity_of(1000.0, 1001.5, interest=0.25), TRADES, starting_equity=1000.0)
    found = contributions(rows)
    CONTRIBUTIONS.validate(found)
    totals = found.group_by("dimension").agg(pl.col("millionths").sum())
    assert totals["millionths"].unique().to_list() == [2_000_000]
    assert dict(found.filter(dimension="exit reason").select("name", "amount").iter_rows()) == {
        "hard_stop": 2.0,
        "open": -0.5,
        "none": 0.5,
    }
    assert dict(found.filter(dimension="sector").select("name", "amount").iter_rows()) == {"none": 2.5, "oil": -0.5}


@profile(max_examples=15, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_nothing_is_left_on_random_markets(case: Case) -> None:
    case.run_parameters["borrow_multiplier"] = 1.0
    run, start = result_of_case(case, "development"), case.settings.starting_equity
    parts = profit_parts(run.fills, case.market, grid_of_case(case))
    parts = parts.filter(pl.col("session") <= run.equity["session"].max())
    trades = run.fills.unique("trade_id").select(
        "trade_id", "symbol", "side", trigger="reason", sector=pl.lit(None, pl.String), exit_reason="reason"
    )
    rows = attribute(parts, run.equity, trades.with_columns(side=pl.lit("long")), starting_equity=start)
    assert residuals(rows, run.equity, starting_equity=start).is_empty()
    assert rows.filter(part=UNEXPLAINED).is_empty()
