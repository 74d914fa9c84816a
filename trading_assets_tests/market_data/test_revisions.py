"""Bars as they were on record, against a record that was kept at the time."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets.market_data.quality import VALUES
from trading_assets.market_data.revisions import as_known, reconcile
from trading_assets.market_data.tables import RAW_BARS, REVISIONS
from trading_assets_tests.market_data.markets import NOW, SESSIONS, received

MOMENTS = [NOW + dt.timedelta(days=number) for number in range(5)]
BARS = st.dictionaries(
    st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(SESSIONS[:3])),
    st.tuples(st.sampled_from([10.0, 11.0, 12.0]), st.sampled_from([None, 5.0])),
)


@settings(max_examples=80)
@given(st.lists(BARS, min_size=2, max_size=5))
@pytest.mark.slow
def test_every_delivery_is_found_again(deliveries: list[dict[tuple[str, dt.date], tuple[float, float | None]]]) -> None:
    """Bars come, change, go, and come again; after each delivery the record is what `as_known` says later."""
    raw, revisions, kept = RAW_BARS.empty(), REVISIONS.empty(), []
    for moment, delivery in zip(MOMENTS, deliveries, strict=False):
        rows = [
            {"symbol": symbol, "session": session, "close": close, "volume": volume}
            for (symbol, session), (close, volume) in sorted(delivery.items())
        ]
        found = reconcile(raw, received(rows).drop("occurrence", "ingested_at"), moment)
        raw, revisions = found.raw_bars, pl.concat([revisions, found.revisions])
        kept.append(raw.select("symbol", "session", "occurrence", *VALUES).sort("symbol", "session"))
    for moment, record in zip(MOMENTS, kept, strict=False):
        assert_frame_equal(as_known(raw, revisions, moment), record)
    assert as_known(raw, revisions, MOMENTS[0] - dt.timedelta(seconds=1)).is_empty()
