"""The stress scenarios of the house (trading rules, section 7), in the words of the configuration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from trading_assets.config.robustness import StressScenario
from trading_assets.config.sections import Interval

BASE = "base"
BEAR_MONTHS, RANGE_MONTHS = "bear_months", "range_months"
#: The base run without what it gained across extreme moves that nothing on record explains; where it crossed one.
WITHOUT_UNEXPLAINED_GAINS = "without_unexplained_gains"
UNEXPLAINED_DELISTINGS = "unexplained_delistings"
#: No change of the inputs: the run as it is, and its sessions and trades of some months.
RUNS_OF_THE_BASE = (BASE, BEAR_MONTHS, RANGE_MONTHS, WITHOUT_UNEXPLAINED_GAINS)
#: The verdict needs these multiples of the slippage, whatever else is configured.
VERDICT_MULTIPLIERS = (2.0, 3.0)
DROPPED_SHARES = (0.05, 0.10, 0.20)
#: Falls of the market that a strategy may have lived through.
HISTORICAL_WINDOWS = {
    "window_2000_03_to_2002_10": Interval(start=dt.date(2000, 3, 1), end=dt.date(2002, 10, 31)),
    "window_2008_h2": Interval(start=dt.date(2008, 7, 1), end=dt.date(2008, 12, 31)),
    "window_2020_q1": Interval(start=dt.date(2020, 1, 1), end=dt.date(2020, 3, 31)),
    "window_2022_h1": Interval(start=dt.date(2022, 1, 1), end=dt.date(2022, 6, 30)),
}


def slippage_scenario(multiplier: float) -> str:
    """Name of the scenario with slippage times `multiplier`."""
    return f"slippage_{multiplier:g}x"


def built_in(slippage_multipliers: Sequence[float]) -> dict[str, StressScenario]:
    """Return scenarios that change the inputs, by name."""
    multipliers = sorted({*slippage_multipliers, *VERDICT_MULTIPLIERS})
    return {
        **{slippage_scenario(m): StressScenario(slippage=m) for m in multipliers if m != 1},
        "fees_3x": StressScenario(fees=3, borrow=3),
        "one_session_later": StressScenario(delay=1),
        "flash_crash": StressScenario(crash_sessions="quarterly"),
        **{f"dropped_bars_{share * 100:g}pct": StressScenario(drop_bars=share) for share in DROPPED_SHARES},
        UNEXPLAINED_DELISTINGS: StressScenario(unexplained_delistings=True),
        "correlation_one": StressScenario(correlation_one=True),
        **{name: StressScenario(window=window) for name, window in HISTORICAL_WINDOWS.items()},
    }
