"""The edge cases of features, by the name they have in the house's table."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config.sections import AssetClass
from trading_assets.features.catalog import FEATURES
from trading_assets.features.daily import daily_features
from trading_assets.features.indicators import INDICATORS, indicators
from trading_assets_tests.features.markets import PRICES, arrays, flagged, market, scaled
from trading_assets_tests.narrow import as_number

BENCHMARKS: dict[AssetClass, str] = {"equity": "AAA"}
COLUMNS = [feature.column for feature in FEATURES]
ACROSS_SYMBOLS = [feature.column for feature in FEATURES if feature.category == "cross_section"]


def everything(bars: pl.DataFrame) -> pl.DataFrame:
    """Features and indicators side by side."""
    return daily_features(bars, BENCHMARKS).join(indicators(bars), on=["symbol", "session"], how="left")


def up_to(frame: pl.DataFrame, session: dt.date) -> pl.DataFrame:
    return frame.filter(pl.col("session") <= session)


@pytest.mark.parametrize("sessions", [0, 1, 2, 10])
def test_insufficient_lookback(sessions: int) -> None:
    bars = market(sessions=20).group_by("symbol", maintain_order=True).head(sessions)
    rows = everything(bars)
    assert rows.height == 3 * sessions
    for feature in FEATURES:
        if feature.warm_up >= sessions:
            assert rows[feature.column].null_count() == rows.height, feature.column
    assert rows.select(list(INDICATORS)).null_count().row(0) == (rows.height,) * len(INDICATORS)


def test_new_listing() -> None:
    bars = market(sessions=120)
    start = bars["session"].unique().sort()[50]
    listed = bars.filter((pl.col("symbol") != "CCC") | (pl.col("session") >= start))
    rows = everything(listed).filter(pl.col("symbol") == "CCC")
    assert rows["session"][0] == start
    for column, warm_up in (("return_20", 20), ("rank_return_20", 20), ("beta_60", 60), ("ma_20", 19), ("adx_14", 27)):
        assert rows[column].is_null().to_list() == [index < warm_up for index in range(70)], column


def broken(bars: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Bars with everything that divides by zero: spells without volume, without movement, and both."""
    rng = np.random.default_rng(seed)
    for _ in range(4):
        first, length = int(rng.integers(0, 100)), int(rng.integers(1, 90))
        spell = pl.int_range(pl.len()).over("symbol").is_between(first, first + length)
        flat = rng.random() < 0.7
        before = pl.col("adj_close").shift(1).over("symbol").fill_null(pl.col("adj_close"))
        held = pl.when(spell).then(None).otherwise(before).forward_fill().over("symbol")
        bars = bars.with_columns(
            *(pl.when(spell & flat).then(held).otherwise(pl.col(name)).alias(name) for name in PRICES),
            pl.when(spell & (rng.random() < 0.7)).then(0.0).otherwise("dollar_volume").alias("dollar_volume"),
        ).with_columns(pl.col(*PRICES).backward_fill().over("symbol"))
    return bars


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_nan_in_features(seed: int) -> None:
    rows = everything(broken(market(sessions=160, seed=seed), seed))
    for column in (*COLUMNS, *INDICATORS):
        assert rows[column].is_finite().all(), column  # ignores nulls: what is undefined is null and nothing else
    for column in ("rsi_14", "stochastic_14", "money_flow_14", "efficiency_ratio_20", "up_share_20", "breadth_50"):
        assert rows[column].drop_nulls().is_between(0, 1).all(), column
    for column in ("correlation_60", "signed_volume_20", "chaikin_money_flow_20", "aroon_25"):
        assert rows[column].drop_nulls().is_between(-1, 1).all(), column


