"""Target weights by hand, and what holds on any market."""

from __future__ import annotations

import numpy as np
import pytest

from trading_assets.backtests.engine.arrays import EXIT_REASONS, Market, Targets
from trading_assets.backtests.engine.dtypes import CLOSES, LONG, OPENS, SHORT
from trading_assets.backtests.engine.simulate import simulate
from trading_assets_tests.backtests.markets import quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.runs import number
from trading_assets_tests.backtests.target_runs import FREE, run, said, targets


def test_a_weight_is_of_the_equity_at_the_open_it_fills_at() -> None:
    """Half of 100,000 at the open of 110, not at the close of 100: 454 shares; the other symbol's slot is untouched."""
    market = quiet_market([[100.0, 50.0], [120.0, 50.0], [120.0, 50.0]], open=[[100.0, 50], [110, 50], [120, 50]])
    found = run(market, targets(market, (0, 0, 0.5)))
    assert found.positions_at_end["quantity"] == [454]
    assert found.equity == pytest.approx([100_000, 100_000 + 454 * 10, 100_000 + 454 * 10])
    assert said(found) == [(0, 0, "enter", "own")]


def test_a_round_trip_with_partial_exits() -> None:
    """500 at 100, 250 more at 120, down to 100 at 150, the rest at 90; fees of 10 bp a side.

    Equity at the second open is 100,000 - 50 + 500 x 20 = 109,950: 0.82 of it is 751 shares at 120; at the third,
    109,950 - 251 x 120 x 0.1 % + 751 x 30 = 132,449.88: 0.1133 of it is 100 shares at 150.
    """
    closes = [100.0, 100.0, 120.0, 150.0, 90.0, 90.0]
    market = quiet_market(closes, fee_bps=10.0)
    rows = [(0, 0, 0.5), (1, 0, 0.82), (2, 0, 0.1133), (3, 0, 0.0)]
    found = run(market, targets(market, *rows))
    assert list(found.fills["quantity"]) == [500, 251, 651, 100]
    assert list(found.fills["effect"]) == [OPENS, OPENS, CLOSES, CLOSES]
    assert list(found.fills["decision"]) == [0, 1, 2, 3]
    [trade] = found.trades
    assert trade["quantity"] == 751
    assert trade["entry_price"] == pytest.approx((500 * 100 + 251 * 120) / 751)
    assert trade["exit_price"] == pytest.approx((651 * 150 + 100 * 90) / 751)
    assert trade["entry_fee"] == pytest.approx((50_000 + 30_120) / 1000)
    assert trade["exit_fee"] == pytest.approx((97_650 + 9_000) / 1000)
    pnl = 651 * 150 + 100 * 90 - 50_000 - 30_120 - trade["entry_fee"] - trade["exit_fee"]
    assert trade["pnl"] == pytest.approx(pnl)
    assert trade["r_multiple"] == pytest.approx(pnl / (2.5 * 2 * 751))
    assert (trade["side"], trade["entry_session"], trade["exit_session"]) == (LONG, 1, 4)
    assert EXIT_REASONS[trade["exit_reason"]] == "rule"
    assert found.equity[-1] == pytest.approx(100_000 + pnl)
    kinds = ["enter", "enter", "exit", "exit"]
    assert [(d, why) for _, _, d, why in said(found)] == list(
        zip(kinds, ["own", "rebalance", "rebalance", "rule"], strict=True)
    )


def test_a_short_position_pays_the_dividend_and_follows_the_split() -> None:
    """333 sold at 100 become 499 and a half, half a share is bought back at 66; then 1 a share is paid on 499."""
    market = quiet_market(
        [100.0, 100.0, 66.0, 66.0, 66.0],
        split_ratio=np.array([[1.0], [1], [1.5], [1], [1]]),
        cash_dividend=np.array([[0.0], [0], [0], [1], [0]]),
        borrow_bps=0.0,
    )
    found = run(market, targets(market, (0, 0, -0.333), (3, 0, 0.0)))
    [trade] = found.trades
    assert (trade["side"], trade["quantity"]) == (SHORT, 499)
    assert trade["entry_price"] == pytest.approx(100 / 1.5)
    assert trade["pnl"] == pytest.approx(333 * 100 - 0.5 * 66 - 499 * 1 - 499 * 66)
    assert found.equity[-1] == pytest.approx(100_000 + trade["pnl"])


