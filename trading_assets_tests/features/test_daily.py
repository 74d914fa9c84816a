from __future__ import annotations

import polars as pl
import pytest

from trading_assets.features.catalog import FEATURES
from trading_assets.features.daily import daily_features, with_sources
from trading_assets_tests.features.by_hand import bars


def test_a_completed_week_is_seen_from_the_next_monday_on() -> None:
    """Days in a row from a Monday, closes of 100 for 13 weeks, 140 on the last Sunday: mean 1340 / 13 of 13 weeks."""
    closes = [100.0] * 90 + [140.0, 1.0, 1.0]
    rows = daily_features(bars(closes), {"equity": "AAA"}).sort("session")
    column = "weekly_close_to_ma_13"
    assert rows[column][90] is None, "Sunday itself knows twelve whole weeks"
    assert rows[column][91] == rows[column][92] == pytest.approx(140 / ((12 * 100 + 140) / 13) - 1)


def test_a_feature_brings_those_it_is_computed_from() -> None:
    found = [feature.column for feature in with_sources(["rank_momentum_12_1"])]
    assert {"rank_momentum_12_1", "momentum_12_1"} <= set(found)
    assert "zscore_60" not in found
    assert found == [feature.column for feature in FEATURES if feature.column in found]


def test_a_part_of_the_features_has_the_values_of_all() -> None:
    rows = bars([100.0 + (number * 7) % 13 for number in range(80)])
    whole = daily_features(rows, {"equity": "AAA"})
    part = daily_features(rows, {"equity": "AAA"}, with_sources(["rank_return_20"]))
    assert part.equals(whole.select(part.columns))
    assert isinstance(part, pl.DataFrame)
