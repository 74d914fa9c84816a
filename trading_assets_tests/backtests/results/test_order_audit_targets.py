"""The tables of target-weight runs: pairs, shorts, orders that are replaced, and the cash of all of it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.results.reconciliation import accounting_errors
from trading_assets.backtests.results.run_tables import Result
from trading_assets_tests.backtests.engine.test_rebalance_orders import wild
from trading_assets_tests.backtests.journals import FIRST, result_of_case
from trading_assets_tests.backtests.markets import quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.random_markets import Case
from trading_assets_tests.backtests.target_runs import FREE, targets


def wild_case(seed: int) -> Case:
    market, wanted = wild(seed)
    random = np.random.default_rng(seed)
    split = np.where(random.random(market.close.shape) < 0.02, 1.5, 1.0)
    split[~np.isfinite(market.open)] = 1.0
    dividend = np.where((random.random(split.shape) < 0.03) & np.isfinite(market.open), 0.4, 0.0)
    market = market._replace(split_ratio=split, cash_dividend=dividend)
    numbers = settings(drawdown_limit=0.1, noise="drawn", max_sector=1.0)
    return Case(market, wanted, run_parameters_of(market, capacity=0.5, delay=seed % 2), numbers)


@pytest.fixture(scope="module", params=range(4))
def wild_run(request: pytest.FixtureRequest) -> tuple[Case, Result]:
    case = wild_case(request.param)
    return case, result_of_case(case)


def test_contracts_and_identities(wild_run: tuple[Case, Result]) -> None:
    _, run = wild_run
    for table, rows in run.by_table().items():
        table.validate(rows)
    assert set(run.trades["side"]) == {"long", "short"}
    assert run.trades["pair_id"].drop_nulls().n_unique() == 2
    assert run.trades["stop_price"].null_count() == run.trades.height
    assert accounting_errors(run.trades, run.equity, run.open_positions, run.fills, starting_equity=1e5).is_empty()


def test_ids_lead_from_a_fill_to_its_decision(wild_run: tuple[Case, Result]) -> None:
    _, run = wild_run
    for rows, column in (
        (run.decisions, "decision_id"),
        (run.orders, "order_id"),
        (run.fills, "fill_id"),
        (run.trades, "trade_id"),
    ):
        assert rows[column].is_unique().all(), column
    led = run.fills.join(run.orders, on="order_id", suffix="_order").join(
        run.decisions, on="decision_id", suffix="_decision"
    )
    assert led.height == run.fills.height
    assert (led["side"] == led["side_order"]).all()
    for name in ("symbol", "pair_id"):
        for suffix in ("_order", "_decision"):
            assert led[name].eq_missing(led[f"{name}{suffix}"]).all()
    ends = run.trades.join(run.fills, left_on=["trade_id", "exit_order_id"], right_on=["trade_id", "order_id"])
    assert (ends["exit_session"] == ends["session"]).any()
    pending = run.open_positions.filter(pl.col("pending_order_id").is_not_null())
    assert set(pending["pending_order_id"]) <= set(
        run.orders.filter(pl.col("status").is_in(["pending", "partly_filled"]))["order_id"]
    )


def test_cash_follows_from_fills_borrowing_and_corporate_actions(wild_run: tuple[Case, Result]) -> None:
    """At every close, from the tables of fills and equity and the market's events; marks are the last closes."""
    case, run = wild_run
    market, lots = case.market, case.market.lot
    held: dict[tuple[int, str], float] = {}
    mark = np.full(lots.size, np.nan)
    cash = 100_000.0
    for row in run.equity.iter_rows(named=True):
        t = (row["session"] - FIRST).days
        for (i, pair), quantity in held.items():
            if quantity < 0 and t > 0:
                days = market.day[t] - market.day[t - 1]
                cash += quantity * mark[i] * market.borrow_bps[t - 1, i] / 1e4 / 365 * days
            cash += quantity * market.cash_dividend[t, i]
            ratio = market.split_ratio[t, i]
            if ratio != 1 and quantity != 0:
                whole = np.floor(abs(quantity) * ratio / lots[i] + 1e-9) * lots[i]
                cash += np.sign(quantity) * (abs(quantity) * ratio - whole) * market.open[t, i]
                held[i, pair] = np.sign(quantity) * whole
        mark = np.where(market.split_ratio[t] != 1, mark / market.split_ratio[t], mark)
        for fill in run.fills.filter(session=row["session"]).iter_rows(named=True):
            sign, place = (1 if fill["side"] == "buy" else -1), (int(fill["symbol"][1:]), fill["pair_id"] or "")
            cash -= sign * fill["quantity"] * fill["price"] + fill["fee"]
            if held.get(place, 0.0) == 0.0:
                mark[place[0]] = fill["price"]
            held[place] = held.get(place, 0.0) + sign * fill["quantity"]
        mark = np.where(market.present[t], market.close[t], mark)
        assert row["cash"] == pytest.approx(cash, rel=1e-9), row["session"]


def test_a_longer_run_keeps_the_rows_of_a_shorter_one(wild_run: tuple[Case, Result]) -> None:
    case, whole = wild_run
    run_parameters = case.run_parameters.copy()
    run_parameters["last_session"] = 41
    part = result_of_case(Case(case.market, case.signals, run_parameters, case.settings))
    last = part.equity["session"][-1]
    for name in ("decisions", "fills"):
        assert getattr(part, name).equals(getattr(whole, name).filter(pl.col("session") <= last)), name
    assert part.trades.equals(whole.trades.filter(pl.col("exit_session") <= last))


def test_what_waits_at_the_end_is_on_the_row_of_its_position() -> None:
    """Held and to be left, held and to grow, flat and to be sold short: one row each, with the side of the order."""
    market = quiet_market(np.full((3, 3), 100.0))
    rows = [(0, 0, 0.3), (0, 1, 0.2), (2, 0, 0.0), (2, 1, 0.3), (2, 2, -0.1)]
    numbers = settings(**FREE)
    run = result_of_case(Case(market, targets(market, *rows), run_parameters_of(market), numbers))
    found = run.open_positions.select("symbol", "side", "quantity", "pending_order", "pending_reason").rows()
    assert found == [
        ("S00", "long", 300.0, "sell", "rule"),
        ("S01", "long", 200.0, "buy", "rebalance"),
        ("S02", "short", 100.0, "sell", "own"),
    ]
    assert set(run.orders["status"]) == {"filled", "pending"}


def test_an_order_that_another_row_replaces() -> None:
    market = quiet_market(np.full((6, 1), 100.0), expected=[[True], [True], [False], [False], [True], [True]])
    rows = [(1, 0, 0.3), (3, 0, 0.2)]
    run = result_of_case(Case(market, targets(market, *rows), run_parameters_of(market), settings(**FREE)))
    assert run.orders.select("status", "cancel_reason").rows() == [("cancelled", "replaced"), ("filled", None)]
    assert run.fills["quantity"].to_list() == [200.0]


def test_both_legs_of_a_short_pair_are_in_the_plan() -> None:
    market = quiet_market(np.full((3, 2), 100.0), fee_bps=10.0)
    wanted = targets(market, (0, 0, 0.2), (0, 1, -0.2), pairs=((0, 1),))
    run = result_of_case(Case(market, wanted, run_parameters_of(market), settings(**FREE)))
    plan = run.liquidation_plan.sort("symbol")
    assert plan.select("symbol", "pair_id", "side", "quantity").rows() == [
        ("S00", "P0", "sell", 200.0),
        ("S01", "P0", "buy", 200.0),
    ]
    assert plan["expected_cost"].to_list() == pytest.approx([20.0, 20.0])