def test_borrow_accrues_over_the_weekend() -> None:
    """Sold on a Tuesday, bought back the Monday after: three nights and a weekend, on the mark of each evening."""
    market = quiet_market([100.0, 100.0, 110.0, 100.0, 90.0, 90.0])
    day = market.day.copy()
    day[5:] += 2
    market = market._replace(day=day)
    found = run(market, targets(market, (0, 0, -0.5), (4, 0, 0.0)), {"borrow_multiplier": 3.0})
    [trade] = found.trades
    a_day = 500 * 3 * 0.0050 / 365
    assert trade["borrow_cost"] == pytest.approx(a_day * (100 + 110 + 100 + 3 * 90))
    assert trade["pnl"] == pytest.approx(500 * (100 - 90) - trade["borrow_cost"])
    assert found.cash[-1] == pytest.approx(100_000 + trade["pnl"])


def test_a_flip_closes_one_trade_and_opens_another_at_the_same_open() -> None:
    market = quiet_market([100.0, 100.0, 110.0, 110.0])
    found = run(market, targets(market, (0, 0, 0.5), (1, 0, -0.5)))
    [trade] = found.trades
    assert (trade["side"], trade["exit_session"], trade["pnl"]) == (LONG, 2, 5000)
    # Half of the 105,000 at that open, at 110.
    assert found.positions_at_end["quantity"] == [-477]
    assert list(found.fills["round_trip"]) == [0, 0, 1]


def test_a_flip_that_may_not_grow_still_closes() -> None:
    market = quiet_market([100.0, 100.0, 100.0, 100.0])
    found = run(market, targets(market, (0, 0, 0.5), (1, 0, -0.5), eligible=[True, False]))
    assert said(found)[1:] == [(1, 0, "reject", "eligibility"), (1, 0, "exit", "own")]
    assert found.held.size == 0
    assert found.trades["exit_session"] == [2]


def test_what_shrinks_pays_for_what_grows() -> None:
    """All of it in the second symbol, sold for the first, which is before it in the order of the slots."""
    market = quiet_market(np.full((4, 2), 100.0))
    rows = [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0)]
    found = run(market, targets(market, *rows))
    assert [tuple(row) for row in found.fills[["session", "symbol", "side"]]] == [(1, 1, 0), (2, 1, 1), (2, 0, 0)]
    assert found.positions_at_end["quantity"] == [1000]
    assert found.cash.min() == 0


def test_proceeds_of_a_short_sale_cannot_be_spent() -> None:
    """Half short, then all of equity long: only the 100,000 of before can be spent, one share less for the fee."""
    market = quiet_market(np.full((3, 2), 100.0), fee_bps=[1.0, 1.0])
    found = run(market, targets(market, (0, 0, -0.5), (0, 1, 1.0)))
    # 100,000 less the fee of 5 on the sale: 99,995 / 100.01 is 999 shares.
    assert list(found.positions_at_end["quantity"]) == [-500, 999]


def test_gross_exposure_scales_what_grows_by_one_factor() -> None:
    """0.3 is held and stays; 0.6 and 0.3 are asked for and 0.5 is left of 0.8: both times 5 / 9."""
    market = quiet_market(np.full((4, 3), 100.0))
    rows = [(0, 0, 0.3), (1, 1, 0.6), (1, 2, -0.3)]
    found = run(market, targets(market, *rows), max_gross=0.8)
    assert number(found, "granted_weight") == pytest.approx([0.3, 0.6 * 5 / 9, -0.3 * 5 / 9])
    assert found.gross_exposure[-1] == pytest.approx(0.8, abs=0.002)


def test_sectors_and_symbols_are_capped_together_over_all_slots() -> None:
    """Half of equity a sector: 0.3 and then 0.2 of the 0.3 asked for; a symbol alone no more than 0.35."""
    market = quiet_market(np.full((3, 3), 100.0), sector=[0, 0, 1])
    rows = [(0, 0, 0.3), (0, 1, 0.3), (0, 2, 0.5)]
    found = run(market, targets(market, *rows), max_symbol=0.35, max_sector=0.5)
    assert number(found, "granted_weight") == pytest.approx([0.3, 0.2, 0.35])


