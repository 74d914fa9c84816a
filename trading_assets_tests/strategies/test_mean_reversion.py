"""Setbacks in an uptrend, against plain loops over the bars."""

from __future__ import annotations

import statistics

import polars as pl
import pytest

from trading_assets.strategies import mean_reversion
from trading_assets.strategies.interface.panel import evaluate
from trading_assets_tests.strategies.panels import panel
from trading_assets_tests.strategies.test_reference_rules import closes


def test_setbacks_are_closes_two_deviations_below_their_mean_in_an_uptrend() -> None:
    wanted, reverted = set(), set()
    for symbol, bars in closes().items():
        for t in range(19, len(bars)):
            window = [close for _, close in bars[t - 19 : t + 1]]
            z = (window[-1] - statistics.fmean(window)) / statistics.stdev(window)
            trend = statistics.fmean(close for _, close in bars[t - 199 : t + 1]) if t >= 199 else None
            if trend is not None and window[-1] > trend and z < -2:
                wanted.add((bars[t][0], symbol))
            if z > 0:
                reverted.add((bars[t][0], symbol))
    rules = mean_reversion.rules(mean_reversion.Parameters())
    found = evaluate(rules, panel("mean_reversion"))
    fires = found.filter("eligible", pl.col("strength_0") >= rules.triggers[0].threshold)
    assert set(fires.select("session", "symbol").iter_rows()) == wanted
    assert set(found.filter("exit_reverted").select("session", "symbol").iter_rows()) == reverted
    assert len(wanted) > 20


@pytest.mark.parametrize(("z", "fires"), [(-2.0, False), (-2.0000001, True)])
def test_a_setback_is_strictly_below_its_threshold(z: float, fires: bool) -> None:
    rules = mean_reversion.rules(mean_reversion.Parameters())
    depth = pl.select(pl.lit(z).alias("zscore_20")).select(rules.triggers[0].strength).item()
    assert (depth >= rules.triggers[0].threshold) is fires
