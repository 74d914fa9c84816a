"""The plan of a liquidation, by hand and under random markets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile

from trading_assets.backtests.results.liquidation_plan import Urgency
from trading_assets.backtests.tables import LIQUIDATION_PLAN
from trading_assets_tests.backtests.journals import result_of_case
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.random_markets import Case, cases
from trading_assets_tests.backtests.target_runs import pairs_in_one, targets


def plan(market_changes: dict[str, object], closes: object, *at: tuple[int, int], **risk: Any) -> pl.DataFrame:
    market = quiet_market(closes, **market_changes)
    return result_of_case(
        Case(market, entries(market, *at), run_parameters_of(market), settings(**risk))
    ).liquidation_plan


def test_slices_within_capacity_and_their_cost_by_hand() -> None:
    """150 shares at 100; the depth falls to 1 % of 500,000 a session: 50 shares.

    5,000 is twice half the capacity: size factor 2, so 10 bp x 2; the fee is 1 bp: 10.50 a slice.
    """
    depth = {"adv": [[1e12], [1e12], [5e5]], "slippage_bps": 10.0, "fee_bps": 1.0}
    rows = plan(depth, [100.0, 100.0, 100.0], (0, 0))
    assert rows.select("rank", "symbol", "slice", "session_offset", "side", "quantity", "notional").rows() == [
        (1, "S00", number, number, "sell", 50.0, 5_000.0) for number in (1, 2, 3)
    ]
    assert rows["expected_slippage_bps"].to_list() == [20.0] * 3
    assert rows["expected_cost"].to_list() == pytest.approx([10.5] * 3)
    assert set(rows["sessions_needed"]) == {3}


def test_positions_of_a_symbol_share_its_sessions() -> None:
    """150 and 150 of one symbol, 1 % of 1 million a session is 100: 100, then 50 and 50, then 100, each for 10,000.

    That is twice half the capacity: 10 bp x 2.
    """
    depth = np.full((3, 3), 1e12)
    depth[2, 0] = 1e6
    market = quiet_market(np.full((3, 3), 100.0), adv=depth, slippage_bps=[10.0, 0.0, 0.0])
    case = Case(market, pairs_in_one(market, (0, -0.15)), run_parameters_of(market), settings(max_symbol=1.0))
    rows = result_of_case(case).liquidation_plan.filter(symbol="S00")
    assert rows.select("rank", "slice", "session_offset", "quantity").rows() == [
        (1, 1, 1, 100.0), (1, 2, 2, 50.0), (2, 1, 2, 50.0), (2, 2, 3, 100.0),
    ]  # fmt: skip
    assert rows["expected_slippage_bps"].to_list() == pytest.approx([20.0] * 4)


def test_the_last_slice_is_what_is_left() -> None:
    rows = plan({"adv": [[1e12], [1e12], [6.4e5]]}, [100.0, 100.0, 100.0], (0, 0))
    assert rows["quantity"].to_list() == [64.0, 64.0, 22.0]


def test_without_a_known_depth_all_goes_at_once() -> None:
    rows = plan({"adv": [[1e12], [1e12], [math.nan]]}, [100.0, 100.0, 100.0], (0, 0))
    assert rows["quantity"].to_list() == [150.0]


def test_the_most_urgent_is_first() -> None:
    """Missing today, then fallen from its best mark, then hard to sell, then the lower profit."""
    nan = math.nan
    closes = [[100.0] * 5, [100.0] * 5, [100.0, 104.0, 110.0, 103.0, nan], [100.0, 99.0, 110.0, 103.0, nan]]
    depth = np.full((4, 5), 1e12)
    depth[3, 2] = 5e5
    rows = plan({"adv": depth}, closes, *((0, i) for i in range(5)), daily_loss_limit=1.0)
    first = rows.filter(slice=1)
    assert first["symbol"].to_list() == ["S04", "S01", "S02", "S00", "S03"]
    assert first["reason"].to_list() == ["data_missing", "drawdown", "liquidity", "unrealised_r", "unrealised_r"]
    assert first["drawdown"].to_list() == pytest.approx([0.0, 99 / 104 - 1, 0.0, 0.0, 0.0])
    # 150 shares, 4 at risk each: 3 up is 0.75 R.
    assert first["unrealised_r"].to_list() == pytest.approx([0.0, -0.25, 2.5, 0.0, 0.75])


def test_urgency_is_lexicographic() -> None:
    order = [
        Urgency(True, 0.0, 1, 9.0, "Z"),
        Urgency(False, -0.2, 1, 5.0, "A"),
        Urgency(False, -0.1, 7, -1.0, "A"),
        Urgency(False, -0.1, 2, -3.0, "A"),
        Urgency(False, -0.1, 2, 1.0, "A"),
        Urgency(False, -0.1, 2, 1.0, "B"),
        Urgency(False, -0.1, 2, math.nan, "A"),
    ]
    assert sorted(order[3:] + order[:3], key=lambda each: each.key) == order


def test_nothing_open_is_no_plan() -> None:
    assert plan({}, [100.0, 100.0]).is_empty()


@profile(max_examples=40, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_slices_add_up_to_the_position_and_none_is_above_capacity(case: Case) -> None:
    run = result_of_case(case)
    rows, held = run.liquidation_plan, run.open_positions.filter(pl.col("entry_session").is_not_null())
    LIQUIDATION_PLAN.validate(rows)
    assert set(rows["symbol"]) == set(held["symbol"])
    last, run_parameters = int(case.run_parameters["last_session"][0]), case.run_parameters[0]
    for row in held.iter_rows(named=True):
        own = rows.filter(symbol=row["symbol"])
        i = int(row["symbol"][1:])
        adv, lot = case.market.adv[last, i], case.market.lot[i]
        assert own["session_offset"].to_list() == list(range(1, own.height + 1))
        if own.height == own["sessions_needed"][0]:
            assert own["quantity"].sum() == pytest.approx(row["quantity"], rel=1e-12)
        if adv > 0:
            limit = max(run_parameters["capacity"] * adv, lot * row["last_price"])
            assert own["notional"].max() <= limit * (1 + 1e-9)
        else:
            assert own.height == 1
    ranks = rows.unique("rank").sort("rank")
    keys = [
        (not unhealthy, drawdown, -needed, math.inf if r is None else r)
        for unhealthy, drawdown, needed, r in ranks.select(
            "unhealthy", "drawdown", "sessions_needed", "unrealised_r"
        ).iter_rows()
    ]
    assert keys == sorted(keys)


def test_the_depth_of_a_cheap_coin_is_more_lots_than_an_integer_holds() -> None:
    """Half a percent of 1e12 at a price of 1e-5 is 5e14 coins, 5e22 lots: the whole position is one slice."""
    rows = plan({"adv": 1e12, "lot": 1e-8, "atr": 2e-7}, np.full(3, 1e-5), (0, 0))
    assert rows["slice"].to_list() == [1]
    assert rows["quantity"].to_list() == pytest.approx([15_000 / 1e-5])


def test_a_drawdown_is_from_the_best_mark_since_the_fill() -> None:
    """Bought at 100, which no later close reaches again; sold short at 100, best at 80."""
    [bought] = plan({}, [100.0, 100.0, 98.0, 99.0], (0, 0)).rows(named=True)
    assert bought["drawdown"] == pytest.approx(99 / 100 - 1)
    market = quiet_market([[100.0], [100.0], [80.0], [90.0]])
    rows = result_of_case(
        Case(market, targets(market, (0, 0, -0.3)), run_parameters_of(market), settings())
    ).liquidation_plan
    assert rows["drawdown"].to_list() == pytest.approx([1 - 90 / 80])
    assert rows["side"].to_list() == ["buy"]


def test_a_short_that_was_worth_nothing_has_fallen_without_bound() -> None:
    """Sold short at an open of 100 whose slippage takes all of it: nothing was received, and 100 are owed."""
    market = quiet_market(np.full((4, 1), 100.0), slippage_bps=20_000.0)
    case = Case(market, targets(market, (0, 0, -0.3)), run_parameters_of(market), settings(drawdown_limit=1.0))
    rows = result_of_case(case).liquidation_plan
    assert rows["drawdown"].to_list() == [-math.inf]
    assert rows["reason"].to_list() == ["drawdown"]
