"""Orders under the cap of a sector, and positions that a halt sells in slices: by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trading_assets.backtests.engine.arrays import EXIT_REASONS, Market
from trading_assets.backtests.engine.dtypes import CLOSES, OPENS, SHORT
from trading_assets.backtests.engine.liquidation import slice_quantity
from trading_assets_tests.backtests.markets import entries, quiet_market
from trading_assets_tests.backtests.runs import number, run, said

#: A position may take 30 % of equity.
LARGE: dict[str, Any] = {
    "risk_per_trade": 1.0,
    "max_position": 0.3,
    "max_symbol": 0.3,
    "max_gross": 1.0,
    "drawdown_limit": 1.0,
}


def test_a_sector_is_capped_over_what_is_held_and_ordered() -> None:
    """Half of 100,000: 300 shares at 100 are held, 200 can be ordered, then none; another sector is open to 300."""
    market = quiet_market(np.full((4, 4), 100.0), sector=[0, 0, 0, 1])
    found = run(market, entries(market, (0, 0), (1, 1), (1, 2), (1, 3)), max_sector=0.5, **LARGE)
    assert list(found.positions_at_end["quantity"]) == [300, 200, 300]
    assert said(found, "reject") == [(1, 2, "zero_size")]
    assert list(number(found, "sector_room")) == [50_000, 20_000, 0, 50_000]


def test_a_symbol_of_no_known_sector_is_not_capped() -> None:
    market = quiet_market(np.full((3, 3), 100.0))
    found = run(market, entries(market, (0, 0), (0, 1), (0, 2)), max_sector=0.3, **LARGE)
    assert list(found.positions_at_end["quantity"]) == [300, 300, 300]


def test_a_halt_sells_in_slices_within_capacity() -> None:
    """A tenth of 60,000 a day is 100 shares at the mark of 60, 109 at 55, and the 91 that are left at 50.

    300 bought at 100 are sold at 55, 50 and 45; the trade is the mean of that. The stop would have been at 40; fees are
    10 bp.
    """
    closes = [100.0, 100.0, 60.0, 55.0, 50.0, 45.0, 45.0]
    market = quiet_market(closes, adv=[[3e5]] * 2 + [[6e4]] * 5, atr=30.0, fee_bps=10.0)
    found = run(market, entries(market, (0, 0)), {"capacity": 0.1}, **(LARGE | {"drawdown_limit": 0.1}))
    assert list(found.fills["session"]) == [1, 3, 4, 5]
    assert list(found.fills["quantity"]) == [300, 100, 109, 91]
    assert list(found.fills["effect"]) == [OPENS, CLOSES, CLOSES, CLOSES]
    assert list(found.fills["decision"]) == [0, 1, 1, 1]
    [trade] = found.trades
    assert (trade["quantity"], trade["exit_session"]) == (300, 5)
    sold = 100 * 55 + 109 * 50 + 91 * 45
    assert trade["exit_price"] == pytest.approx(sold / 300)
    assert trade["exit_fee"] == pytest.approx(sold / 1000)
    assert trade["pnl"] == pytest.approx(sold * 0.999 - 30_000 - 30)
    assert EXIT_REASONS[trade["exit_reason"]] == "drawdown_halt"
    after = 69_970 + 0.999 * np.cumsum([5_500, 5_450, 4_095])
    assert found.cash == pytest.approx([100_000, 69_970, 69_970, *after, after[-1]])


def test_a_closing_sells_in_slices_and_takes_no_entry() -> None:
    """From the close of row 2 on (`closing` 3): 300 shares, a tenth of 60,000 a day, are 100, 109 and 91 again.

    The entry of row 1 fills at row 2, before; that of row 5 is rejected. Nothing is below a stop, no breaker fires:
    without a closing all is held to the end.
    """
    closes = np.column_stack([[100.0, 100.0, 60.0, 55.0, 50.0, 45.0, 45.0], np.full(7, 10.0)])
    adv = np.column_stack([[3e5] * 2 + [6e4] * 5, np.full(7, 1e12)])
    market = quiet_market(closes, adv=adv, atr=[100.0, 9.0])
    signals = entries(market, (0, 0), (1, 1), (5, 1))
    held = run(market, signals, {"capacity": 0.1}, **LARGE)
    assert list(held.positions_at_end["quantity"]) == [300, 3000]
    found = run(market, signals, {"capacity": 0.1, "closing": 3}, closing_limit=0.2, **LARGE)
    assert [(int(f["session"]), int(f["symbol"]), float(f["quantity"])) for f in found.fills] == [
        (1, 0, 300.0),
        (2, 1, 3000.0),
        (3, 0, 100.0),
        (3, 1, 3000.0),
        (4, 0, 109.0),
        (5, 0, 91.0),
    ]
    assert said(found, "exit") == [(2, 0, "closing"), (2, 1, "closing")]
    assert said(found, "reject") == [(5, 1, "closing")]
    assert {EXIT_REASONS[trade["exit_reason"]] for trade in found.trades} == {"closing"}
    assert found.positions_at_end.size == 0


def test_a_closing_waits_for_an_open_within_its_limit() -> None:
    """Ordered at row 2 at 100: 94 is below 95, then 89.4 is above 95 % of 94, 89.3; a wider limit takes the 94."""
    closes, opens = [100.0, 100.0, 100.0, 94.0, 89.4, 89.4], [100.0, 100.0, 100.0, 94.0, 89.4, 89.4]
    market = quiet_market(closes, open=np.array(opens)[:, None], atr=99.0)
    found = run(market, entries(market, (0, 0)), {"closing": 3}, closing_limit=0.05, **LARGE)
    assert list(found.fills["session"]) == [1, 4]
    assert found.fills["price"][1] == 89.4
    wider = run(market, entries(market, (0, 0)), {"closing": 3}, closing_limit=0.1, **LARGE)
    assert list(wider.fills["session"]) == [1, 3]


def falling(*after: float, atr: float = 4.0) -> Market:
    """Bought at 100 at row 1; then each session opens and closes at 8 % less: no open is within 5 % of the mark."""
    return quiet_market([100.0, 100.0, 100.0, *(100 * 0.92**k for k in range(1, 7)), *after], atr=atr)


def test_a_stop_goes_before_a_closing_and_takes_any_price() -> None:
    """The stop is 2.5 x 4 below 100. Closed at row 2; 92 is above 90, 84.64 below: row 5 sells at 77.87."""
    market = falling()
    plain = run(market, entries(market, (0, 0)), closing_limit=0.05, **LARGE)
    found = run(market, entries(market, (0, 0)), {"closing": 3}, closing_limit=0.05, **LARGE)
    assert said(found, "exit") == [(2, 0, "closing"), (4, 0, "hard_stop")]
    for each in (plain, found):
        assert list(each.fills["session"]) == [1, 5]
        assert each.fills["price"][1] == pytest.approx(100 * 0.92**3)
        assert EXIT_REASONS[each.trades["exit_reason"][0]] == "hard_stop"


def test_a_stop_of_a_short_position_goes_before_a_closing() -> None:
    """Sold short at 100, stop at 110: 108 is below it, 116.6 above."""
    market = quiet_market([100.0, 100.0, 100.0, *(100 * 1.08**k for k in range(1, 7))], atr=4.0)
    found = run(market, entries(market, (0, 0)), {"closing": 3, "side": SHORT}, closing_limit=0.05, **LARGE)
    assert said(found, "exit") == [(2, 0, "closing"), (4, 0, "hard_stop")]
    assert list(found.fills["session"]) == [1, 5]


def test_a_stop_at_the_close_of_the_closing_is_a_stop() -> None:
    """85 is below 90 at the very close at which the account is left."""
    market = quiet_market([100.0, 100.0, 85.0, 78.0, 71.0], atr=4.0)
    found = run(market, entries(market, (0, 0)), {"closing": 3}, closing_limit=0.05, **LARGE)
    assert said(found, "exit") == [(2, 0, "hard_stop")]
    assert list(found.fills["session"]) == [1, 3]


def test_the_breaker_takes_over_from_a_closing() -> None:
    """300 of 100,000 at 100: 92 is 2.4 % less, 84.64 4.6 %, 77.87 6.6 %: over 5 % at row 5, so that row 6 sells."""
    market = falling(atr=30.0)
    limits = LARGE | {"drawdown_limit": 0.05}
    found = run(market, entries(market, (0, 0)), {"closing": 3}, closing_limit=0.05, **limits)
    assert said(found, "exit") == [(2, 0, "closing"), (5, 0, "drawdown_halt")]
    assert list(found.fills["session"]) == [1, 6]


def test_missing_data_take_over_from_a_closing() -> None:
    """No bar at rows 5 and 6: sold at the open of row 7, however far away, and no slice is cut for want of a limit."""
    closes = np.array([100 * 0.92 ** max(0, k - 2) for k in range(9)])
    closes[5:7] = np.nan
    market = quiet_market(closes, atr=99.0)
    found = run(market, entries(market, (0, 0)), {"closing": 3}, closing_limit=0.05, missing_sessions_exit=2, **LARGE)
    assert said(found, "exit") == [(2, 0, "closing"), (6, 0, "data_missing")]
    assert list(found.fills["session"]) == [1, 7]


def test_what_takes_over_from_a_closing_keeps_its_reason() -> None:
    """Below its stop from row 4 on, and late by a session: neither the closing nor the breaker is said again."""
    market = falling()
    limits = LARGE | {"drawdown_limit": 0.05}
    found = run(market, entries(market, (0, 0)), {"closing": 3, "delay": 1}, closing_limit=0.05, **limits)
    assert said(found, "exit") == [(2, 0, "closing"), (4, 0, "hard_stop")]
    assert list(found.fills["session"]) == [2, 6]


def test_a_short_position_is_bought_back_within_the_limit() -> None:
    """106 is above 105; 111.2 is within 111.3 of the next mark."""
    closes = [100.0, 100.0, 100.0, 106.0, 111.2, 111.2]
    market = quiet_market(closes, atr=99.0)
    found = run(market, entries(market, (0, 0)), {"closing": 3, "side": SHORT}, closing_limit=0.05, **LARGE)
    assert list(found.fills["session"]) == [1, 4]


def test_a_closing_withdraws_the_entries_that_wait() -> None:
    """Decided at row 1, and late by a session: it would fill at row 3, after the closing at row 2."""
    market = quiet_market(np.full(6, 100.0))
    found = run(market, entries(market, (1, 0)), {"delay": 1, "closing": 3}, **LARGE)
    assert said(found, "reject") == [(2, 0, "closing")]
    assert found.fills.size == 0


@pytest.mark.parametrize(
    ("quantity", "price", "adv", "lot", "expected"),
    [
        (300.0, 60.0, 60_000.0, 1.0, 100.0),
        (300.0, 60.0, 60_059.0, 1.0, 100.0),  # down to whole lots
        (50.0, 60.0, 60_000.0, 1.0, 50.0),
        (300.0, 60.0, 1.0, 1.0, 1.0),  # one lot at least
        (300.0, 60.0, 0.0, 1.0, 300.0),  # nothing known of the depth: all at once
        (300.0, 60.0, np.nan, 1.0, 300.0),
        (0.5, 60.0, 60.0, 1e-8, 0.1),
    ],
)
def test_slices(quantity: float, price: float, adv: float, lot: float, expected: float) -> None:
    assert slice_quantity(quantity, price, adv, 0.1, lot) == pytest.approx(expected, rel=1e-12)
