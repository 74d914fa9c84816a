"""One order by symbol and side, however many positions it is for: by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from trading_assets.backtests.engine.arrays import EXIT_REASONS, Market
from trading_assets.backtests.engine.dtypes import BUY, CLOSES, OPENS, SELL
from trading_assets.backtests.engine.simulate import Simulation
from trading_assets_tests.backtests.markets import quiet_market
from trading_assets_tests.backtests.runs import number
from trading_assets_tests.backtests.target_runs import pairs_by_weight, pairs_in_one, run, said, targets

#: What an order within the size clip pays at most: 8 bp, doubled.
CLIPPED = 16.0


def of_the_first(found: Simulation, field: str) -> np.ndarray:
    return np.asarray(found.fills[field][found.fills["symbol"] == 0])


def shared_market(pairs: int, adv: Any, sessions: int = 4, **changes: Any) -> Market:
    """One symbol of so much volume by session, the others unlimited; all at 100."""
    volume = np.full((sessions, pairs + 1), 1e12)
    volume[:, 0] = adv
    return quiet_market(np.full((sessions, pairs + 1), 100.0), adv=volume, **{"slippage_bps": 8.0, **changes})


def test_fifty_pairs_that_leave_one_symbol_pay_for_one_order() -> None:
    """1,000 of each are half a percent of 200,000 a day, where the size factor ends: 8 bp, doubled, are 16.

    Together they are a quarter: 3 % x (sqrt(0.25) - sqrt(0.005)) = 3 % x 0.42929 = 128.79 bp more. Sold at
    100 x (1 - 1.4479 %) = 98.552.
    """
    market = shared_market(50, [1e12, 2e5, 2e5, 2e5], volatility=0.03)
    found = run(market, pairs_in_one(market, (0, 0.01), (1, 0.0)), {"capacity": 0.005})
    assert of_the_first(found, "quantity").tolist() == [10.0] * 100
    left = of_the_first(found, "effect") == CLOSES
    assert of_the_first(found, "slippage_bps")[left] == pytest.approx(CLIPPED + 128.786, abs=1e-3)
    assert of_the_first(found, "mean_slippage_bps")[left] == pytest.approx(CLIPPED + 128.786, abs=1e-3)
    assert of_the_first(found, "price")[left] == pytest.approx(98.5521, abs=1e-4)
    # A position of half of equity alone is the same order.
    one = shared_market(1, [1e12, 2e5, 2e5, 2e5], volatility=0.03)
    alone = run(one, pairs_in_one(one, (0, 0.5), (1, 0.0)), {"capacity": 0.005})
    assert of_the_first(alone, "quantity").tolist() == [500.0, 500.0]
    assert of_the_first(alone, "slippage_bps")[1] == pytest.approx(CLIPPED + 128.786, abs=1e-3)


def test_a_purchase_and_a_sale_are_two_orders_and_nothing_is_netted() -> None:
    """Two pairs buy for 20,000, which is half of the capacity: factor 1; one sells for 10,000: factor 1/2."""
    market = shared_market(3, 4e6)
    found = run(market, pairs_by_weight(market, (0, [0.1, -0.1, 0.1])), {"capacity": 0.01})
    side, bps = of_the_first(found, "side"), of_the_first(found, "slippage_bps")
    assert side.tolist() == [BUY, SELL, BUY]
    assert bps == pytest.approx([8.0, 4.0, 8.0])


def test_both_halves_of_a_flip_are_one_order() -> None:
    """300 are sold to close and 300 more to be short: 60,000, three halves of half of the capacity, 8 bp x 1.5."""
    market = shared_market(1, 8e6, lot=1.0)
    found = run(market, pairs_by_weight(market, (0, [0.3]), (1, [-0.3])), {"capacity": 0.01})
    assert of_the_first(found, "effect").tolist() == [OPENS, CLOSES, OPENS]
    quantities = of_the_first(found, "quantity")
    assert quantities[1] == 300.0
    sold = quantities[1:].sum() * 100.0
    assert of_the_first(found, "slippage_bps")[1:] == pytest.approx([8.0 * sold / 40_000.0] * 2)


def test_what_grows_in_a_symbol_shares_its_capacity_by_side() -> None:
    """1 % of 2 million is 20 % of equity: 20 % and 10 % asked for get two thirds, with the other legs of their pairs.

    Of a purchase of 20 % and a sale of 10 % each has the 20 % of its own side.
    """
    market = shared_market(2, 2e6)
    found = run(market, pairs_by_weight(market, (0, [0.2, 0.1])))
    assert number(found, "granted_weight") == pytest.approx([2 / 15, -2 / 15, 1 / 15, -1 / 15])
    assert number(found, "capacity_limit")[[0, 2]].tolist() == [20_000.0] * 2
    across = run(market, pairs_by_weight(market, (0, [0.2, -0.1])))
    assert number(across, "granted_weight") == pytest.approx([0.2, -0.2, -0.1, 0.1])


def test_only_growth_shares_capacity() -> None:
    """20 % each are held; 30 % each asked for grow by 20 % in all, of which 10 % fit: to 25 % each."""
    market = shared_market(2, [1e12, 1e6, 1e6, 1e6], slippage_bps=0.0)
    found = run(market, pairs_by_weight(market, (0, [0.2, 0.2]), (1, [0.3, 0.3])))
    assert number(found, "granted_weight")[4:] == pytest.approx([0.25, -0.25, 0.25, -0.25])


def test_what_is_beyond_capacity_is_rejected_in_order() -> None:
    """20 % fit: 15 % do, 10 % more do not, 5 % more do; the pair that is rejected takes nothing."""
    market = shared_market(3, 2e6)
    found = run(market, pairs_by_weight(market, (0, [0.15, 0.1, 0.05])), beyond_capacity="reject")
    assert [(what, why) for _, _, what, why in said(found)] == [
        ("enter", "own"), ("enter", "own"), ("reject", "capacity"), ("reject", "pair_leg"), ("enter", "own"),
        ("enter", "own"),
    ]  # fmt: skip


def test_what_capacity_rejects_takes_no_part_in_the_value_at_risk() -> None:
    """A loss of 10 % in 13 of 252 sessions: 0.3 of the second symbol are 3 % at risk, the limit, and pass whole."""
    falls = np.where(np.arange(256) % 18 == 5, -0.1, 0.0)
    market = quiet_market(np.full((256, 2), 100.0), returns=np.tile(falls[:, None], (1, 2)), adv=[1e5, 1e12])
    rows = [(254, 0, 0.3), (254, 1, 0.3)]
    from_both = run(market, targets(market, *rows), beyond_capacity="reject", var_limit=0.03)
    assert said(from_both) == [(254, 0, "reject", "capacity"), (254, 1, "enter", "own")]
    assert number(from_both, "granted_weight")[1] == pytest.approx(0.3)


def test_a_halt_sells_all_positions_of_a_symbol_within_its_capacity() -> None:
    """A tenth of 60,000 at 60 is 100 shares a session: of 150 and 150, first 100, then 50 and 50, then 100."""
    closes = np.full((7, 3), 100.0)
    closes[2:, 0] = 60.0
    adv = np.full((7, 3), 1e12)
    adv[2:, 0] = 6e4
    market = quiet_market(closes, adv=adv)
    found = run(market, pairs_in_one(market, (0, 0.15)), {"capacity": 0.1}, drawdown_limit=0.1)
    sold = found.fills[(found.fills["symbol"] == 0) & (found.fills["effect"] == CLOSES)]
    assert list(zip(sold["session"].tolist(), sold["pair_index"].tolist(), sold["quantity"].tolist(), strict=True)) == [
        (3, 0, 100.0), (4, 0, 50.0), (4, 1, 50.0), (5, 1, 100.0),
    ]  # fmt: skip
    ended = found.trades[found.trades["symbol"] == 0]
    assert [EXIT_REASONS[reason] for reason in ended["exit_reason"]] == ["drawdown_halt"] * 2


def test_an_order_is_priced_by_what_was_asked_for_and_not_by_a_leg_that_is_not_sent() -> None:
    """The third pair's other leg costs more than its weight: neither of its legs is in the order of 10,000."""
    closes = np.full((3, 4), 100.0)
    closes[:, 3] = 1e6
    volume = np.full((3, 4), 1e12)
    volume[:, 0] = 2e6
    market = quiet_market(closes, adv=volume, slippage_bps=8.0)
    found = run(market, pairs_by_weight(market, (0, [0.05, 0.05, 0.05])))
    assert said(found)[-2:] == [(1, 0, "reject", "zero_size"), (1, 3, "reject", "zero_size")]
    assert of_the_first(found, "slippage_bps") == pytest.approx([8.0, 8.0])
    assert math.isclose(of_the_first(found, "quantity").sum() * 100, 10_000)


def test_a_pair_that_its_other_leg_keeps_out_takes_no_capacity() -> None:
    """15 % with a leg of which nothing trades, then 10 %: of the 20 % that fit nothing was taken."""
    market = shared_market(2, 2e6)
    market.adv[:, 1] = 1e3
    found = run(market, pairs_by_weight(market, (0, [0.15, 0.1])), beyond_capacity="reject")
    assert [why for _, _, _, why in said(found)] == ["pair_leg", "capacity", "own", "own"]
