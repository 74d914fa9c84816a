"""The broker's books at the marks of the account, by hand."""

from __future__ import annotations

import polars as pl
import pytest

from trading_assets.trading.divergence.tracking import LiveCurve, live_curve
from trading_assets_tests.trading.divergence.accounts import DAYS, broker_fill, broker_fills, engine_fill, engine_fills

#: Closes of AAA: 10, 11, 12, 6 (a split of 2 for 1), 7.
CLOSES, RATIOS, DIVIDENDS = [10.0, 11.0, 12.0, 6.0, 7.0], [1.0, 1.0, 1.0, 2.0, 1.0], [0.0, 0.0, 0.5, 0.0, 0.0]
BARS = pl.DataFrame(
    {
        "symbol": ["AAA"] * 5,
        "session": DAYS[:5],
        "close": CLOSES,
        "split_ratio": RATIOS,
        "cash_dividend": DIVIDENDS,
    }
)


def curve(engine: list[dict[str, object]], broker: list[dict[str, object]], bars: pl.DataFrame = BARS) -> LiveCurve:
    equity = pl.DataFrame({"session": DAYS[:5], "equity": [1000.0, 1010.0, 1020.0, 1030.0, 1040.0]})
    told = broker_fills(*broker).with_columns(pair_id=pl.lit(None, pl.String))
    return live_curve(equity, 1000.0, told, engine_fills(*engine), bars)


def test_the_same_fills_are_the_same_equity() -> None:
    fills = [engine_fill(1), engine_fill(4, side="sell")]
    found = curve(fills, [broker_fill(each) for each in fills])
    assert found.live.tolist() == found.paper.tolist()
    assert found.differences.tolist() == [0.0] * 5
    assert found.paper_returns[:2] == pytest.approx([0.0, 0.01])


def test_a_dearer_fill_costs_its_difference_for_good() -> None:
    """Ten units at 10.03 in place of 10.01: 0.20 less from then on."""
    fill = engine_fill(1)
    found = curve([fill], [broker_fill(fill, price=10.03)])
    assert found.live - found.paper == pytest.approx([0.0, -0.2, -0.2, -0.2, -0.2])
    assert found.differences[1] == pytest.approx(1009.8 / 1000 - 1010 / 1000)


def test_a_missed_entry_lacks_gains_dividends_and_splits() -> None:
    """Ten units at 10.01 that the broker has not: +100.10 cash, less 110, then less 120 and a dividend of 5, split."""
    found = curve([engine_fill(1)], [])
    assert found.live - found.paper == pytest.approx(
        [0.0, 100.1 - 110, 100.1 - 120 - 5, 100.1 - 120 - 5, 100.1 - 140 - 5]
    )


def test_a_symbol_without_a_bar_keeps_its_mark() -> None:
    found = curve([engine_fill(1)], [], BARS.filter(pl.col("session") != DAYS[2]))
    assert (found.live - found.paper)[2] == pytest.approx(100.1 - 110)


def test_what_has_ended_is_paid_out_to_both() -> None:
    """The engine's ten units are paid 9.00 each; so are the eight of the broker."""
    ending = engine_fill(3, side="sell", quantity=20.0, price=4.5, raw_price=4.5, reason="delisted")
    fill = engine_fill(1)
    found = curve([fill, ending], [broker_fill(fill, quantity=8.0)])
    assert (found.live - found.paper)[3:] == pytest.approx([20 * 1.001 - 4 * 4.5 - 1.0] * 2)
