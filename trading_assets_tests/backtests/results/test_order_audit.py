"""Decisions, orders and fills: joined by ids that are unique and stable, and the cash follows from the fills alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from trading_assets.backtests import tables
from trading_assets.backtests.engine.dtypes import SHORT
from trading_assets.backtests.results.run_tables import Result
from trading_assets_tests.backtests.journals import FIRST, result_of_case
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.random_markets import Case, cases

FEW = profile(max_examples=25, suppress_health_check=list(HealthCheck))
IDS = {
    "decisions": ("decision_id", tables.DECISIONS),
    "orders": ("order_id", tables.ORDERS),
    "fills": ("fill_id", tables.FILLS),
    "trades": ("trade_id", tables.TRADES),
}


@FEW
@given(case=cases())
def test_ids_are_unique_and_lead_from_a_trade_to_its_decisions(case: Case) -> None:
    run = result_of_case(case)
    for name, (column, table) in IDS.items():
        rows = getattr(run, name)
        table.validate(rows)
        assert rows[column].is_unique().all(), name
    gives = run.decisions.filter(pl.col("decision").is_in(["enter", "exit"]))
    assert (
        gives.select("decision_id", "order_id")
        .sort("order_id")
        .equals(run.orders.select("decision_id", "order_id").sort("order_id"))
    )
    joined = run.orders.join(run.decisions, on="decision_id", suffix="_decision", how="left")
    assert (joined["decision_session"] == joined["session"]).all()
    assert (joined["symbol"] == joined["symbol_decision"]).all()
    filled = run.fills.join(run.orders, on="order_id", suffix="_order", how="left")
    assert (filled["side"] == filled["side_order"]).all()
    assert (filled["session"] >= filled["decision_session"]).all()
    assert filled["status"].is_in(["filled", "partly_filled"]).all()
    for end, session in (("entry", "entry_session"), ("exit", "exit_session")):
        orders = run.trades.join(run.fills, left_on=f"{end}_order_id", right_on="order_id", how="left", suffix="_fill")
        own = orders.filter(pl.col("trade_id") == pl.col("trade_id_fill"), pl.col(session) == pl.col("session"))
        assert own["trade_id"].unique().len() == run.trades.height


@FEW
@given(case=cases())
def test_what_became_of_an_order(case: Case) -> None:
    run = result_of_case(case)
    filled = set(run.fills["order_id"])
    pending = set(run.open_positions["pending_order_id"].drop_nulls())
    rejected = set(run.decisions.filter(decision="reject")["order_id"].drop_nulls())
    for order in run.orders.iter_rows(named=True):
        found = order["order_id"]
        assert (order["status"] in ("filled", "partly_filled")) == (found in filled)
        assert (order["status"] == "pending") == (found in pending and found not in filled)
        if order["status"] == "cancelled":
            assert (order["cancel_reason"] == "replaced") == (found not in rejected)
        if order["status"] in ("pending", "filled"):
            assert order["cancel_reason"] is None


@FEW
@given(case=cases())
def test_cash_follows_from_fills_and_corporate_actions(case: Case) -> None:
    """At every close, from nothing but the table of fills, splits and dividends; fees and slippage reconcile.

    Without borrowing, which no fill tells of.
    """
    case = replace(case, market=case.market._replace(borrow_bps=np.zeros_like(case.market.borrow_bps)))
    run, market = result_of_case(case), case.market
    cash, held = case.settings.starting_equity, np.zeros(market.lot.size)
    for row in run.equity.iter_rows(named=True):
        t = (row["session"] - FIRST).days
        cash += float(np.sum(market.cash_dividend[t] * held))
        for i in np.flatnonzero((market.split_ratio[t] != 1) & (held != 0)):
            side = math.copysign(1.0, held[i])
            exact = abs(held[i]) * market.split_ratio[t, i]
            whole = math.floor(exact / market.lot[i] + 1e-9) * market.lot[i]
            assert not math.isnan(market.open[t, i])  # a split comes with a bar
            cash += side * max(0.0, exact - whole) * market.open[t, i]
            held[i] = side * whole
        for fill in run.fills.filter(session=row["session"]).iter_rows(named=True):
            place, sign = int(fill["symbol"][1:]), 1.0 if fill["side"] == "buy" else -1.0
            cash -= sign * fill["quantity"] * fill["price"] + fill["fee"]
            held[place] += sign * fill["quantity"]
            slipped = fill["raw_price"] * (1 + sign * fill["slippage_bps"] / 1e4)
            if fill["reason"] == "delisted":  # at what is on record
                left = 1 - market.ending_loss[place] if sign < 0 else 1.0
                value = market.delisting_value[place] * left
                assert fill["price"] == pytest.approx(slipped if math.isnan(value) else value, rel=1e-12)
                continue
            assert abs(fill["price"] - max(0.0, slipped)) <= market.tick[place] * (1 + 1e-6) + 1e-9 * abs(slipped)
        assert row["cash"] == pytest.approx(cash, rel=1e-9, abs=1e-6)
    fees = run.trades.select(pl.col("entry_fee") + pl.col("exit_fee")).sum().item()
    closed = run.fills.join(run.trades, on="trade_id", how="semi")
    assert closed["fee"].sum() == pytest.approx(fees, rel=1e-9, abs=1e-9)


@FEW
@given(case=cases(), kept=st.integers(1, 100))
def test_a_longer_run_keeps_the_rows_of_a_shorter_one(case: Case, kept: int) -> None:
    whole = result_of_case(case)
    run_parameters = case.run_parameters.copy()
    run_parameters["last_session"] = min(run_parameters["last_session"][0], run_parameters["first_session"][0] + kept)
    part = result_of_case(Case(case.market, case.signals, run_parameters, case.settings))
    last = part.equity["session"][-1]
    for name in ("decisions", "fills"):
        assert getattr(part, name).equals(getattr(whole, name).filter(pl.col("session") <= last)), name
    fixed = [name for name in part.orders.columns if name not in ("status", "cancel_reason")]
    assert part.orders.select(fixed).equals(whole.orders.filter(pl.col("decision_session") <= last).select(fixed))
    assert part.trades.equals(whole.trades.filter(pl.col("exit_session") <= last))


@FEW
@given(case=cases())
def test_detail_is_json_of_the_columns(case: Case) -> None:
    for row in result_of_case(case).decisions.head(50).iter_rows(named=True):
        detail = json.loads(row["detail"])
        assert detail == {name: row[name] for name in detail}
        absent = set(tables.DECISIONS.columns) - set(detail)
        numbers = [name for name, column in tables.DECISIONS.columns.items() if column.dtype == pl.Float64]
        assert all(row[name] is None for name in absent & {*numbers, "trigger"})


def _round_trip() -> Result:
    market = quiet_market([100.0, 100.0, 99.0, 95.0, 95.0], adv=3_000_000.0)
    signals = entries(market, (0, 0), (1, 0), exits=[[(2, 0)]])
    return result_of_case(Case(market, signals, run_parameters_of(market, exit_signal=0), settings()))


def test_the_ids_and_numbers_of_one_round_trip() -> None:
    run = _round_trip()
    assert run.decisions["decision_id"].to_list() == [
        "s-train-20010101-S00-enter",
        "s-train-20010102-S00-hold",
        "s-train-20010103-S00-exit",
    ]
    assert run.orders["order_id"].to_list() == ["s-train-20010101-S00-buy", "s-train-20010103-S00-sell"]
    assert run.fills["fill_id"].to_list() == ["s-train-20010101-S00-buy-1", "s-train-20010103-S00-sell-1"]
    assert set(run.fills["trade_id"]) == set(run.trades["trade_id"]) == {"s-train-S00-20010102"}
    row = run.decisions.row(0, named=True)
    expected = {
        "quantity": 150.0,
        "notional": 15_000.0,
        "risk_multiplier": 1.0,
        "equity": 100_000.0,
        "cash": 100_000.0,
        "gross_room": 80_000.0,
        "adv": 3e6,
        "capacity_limit": 30_000.0,
        "stop_distance": 4.0,
    }
    assert {name: row[name] for name in expected} == expected
    assert (row["portfolio_correlation"], row["target_weight"]) == (None, None)


@pytest.mark.parametrize("guarded", [True, False])
def test_the_correlation_limit_and_the_ranks_are_on_record(guarded: bool) -> None:
    """Four positions that move as one, and two candidates: correlations of 1; without the limit ranks of 1/2 and 1."""
    path = 100.0 + np.array([0.0, 1.0, 0.5, 2.0, 1.0, 0.0, 1.5, 1.0])
    market = quiet_market(np.tile(path[:, None], (1, 6)))
    at = [*((0, symbol) for symbol in range(4)), (5, 4), (5, 5)]
    signals = entries(market, *at, rank=[[0.0, 0.0, 0.0, 0.0, 1.0, 2.0]], relative_strength=[0, 0, 0, 0, 9.0, 8.0])
    numbers = settings(correlation_window=5, correlation_positions=4 if guarded else 5, daily_loss_limit=1.0)
    run = result_of_case(Case(market, signals, run_parameters_of(market), numbers))
    last = run.decisions.filter(pl.col("session") == run.equity["session"][5], moment="close").sort("symbol")
    assert last["candidate_correlation"].to_list() == pytest.approx([1.0, 1.0])
    if guarded:
        assert last["reason"].to_list() == ["correlation_limit"] * 2
        assert last["portfolio_correlation"].to_list() == pytest.approx([1.0, 1.0])
        assert last["score"].null_count() == 2
        return
    assert last["decision"].to_list() == ["enter"] * 2
    ranks = last.select("strength_rank", "relative_strength_rank", "diversification_rank").rows()
    assert ranks == [(0.5, 1.0, 0.75), (1.0, 0.5, 0.75)]
    assert last["score"].to_list() == pytest.approx([0.25 + 0.3 + 0.15, 0.5 + 0.15 + 0.15])


def test_an_order_that_sells_short_says_so_before_it_fills() -> None:
    """Sold and bought back; a second one waits for an open that does not come."""
    market = quiet_market([100.0, 100.0, 99.0, 95.0, 95.0, 95.0])
    signals = entries(market, (0, 0), (5, 0), exits=[[(2, 0)]])
    run_parameters = run_parameters_of(market, exit_signal=0, side=SHORT)
    run = result_of_case(Case(market, signals, run_parameters, settings()))
    assert run.orders["order_id"].to_list() == [
        "s-train-20010101-S00-sell",
        "s-train-20010103-S00-buy",
        "s-train-20010106-S00-sell",
    ]
    assert run.fills["side"].to_list() == ["sell", "buy"]
    assert run.trades["side"].to_list() == ["short"]
    [waiting] = run.open_positions.iter_rows(named=True)
    assert (waiting["side"], waiting["pending_order"], waiting["stop_price"]) == ("short", "sell", 99.0)
