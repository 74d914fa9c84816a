"""Where the audit cuts."""

from __future__ import annotations

import polars as pl

from trading_assets.robustness.look_ahead.cuts import cuts_of, seed_of
from trading_assets_tests.robustness.look_ahead.test_audit import DAYS, market_snapshot


def test_half_are_on_the_eve_of_a_fill_and_every_fold_has_one() -> None:
    whole = market_snapshot()
    fills = {DAYS[100], DAYS[200], DAYS[300]}
    scores = pl.DataFrame({"symbol": "AAA", "session": DAYS[150:250], "fold": [0] * 50 + [1] * 50, "score": 0.5})
    found = cuts_of(whole.days, 6, seed_of(whole), first_decision=DAYS[60], fills=fills, scores=[scores])
    assert {DAYS[150], DAYS[200]} <= set(found)
    assert found == sorted(found) and found[0] >= DAYS[60]
    drawn = set(found) - {DAYS[150], DAYS[200]}
    assert len(drawn & {DAYS[99], DAYS[199], DAYS[299]}) >= 1
    assert found == cuts_of(whole.days, 6, seed_of(whole), first_decision=DAYS[60], fills=fills, scores=[scores])
