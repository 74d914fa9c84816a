"""The page says what was measured, and what was measured is what a verdict is for."""

from __future__ import annotations

import numpy as np
import pytest

from trading_assets_tests.benchmarks.go_rate import MARKS, PAGE, SHARPES, TRENDS, markdown, sharpe_of, stored, trend_of
from trading_assets_tests.benchmarks.table import replaced


def test_the_page_has_the_table_of_the_last_measurement() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert replaced(page, *MARKS, markdown(stored())) == page


def test_go_is_rare_without_an_edge_and_common_with_a_large_one() -> None:
    *levels, leaky = stored()
    assert [level["sharpe"] for level in levels] == list(SHARPES)
    rates = [level["results"].get("go", 0) / level["markets"] for level in levels]
    assert rates[0] < 0.05 and rates[-1] >= 0.5
    assert rates == sorted(rates), "a larger edge is no less often found"
    assert leaky["results"]["stopped"] == leaky["markets"]
    assert all(sum(level["results"].values()) == level["markets"] for level in levels)


def test_a_trend_is_looked_up_between_those_measured() -> None:
    sharpes = [number / 2 for number in range(len(TRENDS))]
    assert trend_of(0.0, sharpes) == 0.0
    assert trend_of(0.75, sharpes) == pytest.approx((TRENDS[1] + TRENDS[2]) / 2)
    with pytest.raises(ValueError, match="no trend for a Sharpe ratio of 9"):
        trend_of(9, sharpes)
    with pytest.raises(ValueError, match="no trend"):
        trend_of(1, [0.0, 0.5, 0.4, *sharpes[3:]])


def test_the_sharpe_ratio_of_all_days_together() -> None:
    runs = [np.array([0.01, 0.03]), np.array([0.02])]
    assert sharpe_of(runs) == pytest.approx(0.02 / 0.01 * 252**0.5)