@pytest.mark.parametrize("quiet_from", [0, 150], ids=["always", "after a volatile past"])
def test_constant_series(quiet_from: int) -> None:
    bars = market(sessions=300)
    rows = pl.int_range(pl.len()).over("symbol")
    last = pl.col("adj_close").get(quiet_from).over("symbol")
    volume = pl.col("dollar_volume").get(quiet_from).over("symbol")
    constant = bars.with_columns(
        *(pl.when(rows >= quiet_from).then(last).otherwise(pl.col(name)).alias(name) for name in PRICES),
        pl.when(rows >= quiet_from).then(volume).otherwise("dollar_volume").alias("dollar_volume"),
    )
    at_end = everything(constant).filter(pl.col("symbol") == "BBB").tail(60)
    undefined = ["zscore_20", "zscore_60", "volume_zscore_60", "correlation_60", "beta_60", "autocorrelation_60"]
    undefined += ["return_skew_60", "return_kurtosis_60", "variance_ratio_5_60", "efficiency_ratio_20", "cci_20"]
    undefined += ["rsi_14", "stochastic_14", "money_flow_14", "directional_movement_14", "aroon_25"]
    undefined += ["return_volume_correlation_60", "volatility_ratio_5_60"]
    for column in undefined:
        assert at_end[column].null_count() == at_end.height, column
    for column in ("volatility_5", "volatility_20", "volatility_60", "return_60", "bar_range"):
        assert set(at_end[column]) == {0.0}, column
    assert set(at_end["zero_return_share_60"]) == {1.0}


def test_constant_growth() -> None:
    """Returns that differ in their last bits only have no shape and no correlation."""
    growth = 1.001 ** pl.int_range(pl.len()).over("symbol")
    steady = market(sessions=200).with_columns(growth.cast(pl.Float64).alias(name) for name in PRICES)
    at_end = everything(steady).filter(pl.col("symbol") == "BBB").tail(60)
    undefined = ["correlation_60", "beta_60", "autocorrelation_60", "return_skew_60", "return_kurtosis_60"]
    for column in (*undefined, "variance_ratio_5_60", "volatility_ratio_5_60", "return_volume_correlation_60"):
        assert at_end[column].null_count() == at_end.height, column
    assert as_number(at_end["volatility_60"].max()) < 1e-12


@given(seed=st.integers(0, 10_000), cut=st.integers(0, 159), holes=st.integers(0, 30), change=st.booleans())
@settings(max_examples=25)
def test_prefix_invariance(seed: int, cut: int, holes: int, change: bool) -> None:
    rng = np.random.default_rng(seed)
    bars = broken(market(sessions=160, seed=seed), seed).sample(fraction=1.0, shuffle=True, seed=seed)
    bars = bars.filter(~pl.Series(rng.permutation(bars.height) < holes))
    day = bars["session"].unique().sort().head(cut + 1)[-1]
    whole = up_to(everything(bars), day)
    later = scaled(bars.filter(pl.col("session") > day), 1.7) if change else bars.clear()
    prefix = up_to(everything(pl.concat([up_to(bars, day), later])), day)
    assert whole.equals(prefix, null_equal=True)


def test_append_invariance() -> None:
    bars = market(sessions=330, seed=2)
    days = bars["session"].unique().sort()
    before = everything(up_to(bars, days[299]))
    for count in (300, 301, 329):
        after = everything(up_to(bars, days[count]))
        assert up_to(after, days[299]).equals(before, null_equal=True)


@pytest.mark.parametrize("weekends", [False, True])
def test_higher_timeframe(weekends: bool) -> None:
    bars = market(["AAA"], 250, weekends=weekends)
    features = daily_features(bars, {})
    closes: dict[tuple[int, int], float] = {}
    seen = []
    for session, close, value in zip(
        bars["session"], arrays(bars, "AAA")["close"], features["weekly_close_to_ma_13"], strict=True
    ):
        week = tuple(session.isocalendar())[:2]
        done = [last for key, last in closes.items() if key != week][-13:]
        assert value == (pytest.approx(done[-1] / np.mean(done) - 1, abs=1e-12) if len(done) == 13 else None)
        closes[week] = close
        seen.append(value)
    assert sum(value is not None for value in seen) > 100


def test_higher_timeframe_on_a_wednesday() -> None:
    bars = market(["AAA"], 200)
    days = bars["session"]
    wednesday = days[152]
    assert wednesday.weekday() == 2
    this_week = days.is_between(wednesday - dt.timedelta(days=2), wednesday + dt.timedelta(days=4))
    other = bars.with_columns(pl.when(this_week).then(pl.col(name) * 3).otherwise(pl.col(name)) for name in PRICES)
    for column in ("weekly_close_to_ma_13", "weekly_close_to_ma_26"):
        values = [daily_features(frame, {}).filter(session=wednesday)[column][0] for frame in (bars, other)]
        assert values[0] is not None
        assert values[0] == values[1]


