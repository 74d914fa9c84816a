"""Breakouts of stocks in an uptrend, on rows made by hand."""

from __future__ import annotations

import pytest

from trading_assets.strategies import equity_momentum
from trading_assets_tests.strategies.test_strategies import at, row


def test_equities_need_a_close_above_a_rising_mean() -> None:
    assert at(equity_momentum, row(101.0))["eligible"]
    assert not at(equity_momentum, row(89.0))["eligible"]
    assert not at(equity_momentum, row(101.0), trend_slope=0.011)["eligible"]
    assert not at(equity_momentum, row(101.0, ma_50=None))["eligible"]
    weak = row(101.0, roc_60=0.05)
    assert at(equity_momentum, weak)["eligible"]
    assert not at(equity_momentum, weak, relative_strength_filter=True)["eligible"]


@pytest.mark.parametrize(("close", "below"), [(96.0, (False, False)), (94.0, (True, False)), (89.0, (True, True))])
def test_exits_are_closes_below_the_means(close: float, below: tuple[bool, bool]) -> None:
    found = at(equity_momentum, row(close))
    assert (found["exit_ma_20"], found["exit_ma_50"]) == below