def test_a_pair_is_cut_as_a_whole() -> None:
    """The sector leaves the second leg 0.1 of its 0.3: both legs get a third."""
    market = quiet_market(np.full((3, 2), 100.0), sector=[0, 0])
    found = run(market, targets(market, (0, 0, 0.3), (0, 1, -0.3), pairs=((0, 1),)), max_sector=0.4)
    assert number(found, "granted_weight") == pytest.approx([0.1, -0.1])


def test_both_legs_of_a_pair_or_neither() -> None:
    whole = quiet_market(np.full((4, 2), 100.0))
    legs = [(0, 0, 0.3), (0, 1, -0.3)]
    found = run(whole, targets(whole, *legs, pairs=((0, 1),)))
    assert list(found.positions_at_end["quantity"]) == [300, -300]
    assert list(found.positions_at_end["pair_index"]) == [0, 0]
    # One leg has no open to fill at: neither fills.
    holed = whole._replace(fillable=np.array([[True, True], [True, False], [True, True], [True, True]]))
    found = run(holed, targets(holed, *legs, pairs=((0, 1),)))
    assert said(found)[2:] == [(1, 0, "reject", "no_fill"), (1, 1, "reject", "no_fill")]
    assert found.fills.size == 0
    # One leg is rejected at the close: so is the other.
    thin = quiet_market(np.full((4, 2), 100.0), adv=[1e12, 1e6])
    found = run(thin, targets(thin, *legs, pairs=((0, 1),)), beyond_capacity="reject")
    assert said(found) == [(0, 0, "reject", "pair_leg"), (0, 1, "reject", "capacity")]


def test_cash_cuts_both_legs_of_a_pair_alike() -> None:
    """0.6 is held; of a leg of 0.8 cash pays for half (400 of 800), so 300 of the other leg's 600 are sold."""
    market = quiet_market(np.full((4, 3), 100.0))
    rows = [(0, 0, 0.6), (1, 1, 0.8), (1, 2, -0.6)]
    found = run(market, targets(market, *rows, pairs=((1, 2),)))
    assert list(found.positions_at_end["quantity"]) == [600, 400, -300]


def test_a_short_leg_pays_its_fee_from_what_the_long_leg_could_spend() -> None:
    """1,000 of each are asked for. The sale costs a fee of 100, the purchase 100,100: 100,000 pay for 0.998 of both."""
    market = quiet_market(np.full((3, 2), 100.0), fee_bps=[10.0, 10.0], borrow_bps=0.0)
    for short, long in ((0, 1), (1, 0)):
        rows = [(0, short, -1.0), (0, long, 1.0)]
        found = run(market, targets(market, *rows, pairs=((0, 1),)))
        held = dict(zip(found.positions_at_end["symbol"], found.positions_at_end["quantity"], strict=True))
        assert held == {short: -998, long: 998}
        assert found.cash[-1] - 998 * 100 == pytest.approx(100_000 - 2 * 99.8 - 99_800)
    # Alone it has to be paid for too: 999 shares at 100.10 leave 0.10, the fee of one share.
    found = run(market, targets(market, (0, 0, 1.0), (1, 1, -0.5)))
    assert list(found.positions_at_end["quantity"]) == [999, -1]
    free = quiet_market(np.full((4, 2), 100.0), fee_bps=[0.0, 10.0], borrow_bps=0.0)
    found = run(free, targets(free, (0, 0, 1.0), (1, 1, -0.5)))
    assert said(found)[-1] == (2, 1, "reject", "insufficient_cash")


def test_what_multiplier_and_caps_leave_may_be_less_than_is_held() -> None:
    """0.2 is held, 0.3 is asked for, half of it may be: the row is an exit, not an entry."""
    closes = np.array([100.0, 100, 60, 60, 60, 60, 60])
    market = quiet_market(np.column_stack([closes, np.full(7, 100.0)]))
    rows = [(0, 0, 0.5), (4, 1, 0.4), (5, 1, 0.3)]
    found = run(market, targets(market, *rows), drawdown_limit=0.1, halt_sessions=1, restart_risk=0.5)
    assert said(found)[-2:] == [(4, 1, "enter", "own"), (5, 1, "exit", "rebalance")]
    assert number(found, "granted_weight")[-2:] == pytest.approx([0.2, 0.15])
    assert list(found.fills["quantity"])[-2:] == [160, 40]  # of 80,000


