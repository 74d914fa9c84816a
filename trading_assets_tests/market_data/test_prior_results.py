from __future__ import annotations

import datetime as dt

from trading_assets.market_data.prior_results import NO_PRIOR_RESULTS


def test_a_run_that_checks_everything_knows_nothing_before() -> None:
    assert NO_PRIOR_RESULTS.since == dt.date.min
    assert all(frame.is_empty() for frame in NO_PRIOR_RESULTS[1:])
    assert NO_PRIOR_RESULTS.reasons.columns == ["symbol", "session", "occurrence", "rule"]
    assert NO_PRIOR_RESULTS.calendars.columns == ["calendar", "session"]
