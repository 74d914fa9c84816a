"""What fills at the open of a target-weight strategy, by hand: exits at any open that they lose by."""

from __future__ import annotations

import numpy as np
import pytest

from trading_assets.backtests.engine.arrays import Market
from trading_assets_tests.backtests.markets import quiet_market
from trading_assets_tests.backtests.target_runs import run, said, targets


def opens_far_away(price: float, columns: int = 1) -> Market:
    """Prices of 100 until the open of session 2, which no order may count on: it may be an error."""
    closes = np.full((5, columns), 100.0)
    closes[2:, 0] = price
    market = quiet_market(closes)
    market.fillable[2, 0] = False
    return market


def test_the_closing_half_of_a_flip_takes_the_loss_of_an_open_that_is_far_away() -> None:
    """300 bought at 100 are sold at 40, as an exit is; the short sale finds no open to count on."""
    market = opens_far_away(40.0)
    found = run(market, targets(market, (0, 0, 0.3), (1, 0, -0.3)))
    assert found.fills[["session", "quantity", "price"]].tolist() == [(1, 300.0, 100.0), (2, 300.0, 40.0)]
    assert said(found)[2:] == [(2, 0, "reject", "no_fill")]
    assert (found.held.size, found.queue.size) == (0, 0)


def test_a_flip_does_not_gain_by_an_open_that_is_far_away() -> None:
    """At 160 nothing fills; the closing half stays due and is made at the next open."""
    market = opens_far_away(160.0)
    found = run(market, targets(market, (0, 0, 0.3), (1, 0, -0.3)))
    assert found.fills[["session", "quantity", "price"]].tolist() == [(1, 300.0, 100.0), (3, 300.0, 160.0)]
    assert said(found)[2:] == [(2, 0, "reject", "no_fill")]


def test_a_smaller_weight_is_an_exit_of_a_part() -> None:
    """Equity at 40 is 70,000 + 300 x 40 = 82,000: 5 % of it are 102 shares, so 198 are sold; at 160 none are."""
    market = opens_far_away(40.0)
    found = run(market, targets(market, (0, 0, 0.3), (1, 0, 0.05)))
    assert found.fills[["session", "quantity", "price"]].tolist() == [(1, 300.0, 100.0), (2, 198.0, 40.0)]
    market = opens_far_away(160.0)
    found = run(market, targets(market, (0, 0, 0.3), (1, 0, 0.05)))
    assert found.fills["session"].tolist() == [1, 3]


def test_a_flip_that_nobody_lends_for_closes_at_the_same_open() -> None:
    """Orders come a session late: lent at the close of the decision, and no longer on the eve of the fill."""
    market = quiet_market(np.full((6, 1), 100.0), borrowable=(np.arange(6) < 3)[:, None])
    found = run(market, targets(market, (0, 0, 0.3), (2, 0, -0.3)), {"delay": 1})
    assert found.fills[["session", "quantity"]].tolist() == [(2, 300.0), (4, 300.0)]
    assert said(found)[2:] == [(4, 0, "reject", "no_borrow")]
    assert found.held.size == 0


@pytest.mark.parametrize("fault", ["no open", "not its session"])
def test_a_leg_of_a_flipped_pair_closes_without_the_other(fault: str) -> None:
    """The first leg of a pair has no open, or no session: the second one covers its 300, and opens nothing alone.

    Without an open neither leg is opened; where the first one's session is still to come both are, at that open.
    """
    market = quiet_market(np.full((5, 2), 100.0), borrow_bps=0.0)
    market.fillable[2, 0] = market.tradable[2, 0] = False
    if fault == "not its session":
        market.expected[2, 0] = False
    rows = [(0, 0, 0.3), (0, 1, -0.3), (1, 0, -0.3), (1, 1, 0.3)]
    found = run(market, targets(market, *rows, pairs=((0, 1),)))
    filled = found.fills[["session", "symbol", "quantity"]].tolist()[2:]
    if fault == "no open":
        assert filled == [(2, 1, 300.0), (3, 0, 300.0)]
        assert found.held.size == 0
    else:
        assert filled == [(2, 1, 300.0), (3, 0, 300.0), (3, 0, 300.0), (3, 1, 300.0)]
        assert found.positions_at_end["quantity"].tolist() == [-300.0, 300.0]
