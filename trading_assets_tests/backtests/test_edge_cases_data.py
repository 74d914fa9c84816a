"""The rows "Data" of the edge cases that an open position meets, computed by hand.

The quiet market of `test_edge_cases.py`: 150 shares at 100, a stop at 96.
"""

from __future__ import annotations

import numpy as np
import pytest

from trading_assets.backtests.engine.arrays import Market
from trading_assets_tests.backtests.markets import entries, quiet_market
from trading_assets_tests.backtests.runs import NAN, exits_of, run, said


def test_missing_one_day() -> None:
    market = quiet_market([100.0, 102.0, NAN, 95.0, 95.0], open=np.array([[100.0], [100.0], [NAN], [101.0], [95.0]]))
    # The exit and the raised stop of the missing session are not seen.
    signals = entries(market, (0, 0), exits=[[(2, 0)], [(2, 0)]])
    found = run(market, signals, {"exit_signal": 0, "raise_signal": 1, "raised_stop_atr": 0.0, "last_session": 2})
    assert found.equity.tolist() == [100_000.0, 100_300.0, 100_300.0]
    assert found.positions_at_end["stop"].tolist() == [96.0]
    assert found.positions_at_end["mark"].tolist() == [102.0]
    later = run(market, signals, {"exit_signal": 0})
    assert said(later, "exit") == [(3, 0, "hard_stop")]


def test_missing_two_days() -> None:
    closes = np.full(40, 100.0)
    closes[[3, 4]] = NAN
    market = quiet_market(closes)
    at = [(0, 0), *((t, 0) for t in range(6, 40))]
    found = run(market, entries(market, *at))
    assert said(found, "exit") == [(4, 0, "data_missing")]
    assert exits_of(found) == [(5, "data_missing", 100.0)]
    # Session 24 is the 20th clean one.
    assert said(found, "reject") == [(t, 0, "health") for t in range(6, 24)]
    assert said(found, "enter") == [(0, 0, "0"), (24, 0, "0")]


def test_missing_two_days_twice_starts_the_count_again() -> None:
    closes = np.full(40, 100.0)
    closes[[3, 4, 14]] = NAN
    market = quiet_market(closes)
    found = run(market, entries(market, *((t, 0) for t in range(5, 40) if t != 14)))
    assert said(found, "enter") == [(34, 0, "0")]


def test_split_mid_position() -> None:
    split = np.ones((5, 1))
    split[2] = 2.0
    market = quiet_market([100.0, 100.0, 50.0, 50.0, 50.0], split_ratio=split)
    found = run(market, entries(market, (0, 0)))
    position = found.positions_at_end[0]
    assert found.equity.tolist() == [100_000.0] * 5
    assert (position["quantity"], position["entry_price"], position["stop"]) == (300.0, 50.0, 48.0)
    assert found.trades.size == 0


@pytest.mark.parametrize("has_open", [True, False])
def test_split_mid_position_pays_the_fraction(has_open: bool) -> None:
    split = np.ones((4, 1))
    split[2] = 1.5
    opening = np.array([[100.0], [100.0], [70.0 if has_open else NAN], [70.0]])
    market = quiet_market([100.0, 100.0, 70.0 if has_open else NAN, 70.0], open=opening, split_ratio=split)
    found = run(market, entries(market, (0, 0)), max_position=0.1510)
    position = found.positions_at_end[0]
    # 151 x 1.5 = 226.5: half a share at the open, or at two thirds of the last close without one.
    assert position["quantity"] == 226
    assert found.cash[2] - found.cash[1] == pytest.approx(35.0 if has_open else 100 / 3, rel=1e-12)


def test_split_mid_position_of_a_trade_that_is_closed() -> None:
    split = np.ones((6, 1))
    split[2] = 2.0
    market = quiet_market([100.0, 100.0, 50.0, 55.0, 55.0, 55.0], split_ratio=split, fee_bps=10.0)
    found = run(market, entries(market, (0, 0), exits=[[(3, 0)]]), {"exit_signal": 0})
    trade = found.trades[0]
    pnl = 300 * 55 * (1 - 0.001) - 150 * 100 * (1 + 0.001)
    assert (trade["quantity"], trade["entry_price"], trade["stop_price"]) == (300.0, 50.0, 48.0)
    assert trade["pnl"] == pytest.approx(pnl)
    assert trade["return"] == pytest.approx(pnl / 15_000)
    assert trade["r_multiple"] == pytest.approx(pnl / (150 * 4))
    assert found.equity[-1] == pytest.approx(100_000 + pnl)


