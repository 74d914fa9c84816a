"""What the catalogue says of a feature is true of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from trading_assets.config.sections import AssetClass
from trading_assets.features import categories
from trading_assets.features.catalog import FEATURES, catalog_table, find_categories
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
#: Models draw columns by their place, so another order would be another model. New ones come behind their category.
COLUMNS = """
    return_5 return_20 return_60 return_120 momentum_12_1 overnight_return intraday_return rsi_2 rsi_14
    macd_histogram trix_15 aroon_25 stochastic_14 up_share_20 directional_movement_14 directional_balance_14
    close_to_ma_20 close_to_ma_50 close_to_ma_200 ma_20_to_ma_50 ma_50_to_ma_200 ma_50_slope_20 close_to_high_20
    close_to_high_55 close_to_high_250 close_to_low_250 regression_slope_20 efficiency_ratio_20
    weekly_close_to_ma_13 weekly_close_to_ma_26 volatility_5 volatility_20 volatility_60 volatility_ratio_5_60
    atr_14_to_close atr_14_to_mean_60 parkinson_20 garman_klass_20 downside_volatility_20 bar_range return_skew_60
    return_kurtosis_60 worst_return_20 volume_ratio_20 volume_trend_5_60 volume_zscore_60 money_flow_14
    chaikin_money_flow_20 signed_volume_20 return_volume_correlation_60 amihud_ratio_20_120 corwin_schultz_20
    roll_spread_60 zero_return_share_60 zero_volume_share_20 volume_dispersion_20 zscore_20 zscore_60 cci_20
    autocorrelation_60 variance_ratio_5_60 close_to_vwap_20 close_to_ema_20 weekday_sin weekday_cos month_sin
    month_cos beta_60 correlation_60 idiosyncratic_volatility_60 relative_strength_20 relative_strength_60
    market_return_20 market_volatility_20 market_close_to_ma_200 rank_return_20 rank_return_60 rank_momentum_12_1
    rank_volatility_60 rank_zscore_20 rank_dollar_volume_20 excess_return_20 breadth_50
"""


WritePackage = Callable[..., ModuleType]


@pytest.fixture
def write_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WritePackage]:
    """Make a package of modules with the given texts; it is forgotten afterwards."""
    name = f"categories_of_{tmp_path.name}"

    def write(**texts: str) -> ModuleType:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        for module, text in texts.items():
            (tmp_path / name / f"{module}.py").write_text(text)
        return importlib.import_module(name)

    monkeypatch.syspath_prepend(tmp_path)
    yield write
    for loaded in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[loaded]


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


def test_columns_keep_their_order() -> None:
    """A column more goes into this list where it stands; one that moves changes every model."""
    assert [feature.column for feature in FEATURES] == COLUMNS.split()


def test_every_module_of_a_category_is_found_in_order_of_position() -> None:
    files = {path.stem for path in Path(categories.__path__[0]).glob("*.py")} - {"__init__"}
    found = find_categories()
    assert {category.__name__.rpartition(".")[2] for category in found} == files
    positions = [category.POSITION for category in found]
    assert positions == sorted(set(positions))


def test_a_new_module_is_a_new_category(write_package: WritePackage) -> None:
    """By position, not by name."""
    package = write_package(alpha="FEATURES, POSITION = (), 20", beta="FEATURES, POSITION = (), 10")
    assert [category.__name__.rpartition(".")[2] for category in find_categories(package)] == ["beta", "alpha"]


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"alpha": "POSITION = 10"}, r"alpha is a category of features without FEATURES"),
        ({"alpha": "FEATURES = ()"}, r"alpha is a category of features without POSITION"),
        (dict.fromkeys(("alpha", "beta"), "FEATURES, POSITION = (), 10"), r"beta has the position 10.*alpha"),
    ],
)
def test_order_is_not_left_to_chance(write_package: WritePackage, modules: dict[str, str], message: str) -> None:
    package = write_package(**modules)
    with pytest.raises(ValueError, match=message):
        find_categories(package)


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
