from __future__ import annotations

import polars as pl
import pytest

from trading_assets_tests.features.by_hand import bars, last


def test_ranks_and_excess_by_hand() -> None:
    """Returns of 10, 20 and 30 %: ranks (1 - 0.5) / 3, (2 - 0.5) / 3, (3 - 0.5) / 3; the median is 20 %."""
    rows = pl.concat(
        [
            bars([100.0] * 20 + [100.0 * (1 + gain)], symbol=symbol)
            for symbol, gain in (("AAA", 0.1), ("BBB", 0.2), ("CCC", 0.3))
        ]
    )
    for symbol, rank, excess in (("AAA", 0.5 / 3, -0.1), ("BBB", 0.5, 0.0), ("CCC", 2.5 / 3, 0.1)):
        assert last(rows, "rank_return_20", symbol) == pytest.approx(rank)
        assert last(rows, "excess_return_20", symbol) == pytest.approx(excess, abs=1e-12)


def test_a_symbol_alone_is_in_the_middle() -> None:
    assert last(bars([100.0] * 20 + [110.0]), "rank_return_20") == 0.5