def test_dividend() -> None:
    dividend = np.zeros((6, 1))
    dividend[[1, 3, 4, 5]] = [[7.0], [1.5], [2.0], [9.0]]
    market = quiet_market([100.0, 100.0, 100.0, 98.5, 96.5, 96.5], cash_dividend=dividend)
    found = run(market, entries(market, (0, 0), exits=[[(3, 0)]]), {"exit_signal": 0})
    # Bought at the open of an ex-session: no dividend. Held the evening before: paid, also when sold at that open.
    assert np.diff(found.cash).tolist() == [-15_000.0, 0.0, 225.0, 300.0 + 150 * 96.5, 0.0]
    assert found.equity.tolist() == [100_000.0] * 5 + [100_000.0]
    trade = found.trades[0]
    assert (trade["entry_price"], trade["exit_price"], trade["pnl"]) == (100.0, 96.5, 0.0)


def test_delisting() -> None:
    closes = [100.0, 100.0, 100.0, 97.0, NAN, NAN]
    delisted, listed = (quiet_market(closes, delisted=t, fee_bps=10.0) for t in (3, -1))
    found, unaware = (run(market, entries(market, (0, 0))) for market in (delisted, listed))
    assert exits_of(found) == [(3, "delisted", 97.0)]
    assert found.trades["exit_fee"].tolist() == pytest.approx([150 * 97 / 1000])
    assert found.trades["exit_slippage_bps"].tolist() == [0.0]
    assert found.equity[3:].tolist() == pytest.approx([100_000 - 150 * 3 - 15 - 150 * 97 / 1000] * 3)
    assert found.equity[:3].tobytes() == unaware.equity[:3].tobytes()


def test_long_halt() -> None:
    """Bought at 100, halted 15 sessions, open again at 10: sold there, far off as it is; 150 x (10 - 100) is lost."""
    market = quiet_market([100.0, 100.0, *[NAN] * 15, 10.0, 10.0], fillable=_FIRST_TWO_AND_LAST)
    found = run(market, entries(market, (0, 0)))
    assert said(found, "exit") == [(3, 0, "data_missing")]
    assert said(found, "hold") == [(11, 0, "frozen")]
    assert exits_of(found) == [(17, "data_missing", 10.0)]
    assert found.equity.tolist() == [100_000.0] * 17 + [86_500.0] * 2
    assert found.positions.tolist() == [0, *[1] * 16, 0, 0]
    # The gross of a frozen position stays: 15,000 of 100,000.
    assert found.gross_exposure[16] == 0.15


#: Of 19 sessions: the open of session 17 is too far from the last close for anything but an exit at a loss.
_FIRST_TWO_AND_LAST = np.array([[True]] * 2 + [[False]] * 16 + [[True]])


def test_long_halt_that_nothing_ends() -> None:
    market = quiet_market([100.0, 100.0, 98.0, *[NAN] * 12])
    found = run(market, entries(market, (0, 0)))
    assert said(found, "exit") == [(4, 0, "data_missing")]
    assert said(found, "hold") == [(12, 0, "frozen")]
    assert found.trades.size == 0
    assert found.positions_at_end["mark"].tolist() == [98.0]
    assert (found.frozen_at_end.tolist(), found.equity[-1]) == ([True], 99_700.0)


def test_long_halt_that_ends_at_an_unconfirmed_gain() -> None:
    """Open at 300 after a long halt: no sale there, but at the next open, which is near the close before."""
    fillable = np.array([[True]] * 2 + [[False]] * 13 + [[True]])
    market = quiet_market(
        [100.0, 100.0, *[NAN] * 12, 300.0, 290.0],
        fillable=fillable,
        present=np.array([[t in (0, 1, 15)] for t in range(16)]),
    )
    found = run(market, entries(market, (0, 0)))
    assert found.equity[14] == 100_000.0  # the gain waits
    assert exits_of(found) == [(15, "data_missing", 290.0)]


def _delisted(**value: float) -> Market:
    return quiet_market([100.0, 100.0, 100.0, 97.0, NAN, NAN], delisted=3, **value)


@pytest.mark.parametrize(
    ("value", "price"),
    [({"delisting_value": 12.5}, 12.5), ({"delisting_value": 0.0}, 0.0), ({"delisting_return": -0.3}, 97 * 0.7)],
)
def test_delisting_at_the_recorded_value(value: dict[str, float], price: float) -> None:
    market = _delisted(**value)
    found, unaware = (run(each, entries(each, (0, 0))) for each in (market, market._replace(delisted=np.array([-1]))))
    assert exits_of(found) == [(3, "delisted", pytest.approx(price))]
    assert found.equity[3] == pytest.approx(100_000 - 150 * (100 - price))
    assert found.equity[:3].tobytes() == unaware.equity[:3].tobytes()


