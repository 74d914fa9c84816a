"""What the catalogue says of a feature is true of it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.config.sections import AssetClass
from trading_assets.features.catalog import FEATURES, catalog_table
from trading_assets.features.daily import daily_features
from trading_assets.features.feature import Feature
from trading_assets.features.tables import CATALOG, DAILY, INDICATORS
from trading_assets.market_data.tables import BARS
from trading_assets_tests.features.markets import market, scaled

SESSIONS = 700
SUNDAY = 500 - 500 % 7 + 6  # the market starts on a Monday
BENCHMARKS: dict[AssetClass, str] = {"crypto": "AAA"}
RECURSIVE = [feature for feature in FEATURES if feature.lookback is None]
WINDOWED = [feature for feature in FEATURES if feature.lookback is not None]


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return market(sessions=SESSIONS, asset_class="crypto", weekends=True)


@pytest.fixture(scope="module")
def features(bars: pl.DataFrame) -> pl.DataFrame:
    return daily_features(bars, BENCHMARKS)


def test_columns_have_names_of_their_own() -> None:
    columns = [feature.column for feature in FEATURES]
    assert len(columns) >= 45
    assert len(set(columns)) == len(columns)
    # Rules see bars, indicators and features side by side.
    assert not set(columns) & {*BARS.columns, *INDICATORS.columns}


def test_table_lists_every_feature_once() -> None:
    table = catalog_table()
    CATALOG.validate(table)
    assert sorted(feature.column for feature in FEATURES) == table["feature"].to_list()
    assert table["name"].to_list() == [
        f"{category}.{provider}.{feature}"
        for category, provider, feature in table.select("category", "provider", "feature").iter_rows()
    ]
    assert table.filter(pl.col("lookback").is_null())["provider"].unique().to_list() == ["talib"]


def test_a_recursive_feature_states_its_warm_up() -> None:
    with pytest.raises(ValueError, match="states its warm_up"):
        Feature("x", "momentum", pl.col("close"), None, "", "")


def test_frame_keeps_the_contract(features: pl.DataFrame) -> None:
    DAILY.validate(DAILY.conform(features))
    assert features.columns == ["symbol", "session", *(feature.column for feature in FEATURES)]
    assert features.select("symbol", "session").equals(features.select("symbol", "session").sort("symbol", "session"))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.column)
def test_first_value_comes_after_the_warm_up(feature: Feature, features: pl.DataFrame) -> None:
    nulls = features.filter(pl.col("symbol") == "BBB")[feature.column].is_null().to_list()
    assert nulls == [index < feature.warm_up for index in range(SESSIONS)]


@pytest.mark.parametrize("lookback", sorted({feature.lookback for feature in WINDOWED if feature.lookback}))
def test_value_depends_on_its_lookback_only(lookback: int, bars: pl.DataFrame, features: pl.DataFrame) -> None:
    columns = [feature.column for feature in WINDOWED if feature.lookback == lookback]
    days = features["session"].unique().sort()
    last = days[SUNDAY]
    within = pl.col("session") <= last
    enough = daily_features(bars.filter(within & (pl.col("session") >= days[SUNDAY - lookback])), BENCHMARKS)
    short = daily_features(bars.filter(within & (pl.col("session") > days[SUNDAY - lookback])), BENCHMARKS)
    for column in columns:
        at_last = [frame.filter(pl.col("session") == last)[column] for frame in (features, enough, short)]
        # Rolling sums carry the rounding of what has left the window; third and fourth moments most of it.
        np.testing.assert_allclose(at_last[1], at_last[0], rtol=1e-8, atol=1e-9, err_msg=column)
        assert at_last[2].null_count() == len(at_last[2]), column


@pytest.mark.parametrize("feature", RECURSIVE, ids=lambda feature: feature.column)
def test_recursive_value_forgets(feature: Feature, bars: pl.DataFrame, features: pl.DataFrame) -> None:
    days = features["session"].unique().sort()
    late = daily_features(bars.filter(pl.col("session") >= days[SESSIONS - 600]), BENCHMARKS)
    # The weight of a bar 500 sessions ago is (13/14)^500 in Wilder's mean of 14, and less in the others.
    np.testing.assert_allclose(
        late.filter(pl.col("session") > days[600])[feature.column],
        features.filter(pl.col("session") > days[600])[feature.column],
        rtol=1e-7,
        atol=1e-10,
    )


def test_features_are_free_of_scale(bars: pl.DataFrame, features: pl.DataFrame) -> None:
    by_symbol = pl.col("symbol").replace_strict({"AAA": 10.0, "BBB": 10.0, "CCC": 1e-6}, return_dtype=pl.Float64)
    for factor, exempt in ((10.0, ()), (1e-9, ()), (by_symbol, ("rank_dollar_volume_20",))):
        other = daily_features(scaled(bars, factor), BENCHMARKS)
        for column in (feature.column for feature in FEATURES if feature.column not in exempt):
            # A square root of what would be zero but for rounding: 1e-16 becomes 1e-8.
            np.testing.assert_allclose(other[column], features[column], rtol=1e-6, atol=1e-7, err_msg=column)
