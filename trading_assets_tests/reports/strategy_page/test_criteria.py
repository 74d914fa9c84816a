"""The table of criteria: what was measured, needed, and whether it passed."""

from __future__ import annotations

from trading_assets.reports.strategy_page.criteria import criteria_table
from trading_assets_tests.reports.strategy_page.test_first_screen import VERDICT


def test_each_criterion_is_a_row_in_words() -> None:
    rows = [[cell.text for cell in row] for row in criteria_table(VERDICT).rows]
    assert rows[0] == ["independent bets in the holdout", "39", "at least 30", "yes", "enough to judge"]
    assert rows[2][1:] == ["–", "at least 95.0%", "no", "must hold"]
    assert rows[3][1:] == ["–", "at most 50.0%", "–", "must hold"]
    assert rows[5] == ["at best conditional: it may be one of survivors", "–", "–", "no", "no go with it"]