@pytest.mark.parametrize("delisted", [3, 5, -1])
def test_crash_on_last_bar(delisted: int) -> None:
    """150 x (100 - 10) is lost on the day, whether the end is on record that day, later or never."""
    present = np.array([[True], [True], [True], [False], [False], [False]])
    market = quiet_market([100.0, 100.0, 100.0, 10.0, NAN, NAN], present=present, delisted=delisted)
    found = run(market, entries(market, (0, 0)))
    assert found.equity.tolist() == [100_000.0] * 3 + [86_500.0] * 3
    assert exits_of(found) == ([(delisted, "delisted", 10.0)] if delisted >= 0 else [])


def test_delisting_after_an_unconfirmed_gain() -> None:
    """The last bar says 300 and nothing follows: what nobody confirmed is not booked."""
    present = np.array([[True], [True], [True], [False], [False]])
    market = quiet_market([100.0, 100.0, 100.0, 300.0, NAN], present=present, delisted=4)
    found = run(market, entries(market, (0, 0)))
    assert exits_of(found) == [(4, "delisted", 100.0)]


def test_collapse_is_no_unit() -> None:
    """17.5, 1.09, 0.0100, 0.00005: each close is marked on its day; after two it is sold at the first open, 0.00005."""
    closes = [17.5, 17.5, 1.09, 0.0100, 0.00005, 0.00005]
    present = np.array([[True], [True], [False], [False], [False], [True]])
    fillable = np.array([[True], [True], [False], [False], [False], [True]])
    market = quiet_market(closes, present=present, fillable=fillable, atr=0.35)
    found = run(market, entries(market, (0, 0)))
    quantity = found.fills["quantity"][0]
    assert quantity == 857  # 15,000 / 17.5, whole shares
    lost = [quantity * (17.5 - close) for close in closes]
    assert found.equity.tolist() == pytest.approx([100_000 - each for each in lost])
    assert exits_of(found) == [(4, "data_missing", 0.00005)]
    assert found.trades["unexplained_moves"].tolist() == [2]


def test_special_dividend_stop() -> None:
    """Microsoft pays 3.08 on 2004-11-15: closes 29.97 before and 27.39 on that day, a stop of 28.00 becomes 24.92.

    Bought at 30 with a stop 1 x ATR below, which is 2: 27.39 is below 28.00 and above 24.92.
    """
    dividend = np.array([[0.0], [0.0], [0.0], [3.08], [0.0]])
    market = quiet_market([30.0, 30.0, 29.97, 27.39, 27.40], cash_dividend=dividend)
    found = run(market, entries(market, (0, 0)), {"stop_atr": 1.0})
    assert found.positions_at_end["stop"].tolist() == [pytest.approx(24.92)]
    assert (said(found, "exit"), found.trades.size) == ([], 0)
    without = run(market._replace(cash_dividend=0 * dividend), entries(market, (0, 0)), {"stop_atr": 1.0})
    assert said(without, "exit") == [(3, 0, "hard_stop")]


def test_special_dividend_stop_with_a_split_on_the_day() -> None:
    """(96 - 6) / 2 = 45: the dividend is of an old share."""
    split, dividend = np.ones((4, 1)), np.zeros((4, 1))
    split[2], dividend[2] = 2.0, 6.0
    market = quiet_market([100.0, 100.0, 47.0, 47.0], split_ratio=split, cash_dividend=dividend)
    found = run(market, entries(market, (0, 0)))
    assert found.positions_at_end["stop"].tolist() == [45.0]
    assert found.positions_at_end["initial_stop"].tolist() == [48.0]


def test_stop_only_rises() -> None:
    """Raised to 100 - 1 x 2 = 98; a dividend of 5 lowers it to 93, and the same signal raises it no further."""
    dividend = np.zeros((6, 1))
    dividend[3] = 5.0
    market = quiet_market([100.0, 100.0, 100.0, 95.0, 95.0, 92.5], cash_dividend=dividend)
    signals = entries(market, (0, 0), exits=[[(t, 0) for t in range(2, 6)]])
    changes = {"raise_signal": 0, "raised_stop_atr": 1.0}
    stops = [
        float(run(market, signals, changes | {"last_session": last}).positions_at_end["stop"][0])
        for last in range(1, 6)
    ]
    assert stops == [96.0, 98.0, 93.0, 93.0, 93.0]
    assert said(run(market, signals, changes), "exit") == [(5, 0, "hard_stop")]


def test_zero_volume() -> None:
    fillable = np.array([[True], [False], [True], [True], [False], [False], [True]])
    market = quiet_market([100.0, 100.0, 100.0, 99.0, 98.0, 97.0, 96.5], fillable=fillable, tradable=fillable)
    found = run(market, entries(market, (0, 0), (1, 0), exits=[[(3, 0)]]), {"exit_signal": 0})
    # The entry is cancelled and decided anew; the exit waits for a bar to fill on.
    assert said(found, "reject") == [(1, 0, "no_fill")]
    assert found.trades["entry_session"].tolist() == [2]
    assert exits_of(found) == [(6, "rule", 96.5)]
