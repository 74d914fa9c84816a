"""The second book: what round trips made of each session is what the engine's account made of it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as profile

from trading_assets.analytics.profit_parts import PARTS, profit_parts
from trading_assets.backtests.engine.arrays import Targets
from trading_assets.backtests.results.run_tables import Result
from trading_assets_tests.backtests.journals import grid_of_case, result_of_case
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.random_markets import Case, cases, target_cases


def parts_of(case: Case, run: Result) -> pl.DataFrame:
    """Parts up to the last session of the run: the market of a case may go on."""
    found = profit_parts(run.fills, case.market, grid_of_case(case))
    return found.filter(pl.col("session") <= run.equity["session"].max())


def furthest_from_equity(case: Case) -> float:
    """The largest difference between a session's parts and its change of equity, quote currency over the start."""
    case.run_parameters["borrow_multiplier"] = 1.0
    run, start = result_of_case(case), case.settings.starting_equity
    made = parts_of(case, run).group_by("session").agg(pl.col("profit").sum())
    change = pl.col("equity") - pl.col("equity").shift(1, fill_value=start)
    both = run.equity.select("session", change=change).join(made, on="session", how="left")
    off = both.select((pl.col("change") - pl.col("profit").fill_null(0.0)).abs().max()).item()
    return float(off) / start


@profile(max_examples=20, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_parts_of_orders_are_the_change_of_equity_on_random_markets(case: Case) -> None:
    assert furthest_from_equity(case) < 1e-9


@profile(max_examples=20, suppress_health_check=list(HealthCheck))
@given(case=target_cases())
def test_parts_of_target_weights_are_the_change_of_equity_on_random_markets(case: Case) -> None:
    assume(isinstance(case.signals, Targets) and case.signals.symbol.size > 0)
    assert furthest_from_equity(case) < 1e-9


def test_a_bought_position_is_parted_by_hand() -> None:
    """150 shares bought at 101 and sold at 90, 5 bp a side, no slippage.

    Session 1: from the open 101 to the close 104, 450. Session 2: 104 to 99, -750. Session 3: from 99 to the open 90,
    -1,350. Fees: 150 x 101 x 0.0005 = 7.575 and 150 x 90 x 0.0005 = 6.75.
    """
    market = quiet_market([100.0, 104.0, 99.0, 90.0], open=[[100.0], [101.0], [99.0], [90.0]], fee_bps=5.0)
    parameters = run_parameters_of(market, exit_signal=0)
    case = Case(market, entries(market, (0, 0), exits=[[(2, 0)]]), parameters, settings())
    run = result_of_case(case)
    quantity = run.trades["quantity"][0]
    assert quantity == 150.0
    found = {(row[1].day, row[2]): row[3] for row in parts_of(case, run).iter_rows()}
    assert found == pytest.approx(
        {
            (2, "entry_timing"): 450.0,
            (3, "holding"): -750.0,
            (4, "exit_timing"): -1350.0,
            (2, "commission"): -7.575,
            (4, "commission"): -6.75,
        }
    )


def test_a_split_moves_no_money_and_a_dividend_is_a_part() -> None:
    """150 shares at 100; 1 a share is paid, then 2 for 1: the close of 50 is worth what 100 was."""
    market = quiet_market(
        [100.0, 100.0, 100.0, 50.0],
        split_ratio=[[1.0], [1.0], [1.0], [2.0]],
        cash_dividend=[[0.0], [0.0], [1.0], [0.0]],
    )
    case = Case(market, entries(market, (0, 0)), run_parameters_of(market), settings())
    found = parts_of(case, result_of_case(case))
    assert [(row[1].day, row[2], row[3]) for row in found.iter_rows()] == [(3, "dividends", 150.0)]


def test_fills_off_the_axes_are_refused() -> None:
    market = quiet_market([100.0, 100.0, 99.0])
    case = Case(market, entries(market, (0, 0)), run_parameters_of(market), settings())
    fills = result_of_case(case).fills.with_columns(symbol=pl.lit("ZZZ"))
    with pytest.raises(ValueError, match="fills of ZZZ are not on the axes"):
        profit_parts(fills, market, grid_of_case(case))


@pytest.mark.slow
def test_every_part_is_met_on_random_markets() -> None:
    """Else the two tests above would say nothing of it."""
    met: set[str] = set()

    @profile(max_examples=25, suppress_health_check=list(HealthCheck), database=None)
    @given(case=target_cases())
    def meet(case: Case) -> None:
        assume(isinstance(case.signals, Targets) and case.signals.symbol.size > 0)
        met.update(parts_of(case, result_of_case(case))["part"].unique().to_list())

    meet()
    assert met == set(PARTS)
