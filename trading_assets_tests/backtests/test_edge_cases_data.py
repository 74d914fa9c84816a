"""The rows "Data" of the edge cases that an open position meets, computed by hand.

The quiet market of `test_edge_cases.py`: 150 shares at 100, a stop at 96.
"""

from __future__ import annotations

import numpy as np
import pytest

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


def test_delisting_after_ten_missing_sessions() -> None:
    market = quiet_market([100.0, 100.0, 98.0, *[NAN] * 12])
    found = run(market, entries(market, (0, 0)))
    assert said(found, "exit") == [(4, 0, "data_missing"), (12, 0, "delisted")]
    assert exits_of(found) == [(12, "delisted", 98.0)]
    assert found.trades["hold_sessions"].tolist() == [2]


def test_zero_volume() -> None:
    fillable = np.array([[True], [False], [True], [True], [False], [False], [True]])
    market = quiet_market([100.0, 100.0, 100.0, 99.0, 98.0, 97.0, 96.5], fillable=fillable)
    found = run(market, entries(market, (0, 0), (1, 0), exits=[[(3, 0)]]), {"exit_signal": 0})
    # The entry is cancelled and decided anew; the exit waits for a bar to fill on.
    assert said(found, "reject") == [(1, 0, "no_fill")]
    assert found.trades["entry_session"].tolist() == [2]
    assert exits_of(found) == [(6, "rule", 96.5)]
