"""The rules of the comparison of independent columns: crosses of two means, a stop, fees and slippage."""

from __future__ import annotations

import itertools

#: (fast, slow, stop): the windows in sessions, the stop as a fraction below the entry.
SETS = [
    (fast, slow, stop)
    for (fast, slow), stop in itertools.product(
        itertools.product((5, 10, 15, 20, 30), (50, 80, 120, 160, 200)), (0.02, 0.05, 0.1, 0.2)
    )
]
CASH, FEE_BPS, SLIPPAGE_BPS = 100_000.0, 1.0, 8.0