def test_a_leg_that_is_lost_takes_the_other_with_it() -> None:
    market = quiet_market(np.full((6, 2), 100.0), delisted=[3, -1])
    market.expected[4:, 0] = False
    found = run(market, targets(market, (0, 0, 0.3), (0, 1, -0.3), pairs=((0, 1),)))
    ends = [(int(t["symbol"]), int(t["exit_session"]), EXIT_REASONS[t["exit_reason"]]) for t in found.trades]
    assert ends == [(0, 3, "delisted"), (1, 4, "delisted")]
    # Two missing sessions of one leg: both are left at the next open that there is.
    market = quiet_market(np.array([[100.0, 100], [100, 100], [100, 100], [np.nan, 100], [np.nan, 100], [100, 100]]))
    found = run(market, targets(market, (0, 0, 0.3), (0, 1, -0.3), pairs=((0, 1),)))
    ends = [(int(t["symbol"]), int(t["exit_session"]), EXIT_REASONS[t["exit_reason"]]) for t in found.trades]
    assert ends == [(0, 5, "data_missing"), (1, 5, "data_missing")]


def test_orders_wait_for_a_session_shrink_late_and_grow_never() -> None:
    """No open on session 1: the entry is cancelled; none on session 4: the exit fills on 5."""
    market = quiet_market(np.full((7, 1), 100.0))
    market.fillable[[1, 4], 0] = False
    found = run(market, targets(market, (0, 0, 0.3), (1, 0, 0.3), (3, 0, 0.0)))
    assert said(found)[1] == (1, 0, "reject", "no_fill")
    assert list(found.fills["session"]) == [2, 5]
    # A session that is not the symbol's own is waited for.
    market = quiet_market(np.full((4, 1), 100.0))
    market.expected[1, 0] = market.fillable[1, 0] = False
    assert list(run(market, targets(market, (0, 0, 0.3))).fills["session"]) == [2]


def test_a_late_trial_fills_one_session_later_and_the_last_row_stays_pending() -> None:
    market = quiet_market(np.full((4, 1), 100.0))
    found = run(market, targets(market, (0, 0, 0.3), (3, 0, 0.0)), {"delay": 1})
    assert list(found.fills["session"]) == [2]
    assert list(found.queue) == [0]
    assert found.orders_at_end["weight"] == [0]


def test_a_new_row_takes_the_place_of_a_waiting_order() -> None:
    market = quiet_market(np.full((5, 1), 100.0))
    found = run(market, targets(market, (0, 0, 0.3), (1, 0, 0.2)), {"delay": 2})
    assert list(found.fills["session"]) == [4]
    assert list(found.fills["quantity"]) == [200]


def test_beyond_capacity_a_weight_grows_as_far_as_liquidity_allows() -> None:
    """1 % of 1.9 million is 19 % of equity: 30 % grow to 49 %, not to 50 %; of a pair both legs by the same part."""
    market = quiet_market([100.0] * 4, adv=[[1e7], [1.9e6], [1e7], [1e7]])
    found = run(market, targets(market, (0, 0, 0.3), (1, 0, 0.5)))
    assert number(found, "granted_weight").tolist() == pytest.approx([0.3, 0.49])
    # A flip closes what is there at any size, and opens 19 % of the other side.
    found = run(market, targets(market, (0, 0, 0.3), (1, 0, -0.5)))
    assert number(found, "granted_weight").tolist() == pytest.approx([0.3, -0.19])
    pair = quiet_market(np.full((4, 2), 100.0), adv=[1e12, 1e6])
    found = run(pair, targets(pair, (0, 0, 0.4), (0, 1, -0.2), pairs=((0, 1),)))
    assert number(found, "granted_weight").tolist() == pytest.approx([0.2, -0.1])


def test_a_halt_liquidates_within_capacity() -> None:
    """A tenth of the value traded a day of 60,000 at 60 is 100 shares a session: 300, then 100 at a time."""
    market = quiet_market([100.0, 100.0, 60.0, 60.0, 60.0, 60.0, 60.0], adv=[[3e5]] * 2 + [[6e4]] * 5)
    found = run(market, targets(market, (0, 0, 0.3)), {"capacity": 0.1}, drawdown_limit=0.1)
    assert list(found.fills["quantity"]) == [300, 100, 100, 100]
    assert list(found.fills["session"]) == [1, 3, 4, 5]
    assert EXIT_REASONS[found.trades[0]["exit_reason"]] == "drawdown_halt"
    assert found.trades["exit_session"] == [5]


