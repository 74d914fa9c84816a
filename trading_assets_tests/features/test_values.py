"""Every feature and indicator against TA-Lib's own Python package or a twin that looks at one window at a time."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import talib
from scipy import stats

from trading_assets.features.catalog import FEATURES
from trading_assets.features.daily import daily_features
from trading_assets.features.indicators import INDICATORS, indicators
from trading_assets.features.tables import INDICATORS as INDICATORS_TABLE
from trading_assets_tests.features.markets import arrays, market

SESSIONS = 420
Arrays = dict[str, np.ndarray]
Twin = Callable[[Arrays, int], float]


def _r(a: Arrays, t: int, n: int) -> np.ndarray:
    """The last n log returns."""
    return np.diff(np.log(a["close"][t - n : t + 1]))


def _last(name: str, function: Callable[[np.ndarray], float], n: int) -> Twin:
    return lambda a, t: function(a[name][t - n + 1 : t + 1])


def _mean(a: Arrays, t: int, n: int) -> float:
    return float(np.mean(a["close"][t - n + 1 : t + 1]))


def _return(n: int) -> Twin:
    return lambda a, t: a["close"][t] / a["close"][t - n] - 1


def _to_mean(n: int) -> Twin:
    return lambda a, t: a["close"][t] / _mean(a, t, n) - 1


def _volatility(n: int) -> Twin:
    return lambda a, t: float(np.std(_r(a, t, n), ddof=1))


def _z(values: np.ndarray) -> float:
    return float((values[-1] - np.mean(values)) / np.std(values, ddof=1))


def _money_flow(a: Arrays, t: int) -> float:
    typical = (a["high"] + a["low"] + a["close"]) / 3
    flow = typical * a["dollars"] / a["close"]
    days = range(t - 13, t + 1)
    up = sum(flow[i] for i in days if typical[i] > typical[i - 1])
    return float(up / (up + sum(flow[i] for i in days if typical[i] < typical[i - 1])))


def _chaikin(a: Arrays, t: int) -> float:
    days = range(t - 19, t + 1)
    location = [(2 * a["close"][i] - a["high"][i] - a["low"][i]) / (a["high"][i] - a["low"][i]) for i in days]
    return float(np.average(location, weights=[a["dollars"][i] for i in days]))


def _corwin_schultz(a: Arrays, t: int) -> float:
    spreads = []
    for i in range(t - 19, t + 1):
        high, low = a["high"][i - 1 : i + 1], a["low"][i - 1 : i + 1]
        beta = float(np.sum(np.log(high / low) ** 2))
        gamma = math.log(max(high) / min(low)) ** 2
        k = 3 - 2 * math.sqrt(2)
        alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / k - math.sqrt(gamma / k)
        spreads.append(max(2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha)), 0))
    return float(np.mean(spreads))


def _roll(a: Arrays, t: int) -> float:
    covariance = np.cov(_r(a, t, 60), _r(a, t - 1, 60))[0, 1]
    return 2 * math.sqrt(max(-covariance, 0))


def _amihud(a: Arrays, t: int) -> float:
    def illiquidity(n: int) -> float:
        return float(np.sum(np.abs(_r(a, t, n))) / np.sum(a["dollars"][t - n + 1 : t + 1]))

    return illiquidity(20) / illiquidity(120)


def _variance_ratio(a: Arrays, t: int) -> float:
    log = np.log(a["close"])
    five = [log[i] - log[i - 5] for i in range(t - 59, t + 1)]
    return float(np.var(five, ddof=1) / (5 * np.var(_r(a, t, 64), ddof=1)))


def _garman_klass(a: Arrays, t: int) -> float:
    window = slice(t - 19, t + 1)
    hl = np.log(a["high"][window] / a["low"][window]) ** 2
    co = np.log(a["close"][window] / a["open"][window]) ** 2
    return math.sqrt(np.mean(hl / 2 - (2 * math.log(2) - 1) * co))


TWINS: dict[str, Twin] = {
    **{f"return_{n}": _return(n) for n in (5, 20, 60, 120)},
    "momentum_12_1": lambda a, t: a["close"][t - 21] / a["close"][t - 252] - 1,
    "overnight_return": lambda a, t: a["open"][t] / a["close"][t - 1] - 1,
    "intraday_return": lambda a, t: a["close"][t] / a["open"][t] - 1,
    "stochastic_14": lambda a, t: (
        (a["close"][t] - min(a["low"][t - 13 : t + 1]))
        / (max(a["high"][t - 13 : t + 1]) - min(a["low"][t - 13 : t + 1]))
    ),
    "up_share_20": lambda a, t: float(np.mean(_r(a, t, 20) > 0)),
    **{f"close_to_ma_{n}": _to_mean(n) for n in (20, 50, 200)},
    "ma_20_to_ma_50": lambda a, t: _mean(a, t, 20) / _mean(a, t, 50) - 1,
    "ma_50_to_ma_200": lambda a, t: _mean(a, t, 50) / _mean(a, t, 200) - 1,
    "ma_50_slope_20": lambda a, t: _mean(a, t, 50) / _mean(a, t - 20, 50) - 1,
    "close_to_high_20": lambda a, t: a["close"][t] / max(a["close"][t - 20 : t]) - 1,
    "close_to_high_55": lambda a, t: a["close"][t] / max(a["close"][t - 55 : t]) - 1,
    "close_to_high_250": lambda a, t: a["close"][t] / max(a["high"][t - 249 : t + 1]) - 1,
    "close_to_low_250": lambda a, t: a["close"][t] / min(a["low"][t - 249 : t + 1]) - 1,
    "regression_slope_20": lambda a, t: float(np.polyfit(range(20), np.log(a["close"][t - 19 : t + 1]), 1)[0]),
    "efficiency_ratio_20": lambda a, t: float(abs(np.sum(_r(a, t, 20))) / np.sum(np.abs(_r(a, t, 20)))),
    **{f"volatility_{n}": _volatility(n) for n in (5, 20, 60)},
    "volatility_ratio_5_60": lambda a, t: _volatility(5)(a, t) / _volatility(60)(a, t),
    "parkinson_20": lambda a, t: math.sqrt(
        np.mean(np.log(a["high"][t - 19 : t + 1] / a["low"][t - 19 : t + 1]) ** 2) / (4 * math.log(2))
    ),
    "garman_klass_20": _garman_klass,
    "downside_volatility_20": lambda a, t: math.sqrt(np.mean(np.minimum(_r(a, t, 20), 0) ** 2)),
    "bar_range": lambda a, t: (a["high"][t] - a["low"][t]) / a["close"][t],
    "return_skew_60": lambda a, t: stats.skew(_r(a, t, 60)),
    "return_kurtosis_60": lambda a, t: stats.kurtosis(_r(a, t, 60), fisher=False),
    "worst_return_20": lambda a, t: min(_r(a, t, 20)),
    "volume_ratio_20": lambda a, t: a["dollars"][t] / np.mean(a["dollars"][t - 19 : t + 1]),
    "volume_trend_5_60": lambda a, t: float(
        np.mean(a["dollars"][t - 4 : t + 1]) / np.mean(a["dollars"][t - 59 : t + 1])
    ),
    "volume_zscore_60": _last("dollars", _z, 60),
    "money_flow_14": _money_flow,
    "chaikin_money_flow_20": _chaikin,
    "signed_volume_20": lambda a, t: float(np.average(np.sign(_r(a, t, 20)), weights=a["dollars"][t - 19 : t + 1])),
    "return_volume_correlation_60": lambda a, t: np.corrcoef(_r(a, t, 60), a["dollars"][t - 59 : t + 1])[0, 1],
    "amihud_ratio_20_120": _amihud,
    "corwin_schultz_20": _corwin_schultz,
    "roll_spread_60": _roll,
    "zero_return_share_60": lambda a, t: float(np.mean(_r(a, t, 60) == 0)),
    "zero_volume_share_20": _last("dollars", lambda values: float(np.mean(values == 0)), 20),
    "volume_dispersion_20": _last("dollars", lambda values: float(stats.variation(values, ddof=1)), 20),
    "zscore_20": _last("close", _z, 20),
    "zscore_60": _last("close", _z, 60),
    "autocorrelation_60": lambda a, t: np.corrcoef(_r(a, t, 60), _r(a, t - 1, 60))[0, 1],
    "variance_ratio_5_60": _variance_ratio,
    "close_to_vwap_20": lambda a, t: (
        a["close"][t] / np.average(a["close"][t - 19 : t + 1], weights=a["dollars"][t - 19 : t + 1]) - 1
    ),
}

HLC = ("high", "low", "close")
TALIB: dict[str, Callable[[Arrays], np.ndarray]] = {
    "rsi_2": lambda a: talib.RSI(a["close"], 2) / 100,
    "rsi_14": lambda a: talib.RSI(a["close"], 14) / 100,
    "macd_histogram": lambda a: talib.MACD(a["close"], 12, 26, 9)[2] / a["close"],
    "trix_15": lambda a: talib.TRIX(a["close"], 15) / 100,
    "aroon_25": lambda a: talib.AROONOSC(a["high"], a["low"], 25) / 100,
    "directional_movement_14": lambda a: talib.ADX(*(a[x] for x in HLC), 14) / 100,
    "directional_balance_14": lambda a: (
        (talib.PLUS_DI(*(a[x] for x in HLC), 14) - talib.MINUS_DI(*(a[x] for x in HLC), 14)) / 100
    ),
    "atr_14_to_close": lambda a: talib.NATR(*(a[x] for x in HLC), 14) / 100,
    "atr_14_to_mean_60": lambda a: talib.ATR(*(a[x] for x in HLC), 14) / _trailing(_atr(a), 60, np.mean),
    "cci_20": lambda a: talib.CCI(*(a[x] for x in HLC), 20) / 100,
    "close_to_ema_20": lambda a: a["close"] / talib.EMA(a["close"], 20) - 1,
}


def _atr(a: Arrays) -> np.ndarray:
    """Wilder: the mean of the first 14 true ranges, then 13/14 of the last value and 1/14 of the new range."""
    high, low, before = a["high"][1:], a["low"][1:], a["close"][:-1]
    true_range = np.maximum(high - low, np.maximum(abs(high - before), abs(low - before)))
    values = [float(np.mean(true_range[:14]))]
    for value in true_range[14:]:
        values.append((values[-1] * 13 + value) / 14)
    return np.concatenate([np.full(14, np.nan), values])


def _trailing(values: np.ndarray, n: int, function: Callable[[np.ndarray], float]) -> np.ndarray:
    return np.array([function(values[i - n + 1 : i + 1]) if i >= n - 1 else np.nan for i in range(len(values))])


LEVELS: dict[str, Callable[[Arrays], np.ndarray]] = {
    "ma_20": lambda a: talib.SMA(a["close"], 20),
    "ma_50": lambda a: talib.SMA(a["close"], 50),
    "ma_200": lambda a: talib.SMA(a["close"], 200),
    "atr_14": _atr,
    "atr_14_mean_60": lambda a: _trailing(_atr(a), 60, np.mean),
    "roc_60": lambda a: talib.ROCP(a["close"], 60),
    "highest_close_20": lambda a: _trailing(np.concatenate([[np.nan], a["close"][:-1]]), 20, np.max),
    "highest_close_55": lambda a: _trailing(np.concatenate([[np.nan], a["close"][:-1]]), 55, np.max),
    "adv_20": lambda a: _trailing(a["dollars"], 20, np.mean),
    "adx_14": lambda a: talib.ADX(*(a[x] for x in HLC), 14),
}


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    calm = market(sessions=SESSIONS, seed=3)
    quiet = pl.int_range(pl.len()).over("symbol") % 41 == 17  # some sessions without volume
    return calm.with_columns(pl.when(quiet).then(0.0).otherwise("dollar_volume").alias("dollar_volume"))


@pytest.fixture(scope="module")
def features(bars: pl.DataFrame) -> pl.DataFrame:
    return daily_features(bars, {"equity": "AAA"})


def _column(frame: pl.DataFrame, symbol: str, column: str) -> np.ndarray:
    return frame.filter(pl.col("symbol") == symbol)[column].fill_null(np.nan).to_numpy()


@pytest.mark.parametrize("column", TWINS)
def test_feature_equals_its_twin(column: str, bars: pl.DataFrame, features: pl.DataFrame) -> None:
    values = _column(features, "BBB", column)
    rows = arrays(bars, "BBB")
    first = next(feature.warm_up for feature in FEATURES if feature.column == column)
    expected = [TWINS[column](rows, t) for t in range(first, SESSIONS)]
    # Rolling sums against sums of one window: rounding only. Square roots of near zero lose half the digits.
    np.testing.assert_allclose(values[first:], expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("column", TALIB)
def test_feature_equals_talib(column: str, bars: pl.DataFrame, features: pl.DataFrame) -> None:
    expected = TALIB[column](arrays(bars, "BBB"))
    np.testing.assert_allclose(_column(features, "BBB", column), expected, rtol=1e-9, atol=1e-11)


def test_money_flow_is_talibs(bars: pl.DataFrame, features: pl.DataFrame) -> None:
    a = arrays(bars, "CCC")
    expected = talib.MFI(a["high"], a["low"], a["close"], a["dollars"] / a["close"], 14) / 100
    np.testing.assert_allclose(_column(features, "CCC", "money_flow_14"), expected, rtol=1e-9)


@pytest.mark.parametrize("column", INDICATORS)
def test_indicator_equals_an_independent_one(column: str, bars: pl.DataFrame) -> None:
    frame = indicators(bars)
    INDICATORS_TABLE.validate(INDICATORS_TABLE.conform(frame))
    expected = LEVELS[column](arrays(bars, "CCC"))
    np.testing.assert_allclose(_column(frame, "CCC", column), expected, rtol=1e-11)


def test_against_the_benchmark(bars: pl.DataFrame, features: pl.DataFrame) -> None:
    own, market_ = arrays(bars, "BBB"), arrays(bars, "AAA")
    for t in range(60, SESSIONS, 7):
        y, x = _r(own, t, 60), _r(market_, t, 60)
        line = stats.linregress(x, y)
        row = features.filter(pl.col("symbol") == "BBB").row(t, named=True)
        assert row["beta_60"] == pytest.approx(line.slope, rel=1e-9)
        assert row["correlation_60"] == pytest.approx(line.rvalue, rel=1e-9)
        residual = y - line.intercept - line.slope * x
        assert row["idiosyncratic_volatility_60"] == pytest.approx(np.std(residual, ddof=1), rel=1e-8)
        for n in (20, 60):
            expected = _return(n)(own, t) - _return(n)(market_, t)
            assert row[f"relative_strength_{n}"] == pytest.approx(expected, rel=1e-9)
        assert row["market_return_20"] == pytest.approx(_return(20)(market_, t), rel=1e-12)
        assert row["market_volatility_20"] == pytest.approx(_volatility(20)(market_, t), rel=1e-9)


def test_a_hole_on_either_side_leaves_both_returns_over_the_same_days(bars: pl.DataFrame) -> None:
    days = bars["session"].unique().sort()
    hole = ((pl.col("symbol") == "BBB") & (pl.col("session") == days[200])) | (
        (pl.col("symbol") == "AAA") & (pl.col("session") == days[210])
    )
    features = daily_features(bars.filter(~hole), {"equity": "AAA"}).filter(pl.col("symbol") == "BBB")
    kept = np.delete(np.arange(SESSIONS), [200, 210])
    y, x = (np.diff(np.log(arrays(bars, symbol)["close"][kept])) for symbol in ("BBB", "AAA"))
    at = features.filter(pl.col("session") == days[230]).row(0, named=True)
    position = int(np.searchsorted(kept, 230))
    expected = np.corrcoef(y[position - 60 : position], x[position - 60 : position])[0, 1]
    assert at["correlation_60"] == pytest.approx(expected, rel=1e-9)
    assert features.filter(pl.col("session") == days[210])["correlation_60"].to_list() == [None]


def test_cross_section(bars: pl.DataFrame, features: pl.DataFrame) -> None:
    day = features["session"].unique().sort()[300]
    rows = features.filter(pl.col("session") == day).sort("symbol")
    for column, of in (("rank_return_20", "return_20"), ("rank_volatility_60", "volatility_60")):
        np.testing.assert_allclose(rows[column], (stats.rankdata(rows[of]) - 0.5) / 3, rtol=1e-15)
    np.testing.assert_array_equal(rows["excess_return_20"], rows["return_20"] - np.median(rows["return_20"]))
    np.testing.assert_array_equal(rows["breadth_50"], np.mean(rows["close_to_ma_50"].to_numpy() > 0))


def test_a_cross_section_is_over_the_members_of_its_session() -> None:
    """Ten members beside ten that join later, which have risen: the members' mean rank is 0.5.

    The joiners rise by 1 % a day, so that all ten rank above the members if all twenty are ranked: the members' mean
    rank would be ((1 + ... + 10) / 10 - 0.5) / 20 = 0.25. Of the ten alone it is (5.5 - 0.5) / 10 = 0.5.
    """
    names = [f"M{n}" for n in range(10)] + [f"J{n}" for n in range(10)]
    bars = market(names, 120)
    joins = bars["session"].unique().sort()[100]
    risen = pl.col("symbol").str.starts_with("J") & (pl.col("session") > dt.date(2018, 1, 1))
    day = (pl.col("session") - dt.date(2018, 1, 1)).dt.total_days()
    grown = [
        pl.when(risen).then(pl.col(f"adj_{name}") * (0.01 * day).exp()).otherwise(f"adj_{name}").alias(f"adj_{name}")
        for name in ("open", "high", "low", "close")
    ]
    bars = bars.with_columns(grown)
    spells = pl.DataFrame(
        {"symbol": names, "asset_class": "equity", "start": [dt.date(2018, 1, 1)] * 10 + [joins] * 10}
    )
    universe = spells.with_columns(end=pl.lit(None, pl.Date))
    features = daily_features(bars, {"equity": "M0"}, universe=universe)
    cross = [feature.column for feature in FEATURES if feature.category == "cross_section"]
    before = features.filter(pl.col("session") < joins)
    members, others = (before.filter(pl.col("symbol").str.starts_with(first)) for first in ("M", "J"))
    assert others.select(pl.col(cross).count()).row(0) == (0,) * len(cross)
    assert others["relative_strength_20"].count() > 0
    ranks = [name for name in cross if name.startswith("rank")]
    means = members.drop_nulls("rank_return_60").group_by("session").agg(pl.col(ranks).mean())
    for name in ("rank_return_20", "rank_return_60", "rank_volatility_60", "rank_dollar_volume_20"):
        np.testing.assert_allclose(means[name], 0.5, rtol=1e-12)
    alone = daily_features(bars.filter(pl.col("symbol").str.starts_with("M")), {"equity": "M0"})
    assert members.equals(alone.filter(pl.col("session") < joins), null_equal=True)
    everybody = daily_features(bars, {"equity": "M0"})
    unlike = everybody.filter(pl.col("session") == before["session"].max(), pl.col("symbol").str.starts_with("M"))
    assert unlike.select(pl.col("rank_return_60").mean()).item() < 0.3
    after = pl.col("session") >= joins
    assert features.filter(after).select(cross).equals(everybody.filter(after).select(cross), null_equal=True)


def test_a_member_that_leaves_has_no_place_in_later_sessions(bars: pl.DataFrame) -> None:
    days = bars["session"].unique().sort()
    universe = pl.DataFrame(
        {"symbol": ["AAA", "BBB", "CCC"], "asset_class": "equity", "start": days[0], "end": [None, None, days[200]]}
    )
    features = daily_features(bars, {"equity": "AAA"}, universe=universe)
    ranks = features.filter(pl.col("session").is_in([days[200], days[201]])).sort("session", "symbol")["rank_return_20"]
    assert sorted(ranks[:3]) == pytest.approx([1 / 6, 3 / 6, 5 / 6])
    assert sorted(ranks[3:5]) == pytest.approx([1 / 4, 3 / 4]) and ranks[5] is None


def test_asset_classes_do_not_mix(bars: pl.DataFrame, features: pl.DataFrame) -> None:
    coins = market(["X1", "X2"], 400, seed=5, asset_class="crypto", weekends=True)
    index = market(["IDX"], SESSIONS, seed=6, asset_class="index")
    mixed = daily_features(pl.concat([bars, coins, index]), {"equity": "AAA", "crypto": "X1"})
    assert mixed.filter(pl.col("symbol").is_in(["AAA", "BBB", "CCC"])).equals(features)
    assert mixed.filter(pl.col("symbol") == "IDX")["beta_60"].null_count() == SESSIONS
    assert set(mixed.filter(pl.col("symbol") == "IDX")["rank_return_20"].drop_nulls()) == {0.5}


def test_an_index_can_be_the_benchmark_of_the_shares(bars: pl.DataFrame) -> None:
    index = market(["IDX"], SESSIONS, seed=6, asset_class="index")
    features = daily_features(pl.concat([bars, index]), {"equity": "IDX"})
    expected = np.corrcoef(_r(arrays(bars, "BBB"), 100, 60), _r(arrays(index, "IDX"), 100, 60))[0, 1]
    assert features.filter(pl.col("symbol") == "BBB")["correlation_60"][100] == pytest.approx(expected, rel=1e-9)


def test_calendar_is_a_circle() -> None:
    frame = daily_features(market(["A"], 14, asset_class="crypto", weekends=True), {})
    angle = np.arctan2(frame["weekday_sin"].to_numpy(), frame["weekday_cos"].to_numpy()) % (2 * np.pi)
    np.testing.assert_allclose(angle * 7 / (2 * np.pi), [day % 7 for day in range(14)], atol=1e-9)
    assert frame["session"][0] == dt.date(2018, 1, 1)
    np.testing.assert_allclose(frame["month_cos"], 1.0)


def test_every_feature_has_an_independent_value() -> None:
    elsewhere = {"calendar", "market_relative", "cross_section"}
    weekly = {feature.column for feature in FEATURES if feature.scope == "week"}  # test_edge_cases.py
    own = {feature.column for feature in FEATURES if feature.category not in elsewhere}
    assert own == {*TWINS, *TALIB, *weekly}
    assert set(LEVELS) == set(INDICATORS)
