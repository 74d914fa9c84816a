"""What an open position makes of a bar that only the next one confirms, computed by hand.

150 shares (or -150) at 100, as in `test_edge_cases.py`; a close that moves by more than half is no bar for signals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.engine.arrays import SCALING_CONTINUOUS, Market
from trading_assets.backtests.engine.simulate import Simulation
from trading_assets.backtests.results.metrics import summarise
from trading_assets.backtests.results.settled_curve import settled, without_unexplained_gains
from trading_assets_tests.backtests.markets import entries, quiet_market
from trading_assets_tests.backtests.runs import ALL_IN, exits_of, number, run, said
from trading_assets_tests.backtests.target_runs import run as run_targets
from trading_assets_tests.backtests.target_runs import targets


def jumpy(closes: Sequence[float], *extreme: int, refuted: tuple[int, ...] = ()) -> Market:
    """A quiet market whose closes at `extreme` no signal may use; the next bar took those of `refuted` back."""
    flags = {name: np.zeros((len(closes), 1), dtype=bool) for name in ("present", "refuted")}
    flags["present"][:] = True
    flags["present"][list(extreme)] = False
    flags["refuted"][list(refuted)] = True
    return quiet_market(closes, **flags)


def held(market: Market) -> Simulation:
    return run(market, entries(market, (0, 0)))


def test_a_loss_is_marked_at_once_and_a_gain_when_it_is_confirmed() -> None:
    """150 x -60 on the day; 150 x 200 a day later."""
    assert held(jumpy([100, 100, 40, 45], 2)).equity.tolist() == [100_000, 100_000, 91_000, 91_750]
    assert held(jumpy([100, 100, 300, 290], 2)).equity.tolist() == [100_000, 100_000, 100_000, 128_500]


def test_for_a_short_a_rise_is_the_loss() -> None:
    """Short 150 at 100: 250 costs 150 x 150 at once, 40 earns 150 x 60 a day later."""
    for closes, equity in (([100, 100, 250, 240], [77_500, 79_000]), ([100, 100, 40, 45], [100_000, 108_250])):
        market = jumpy(closes, 2)
        found = run_targets(market, targets(market, (0, 0, -0.15)), drawdown_limit=0.9)
        assert found.equity[2:].tolist() == pytest.approx(equity, abs=1.0)  # less what borrowing costs


def test_a_session_below_zero_equity_counts_as_exposed() -> None:
    """Short 800 at 100, marked at 300 for a day: 100,000 - 800 x 200 = -60,000, a return of -1.6 and then none.

    Deviations of two returns are 0, 1.6 / sqrt(2), 1.6 / sqrt(2) on the three evenings with a position: today's is
    their median, so nothing is scaled. Without the evening below zero the median would be half of it.
    """
    market = jumpy([100, 100, 300, 100, 100], 2, refuted=(2,))
    found = run_targets(
        market,
        targets(market, (0, 0, -0.8), (3, 0, -0.9)),
        {"scaling": SCALING_CONTINUOUS},
        costs={"borrow_bps": 0.0},
        volatility_window=2,
        volatility_baseline=10,
        volatility_minimum=1,
    )
    assert found.equity.tolist() == [100_000, 100_000, -60_000, 100_000, 100_000]
    assert number(found, "risk_multiplier").tolist() == [1.0, 1.0]


def test_a_second_extreme_bar_confirms_the_first() -> None:
    """The loss of 100 -> 40 -> 10 is marked twice; of 100 -> 300 -> 900 the second close confirms only the 300."""
    fell, rose = held(jumpy([100, 100, 40, 10, 10], 2, 3)), held(jumpy([100, 100, 300, 900, 900], 2, 3))
    assert fell.equity.tolist() == [100_000, 100_000, 91_000, 86_500, 86_500]
    assert rose.equity.tolist() == [100_000, 100_000, 100_000, 130_000, 220_000]
    assert rose.unexplained_moves.tolist() == [0, 0, 1, 2, 1]


def test_a_refuted_loss_stays_in_the_equity_and_leaves_the_settled_one() -> None:
    """The spike to 40 stood for a day: 150 x -60 in the equity, nothing in what metrics are of."""
    market = jumpy([100, 100, 40, 98, 98], 2, refuted=(2,))
    found = held(market)
    assert found.equity.tolist() == [100_000, 100_000, 91_000, 99_700, 99_700]
    assert found.settled_equity.tolist() == [100_000, 100_000, 100_000, 99_700, 99_700]
    assert found.unexplained_moves.tolist() == [0] * 5
    # A run that ends before the next bar knows nothing of it.
    cut = run(market, entries(market, (0, 0)), {"last_session": 2})
    assert cut.settled_equity.tolist() == cut.equity.tolist() == [100_000, 100_000, 91_000]


def test_a_refuted_loss_of_what_is_sold_at_the_next_open_is_made_again() -> None:
    """Ordered out before the spike, on which nothing traded; sold at 98, at the open of the bar that refutes it."""
    market = jumpy([100, 100, 40, 98, 98], 2, refuted=(2,))
    market.fillable[2] = market.tradable[2] = False
    found = run(market, entries(market, (0, 0), exits=[[(1, 0)]]), {"exit_signal": 0})
    assert exits_of(found) == [(3, "rule", 98.0)]
    assert found.equity.tolist() == [100_000, 100_000, 91_000, 99_700, 99_700]
    assert found.settled_equity[2] == 100_000


def test_a_refuted_gain_was_never_marked() -> None:
    found = held(jumpy([100, 100, 300, 101, 101], 2, refuted=(2,)))
    assert found.equity.tolist() == found.settled_equity.tolist() == [100_000, 100_000, 100_000, 100_150, 100_150]


@pytest.mark.parametrize(("refuted", "fires"), [((), [3]), ((2,), [])])
def test_the_breaker_waits_for_the_bar_that_confirms(refuted: tuple[int, ...], fires: list[int]) -> None:
    """All in at 100: 40 is a drawdown of 60 %, beyond the limit of 20 %; the breaker fires a bar later, or never."""
    market = jumpy([100, 100, 40, 98 if refuted else 40, 98 if refuted else 40], 2, refuted=refuted)
    found = run(market, entries(market, (0, 0)), {"stop_atr": 45.0}, **ALL_IN)
    assert [t for t, _, reason in said(found, "exit") if reason == "drawdown_halt"] == fires


def test_the_daily_loss_limit_waits_for_the_bar_that_confirms() -> None:
    """15 % x -60 % = -9 % is beyond 2 %: no entry on the day it is confirmed, and none is refused on the day before."""
    closes = np.column_stack([[100.0, 100, 40, 40, 40, 40], np.full(6, 100.0)])
    present = np.ones((6, 2), dtype=bool)
    present[2, 0] = False
    market = quiet_market(closes, present=present)
    found = run(market, entries(market, (0, 0), (2, 1), (3, 1), (4, 1)), {"stop_atr": 50.0}, max_position=0.15)
    assert (2, 1, "daily_loss_limit") not in said(found, "reject")
    signals = entries(market, (0, 0), (3, 1), (4, 1))
    later = run(market, signals, {"stop_atr": 50.0}, max_position=0.15, risk_per_trade=0.15)
    assert said(later, "reject") == [(3, 1, "daily_loss_limit")]


def test_a_split_without_a_record_fires_no_stop_on_its_day() -> None:
    """2-for-1 without a record: 46 % down is no stop until the next bar stays there; then it is."""
    found = held(jumpy([100, 100, 54, 53, 53], 2))
    assert said(found, "exit") == [(3, 0, "hard_stop")]
    assert found.equity[2] == 100_000 - 150 * 46
    assert found.trades["unexplained_moves"].tolist() == [1]
    assert said(held(jumpy([100, 100, 54, 101, 101], 2, refuted=(2,))), "exit") == []


def test_a_split_divides_what_waits_for_its_confirmation() -> None:
    """A gain to 300 is confirmed by 148 after a 2-for-1 split: 300 x 148 - 150 x 100."""
    split = np.ones((5, 1))
    split[3] = 2.0
    market = jumpy([100, 100, 300, 148, 148], 2)._replace(split_ratio=split)
    assert held(market).equity.tolist() == [100_000, 100_000, 100_000, 129_400, 129_400]
    again = jumpy([100, 100, 300, 400, 400], 2, 3)._replace(split_ratio=split)
    assert held(again).equity.tolist() == [100_000, 100_000, 100_000, 130_000, 205_000]


def curve(equity: list[float], settled_equity: list[float], moves: list[int]) -> pl.DataFrame:
    frame = pl.DataFrame({"equity": equity, "settled_equity": settled_equity, "unexplained_moves": moves})
    change = (pl.col("equity") / pl.col("equity").shift(1, fill_value=100.0) - 1).alias("daily_return")
    return frame.with_row_index("session").with_columns(
        change, drawdown=pl.col("equity") / pl.col("equity").cum_max() - 1, gross_exposure=0.5
    )


def test_metrics_are_of_the_settled_curve_and_the_drawdown_is_of_both() -> None:
    """100, 60 (refuted: 100), 110: no drawdown, or 40 % with the mark as it stood."""
    no_trades = pl.DataFrame(schema=dict.fromkeys(("pnl", "r_multiple", "hold_sessions"), pl.Float64))
    frame = settled(curve([100.0, 60.0, 110.0], [100.0, 100.0, 110.0], [0, 0, 0]))
    assert frame["daily_return"].to_list() == pytest.approx([0.0, 0.0, 0.1])
    assert frame["drawdown"].to_list() == pytest.approx([0.0, 0.0, 0.0])
    trades = no_trades.with_columns(exit_session=pl.lit(None, pl.Int64), symbol=pl.lit(None, pl.String))
    names: tuple[str, ...] = ("quantity", "entry_price", "exit_price", "entry_fee", "exit_fee", "borrow_cost")
    names += ("slippage_cost",)
    trades = trades.with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)
    found = summarise(frame, trades, periods_per_year=252)
    assert found["max_drawdown"] == 0.0
    assert found["max_drawdown_marked"] == pytest.approx(-0.4)


def test_a_curve_without_refuted_marks_keeps_its_bits() -> None:
    random = np.random.default_rng(3).uniform(90, 110, 50)
    frame = curve(list(random), list(random), [0] * 50)
    same = settled(frame)
    for name in ("equity", "daily_return", "drawdown"):
        assert same[name].to_numpy().tobytes() == frame[name].to_numpy().tobytes()


def test_what_was_gained_across_an_unexplained_move_is_left_out_and_losses_stay() -> None:
    frame = settled(curve([100.0, 200.0, 150.0, 165.0], [100.0, 200.0, 150.0, 165.0], [0, 1, 1, 0]))
    trades = pl.DataFrame(
        {"pnl": [5.0, -5.0, 7.0], "return": [0.1, -0.1, 0.2], "r_multiple": [1.0, -1.0, 2.0]}
    ).with_columns(unexplained_moves=pl.Series([1, 1, 0]))
    less, fewer = without_unexplained_gains(frame, trades)
    assert less["daily_return"].to_list() == pytest.approx([0.0, 0.0, -0.25, 0.1])
    assert fewer.rows() == [(0.0, 0.0, 0.0, 1), (-5.0, -0.1, -1.0, 1), (7.0, 0.2, 2.0, 0)]