def test_the_breaker_takes_over_from_a_closing_of_a_weight() -> None:
    """8 % less at each open, and 5 % is the limit: 2.4 and 4.8 % of equity are lost, then 6.9 %; sold at row 6."""
    market = quiet_market([100.0, 100.0, 100.0, *(100 * 0.92**k for k in range(1, 6))])
    wanted = targets(market, (0, 0, 0.3), (4, 0, 0.3))
    found = run(market, wanted, {"closing": 3}, drawdown_limit=0.05, closing_limit=0.05)
    assert [row for row in said(found) if row[2] == "exit"] == [
        (2, 0, "exit", "closing"),
        (5, 0, "exit", "drawdown_halt"),
    ]
    assert list(found.fills["session"]) == [1, 6]
    held = run(market, wanted, {"closing": 3}, drawdown_limit=1.0, closing_limit=0.05)
    assert [row for row in said(held) if row[2] == "exit"] == [(2, 0, "exit", "closing")]
    assert list(held.fills["session"]) == [1]


def test_missing_data_take_over_from_a_closing_of_both_legs() -> None:
    """The first leg has no bar at rows 4 and 5: both are left at any price, each at its next open."""
    falls = [100.0, 100.0, 100.0, *(100 * 0.92**k for k in range(1, 6))]
    rises = [100.0, 100.0, 100.0, *(100 * 1.08**k for k in range(1, 6))]
    closes = np.column_stack([falls, rises])
    closes[4:6, 0] = np.nan
    market = quiet_market(closes)
    wanted = targets(market, (0, 0, 0.3), (0, 1, -0.3), pairs=((0, 1),))
    found = run(market, wanted, {"closing": 3}, closing_limit=0.05, missing_sessions_exit=2)
    exits = [(t, reason) for t, _, kind, reason in said(found) if kind == "exit"]
    assert exits == [(2, "closing")] * 2 + [(5, "data_missing")] * 2
    assert list(found.fills["session"]) == [1, 1, 6, 6]


def test_nothing_grows_while_trading_is_halted() -> None:
    market = quiet_market([[100.0, 100], [100, 100], [60, 100], [60, 100], [60, 100]])
    found = run(market, targets(market, (0, 0, 0.5), (3, 1, 0.2)), drawdown_limit=0.1)
    assert said(found)[-1] == (3, 1, "reject", "halted")


def test_a_short_squeeze_ends_trading() -> None:
    """Short for all of equity; the price triples: equity is gone, the position bought back, nothing sold again."""
    market = quiet_market([[100.0], [100], [300], [300], [300]], borrow_bps=0.0)
    found = run(market, targets(market, (0, 0, -1.0), (3, 0, -0.5)))
    assert found.equity == pytest.approx([100_000, 100_000, -100_000, -100_000, -100_000])
    assert [EXIT_REASONS[t["exit_reason"]] for t in found.trades] == ["drawdown_halt"]
    assert said(found)[-1] == (3, 0, "reject", "halted")


def test_volatility_and_restart_multiply_only_what_grows() -> None:
    """The same weight asked for before and after a restart at half the risk."""
    closes = np.array([100.0, 100, 60, 60, 60, 60, 60])
    market = quiet_market(np.column_stack([closes, np.full(7, 100.0)]))
    rows = [(0, 0, 0.5), (4, 1, 0.4), (5, 1, 0.1)]
    found = run(market, targets(market, *rows), drawdown_limit=0.1, halt_sessions=1, restart_risk=0.5)
    granted = {
        (int(d["session"]), int(d["symbol"])): w
        for d, w in zip(found.decisions, number(found, "granted_weight"), strict=True)
    }
    assert granted[4, 1] == pytest.approx(0.2)
    assert granted[5, 1] == pytest.approx(0.1)


