"""The gate of the weeks, against plain loops over the bars."""

from __future__ import annotations

import statistics

from trading_assets.strategies import equity_momentum, multi_timeframe
from trading_assets.strategies.interface.panel import evaluate
from trading_assets_tests.strategies.panels import panel
from trading_assets_tests.strategies.test_reference_rules import closes


def test_entries_wait_for_a_week_that_closed_above_both_of_its_means() -> None:
    """The gate of each session, from the closes of the weeks (Monday to Sunday) before its own."""
    up = set()
    for symbol, bars in closes().items():
        weeks: dict[tuple[int, int], float] = {}
        for session, close in bars:
            year, week, _ = session.isocalendar()
            before = [value for key, value in weeks.items() if key < (year, week)]
            if len(before) >= 26 and all(before[-1] > statistics.fmean(before[-n:]) for n in (13, 26)):
                up.add((session, symbol))
            weeks[year, week] = close
    seen = panel("multi_timeframe")
    daily = evaluate(equity_momentum.rules(equity_momentum.Parameters()), seen).filter("eligible")
    gated = evaluate(multi_timeframe.rules(multi_timeframe.Parameters()), seen).filter("eligible")
    wanted = up & set(daily.select("session", "symbol").iter_rows())
    assert set(gated.select("session", "symbol").iter_rows()) == wanted
    assert 0 < len(wanted) < daily.height
