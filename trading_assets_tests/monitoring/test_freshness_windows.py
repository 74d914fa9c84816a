"""Windows by the market: a weekend is no trouble of an exchange, a day without a bar is one of `24/7`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from trading_assets.market_data.calendars import sessions
from trading_assets.monitoring.freshness_windows import window_of
from trading_assets_tests.monitoring.rules.situations import configured

EQUITY = {"source": "synthetic", "asset_class": "equity"}
CRYPTO = {"source": "synthetic", "asset_class": "crypto", "calendar": "24/7"}


@pytest.mark.parametrize(("sources", "hours"), [([EQUITY], 144), ([CRYPTO], 50), ([EQUITY, CRYPTO], 50)])
def test_the_market_that_rests_least_decides(tmp_path: Path, sources: list[dict[str, Any]], hours: int) -> None:
    window = window_of(configured(tmp_path, market_data=sources))
    assert window is not None and window.stale == dt.timedelta(hours=hours) and window.warn < window.stale


def test_nothing_ages_where_the_end_is_fixed(tmp_path: Path) -> None:
    assert window_of(configured(tmp_path, as_of="2020-01-31")) is None


def test_no_usual_break_of_new_york_is_longer_than_the_warning(tmp_path: Path) -> None:
    """From a session's run to the next one's, in twenty years without one whose exchange closed by surprise."""
    window = window_of(configured(tmp_path))
    days = sessions("XNYS", dt.date(2013, 1, 1), dt.date(2026, 12, 31))
    assert window is not None and days.diff().max() <= window.warn  # type: ignore[operator]
