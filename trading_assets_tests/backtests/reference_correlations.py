"""How the twin's holdings move together."""

from __future__ import annotations

import math
from typing import Any

from trading_assets_tests.backtests.reference_arithmetic import mean_of, pearson


class Correlations:
    """Part of the reference engine: of the symbols held, all on one side, so that no sign matters."""

    m: Any
    s: Any
    held: dict[int, Any]

    def portfolio_correlation(self, t: int) -> float | None:
        """Mean over the pairs of holdings; None when the limit is inactive."""
        if len(self.held) < self.s.correlation_positions:
            return None
        symbols = sorted(self.held)
        pairs = [(i, j) for n, i in enumerate(symbols) for j in symbols[n + 1 :]]
        return mean_of([self.pair(t, i, j) for i, j in pairs])

    def correlation_to_holdings(self, t: int, i: int) -> float | None:
        return mean_of([self.pair(t, i, j) for j in sorted(self.held)])

    def pair(self, t: int, i: int, j: int) -> float | None:
        window = self.s.correlation_window
        rows = self.m.returns[max(t - 2 * window + 1, 0) : t + 1]
        common = [(row[i], row[j]) for row in rows if not (math.isnan(row[i]) or math.isnan(row[j]))]
        if len(common) < window:
            return None
        return pearson(common[-window:])