@pytest.mark.parametrize("seed", range(6))
def test_a_random_book_adds_up_and_knows_nothing_of_the_future(seed: int) -> None:
    market, wanted = wild(seed)
    run_parameters, numbers = (
        run_parameters_of(market, capacity=0.5, delay=seed % 2),
        settings(drawdown_limit=0.1, noise="drawn"),
    )
    found = simulate(market, wanted, run_parameters, numbers)
    assert found.trades.size > 5
    open_pnl = (
        found.positions_at_end["flow"] + found.positions_at_end["quantity"] * found.positions_at_end["mark"]
    ).sum()
    assert found.equity[-1] == pytest.approx(100_000 + found.trades["pnl"].sum() + open_pnl, rel=1e-12)
    fills = found.fills
    flow = np.where(fills["side"] == 1, 1.0, -1.0) * fills["quantity"] * fills["price"] - fills["fee"]
    for trade in found.trades:
        own = fills["round_trip"] == trade["round_trip"]
        assert fills["session"][own].max() == trade["exit_session"]
        assert (trade["entry_fee"] + trade["exit_fee"]) == pytest.approx(fills["fee"][own].sum())
        assert trade["pnl"] == pytest.approx(flow[own].sum() - trade["borrow_cost"], abs=1e-6)
    for cut in (20, 41, 60):
        other = market._replace(
            **{
                name: np.where(np.arange(80)[:, None] > cut, 1.3, 1.0) * getattr(market, name)
                for name in ("open", "close", "low", "atr", "adv")
            }
        )
        again = simulate(other, wanted, run_parameters, numbers)
        assert again.equity[: cut + 1].tobytes() == found.equity[: cut + 1].tobytes()
        early = [rows[rows["session"] <= cut].tobytes() for rows in (again.decisions, found.decisions)]
        assert early[0] == early[1]


def test_long_only_never_borrows_cash() -> None:
    for seed in range(6):
        market, wanted = wild(seed)
        wanted = wanted._replace(weight=np.abs(wanted.weight) * 4)
        found = simulate(market, wanted, run_parameters_of(market), settings(**FREE, noise="drawn", max_sector=1.0))
        assert found.cash.min() >= 0


def wild(seed: int) -> tuple[Market, Targets]:
    """Eighty sessions of eight walks, two pairs among them, with rows on one slot and session in ten."""
    random = np.random.default_rng(seed)
    closes = 50 * np.exp(np.cumsum(random.normal(0, 0.03, (80, 8)), axis=0))
    closes[random.random(closes.shape) < 0.02] = np.nan
    market = quiet_market(
        closes, fee_bps=5.0, slippage_bps=8.0, tick=0.01, adv=np.full(8, 3e5), sector=np.arange(8) % 2, delisted=-1
    )
    rows = []
    for t in range(80):
        for legs in ((0,), (1,), (2,), (3,), (4, 5), (6, 7)):
            if random.random() < 0.1:
                weight = random.choice([0.0, 0.1, 0.2, -0.15])
                rows += [(t, leg, weight * (-1) ** place) for place, leg in enumerate(legs)]
    return market, targets(market, *rows, pairs=((4, 5), (6, 7)))


def test_the_entry_price_is_the_mean_of_all_entry_fills() -> None:
    """500 at 100, 250 of them sold, 250 more at 200: 400 thirds is the mean of 750, not of the 500 held."""
    market = quiet_market([100.0, 100, 100, 200, 200, 200])
    wanted = targets(market, (0, 0, 0.5), (1, 0, 0.25), (2, 0, 0.8), (4, 0, 0.0))
    found = run(market, wanted)
    assert found.fills["quantity"].tolist() == [500, 250, 250, 500]
    assert found.trades["entry_price"] == pytest.approx([(500 * 100 + 250 * 200) / 750])
    assert found.trades["exit_price"] == pytest.approx([(250 * 100 + 500 * 200) / 750])


def test_a_waiting_change_ends_with_a_delisted_position() -> None:
    """A sale of half waits for an open when the symbol is delisted; the open that comes then opens nothing."""
    closes = [100.0, 100, 100] + [float("nan")] * 10 + [100.0] * 3
    market = quiet_market(closes, delisted=12)
    market.expected[13:] = False
    found = run(market, targets(market, (0, 0, 0.5), (2, 0, 0.25)))
    assert [reason for _, _, _, reason in said(found)][-1] == "delisted"
    assert found.held.size == 0
    assert found.fills["quantity"].tolist() == [500, 500]