def test_missing_one_day() -> None:
    bars = market(sessions=160)
    day = bars["session"].unique().sort()[140]
    rows = everything(bars.filter((pl.col("symbol") != "BBB") | (pl.col("session") != day)))
    after = rows.filter((pl.col("symbol") == "BBB") & (pl.col("session") > day))
    assert day not in rows.filter(pl.col("symbol") == "BBB")["session"]
    for column in ("rsi_14", "zscore_60", "beta_60", "ma_50", "adx_14", "atr_14_mean_60"):
        assert after[column].null_count() == 0, column


def test_extreme_move() -> None:
    """A flagged bar has no row, is history afterwards, and is seen by nobody at its own session."""
    bars = market(sessions=160)
    day = bars["session"].unique().sort()[140]
    hit = (pl.col("symbol") == "BBB") & (pl.col("session") == day)
    moved = bars.with_columns(
        pl.when((pl.col("symbol") == "BBB") & (pl.col("session") >= day)).then(pl.col(name) * 3).otherwise(name)
        for name in PRICES
    )
    real, spike = everything(flagged(moved, "BBB", day)), everything(bars.filter(~hit))
    assert up_to(real, day).equals(up_to(spike, day), null_equal=True)
    assert real.filter(hit).is_empty()
    later = real.filter((pl.col("symbol") == "BBB") & (pl.col("session") > day))
    expected = arrays(moved, "BBB")["close"]
    assert later["return_5"][0] == pytest.approx(expected[141] / expected[136] - 1)
    assert later["ma_20"][0] == pytest.approx(np.mean(expected[122:142]))


def test_extreme_move_of_the_benchmark() -> None:
    bars = market(sessions=160)
    day = bars["session"].unique().sort()[140]
    hit = (pl.col("symbol") == "AAA") & (pl.col("session") == day)
    real, spike = everything(flagged(bars, "AAA", day)), everything(bars.filter(~hit))
    assert up_to(real, day).equals(up_to(spike, day), null_equal=True)
    at = real.filter((pl.col("symbol") == "BBB") & (pl.col("session") == day))
    for column in ("beta_60", "correlation_60", "relative_strength_20", "market_return_20"):
        assert at[column].to_list() == [None], column


def test_order_independence() -> None:
    bars = market(sessions=160)
    rows = everything(bars)
    assert everything(bars.sample(fraction=1.0, shuffle=True, seed=1)).equals(rows)
    alone = everything(bars.filter(pl.col("symbol").is_in(["AAA", "CCC"])))
    assert alone.drop(ACROSS_SYMBOLS).equals(rows.filter(pl.col("symbol") != "BBB").drop(ACROSS_SYMBOLS))


@pytest.mark.slow
def test_threads() -> None:
    """Any number of threads gives the same bytes."""
    program = (
        "import hashlib, io; from trading_assets_tests.features.test_edge_cases import everything;"
        "from trading_assets_tests.features.markets import market; import polars as pl;"
        "rows = everything(market([f'S{i}' for i in range(9)] + ['AAA'], 300));"
        "print(pl.thread_pool_size(), hashlib.sha256(rows.write_csv(float_precision=None).encode()).hexdigest())"
    )
    outputs = {}
    for threads in ("1", "4"):
        environment = {**os.environ, "POLARS_MAX_THREADS": threads}
        ran = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        outputs[threads] = ran.stdout.split()
    assert [outputs[threads][0] for threads in ("1", "4")] == ["1", "4"]
    assert outputs["1"][1] == outputs["4"][1]


def test_no_split_changes_a_feature() -> None:
    """Forward-adjusted prices do not move at a split, nor does dollar volume: nothing else is looked at."""
    bars = market(sessions=160)
    noise = bars.with_columns(volume=pl.lit(7.0), close=pl.lit(3.0), split_ratio=pl.lit(2.0))
    assert everything(noise).equals(everything(bars))
