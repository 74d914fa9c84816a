"""Volatility: how far the price swings, by closes and by ranges, per session and not annualised."""

from __future__ import annotations

import math

from trading_assets.features.compiled.expression import atr, where
from trading_assets.features.compiled.words import BARS, CLOSE, HIGH, LOW, OPEN, RETURN
from trading_assets.features.feature import Feature, varies

_RANGE_SQUARED = (HIGH / LOW).log() ** 2
_GARMAN_KLASS = 0.5 * _RANGE_SQUARED - (2 * math.log(2) - 1) * (CLOSE / OPEN).log() ** 2
_ATR = atr(BARS, 14)


def _volatility(sessions: int) -> Feature:
    return Feature(
        column=f"volatility_{sessions}",
        category="volatility",
        expression=RETURN.rolling_std(sessions),
        lookback=sessions,
        description=f"standard deviation of {sessions} log returns",
        source="definition",
    )


POSITION = 30
FEATURES = (
    *(_volatility(sessions) for sessions in (5, 20, 60)),
    Feature(
        column="volatility_ratio_5_60",
        category="volatility",
        expression=where(varies(RETURN, 60), RETURN.rolling_std(5) / RETURN.rolling_std(60)),
        lookback=60,
        description="volatility of 5 sessions over that of 60",
        source="definition",
    ),
    Feature(
        column="atr_14_to_close",
        category="volatility",
        provider="talib",
        expression=_ATR / CLOSE,
        lookback=None,
        warm_up=14,
        description="average true range of 14 sessions over the close",
        source="Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib",
    ),
    Feature(
        column="atr_14_to_mean_60",
        category="volatility",
        provider="talib",
        expression=_ATR / _ATR.rolling_mean(60),
        lookback=None,
        warm_up=73,
        description="average true range of 14 sessions over its mean of 60",
        source="trading rules, section 5",
    ),
    Feature(
        column="parkinson_20",
        category="volatility",
        expression=(_RANGE_SQUARED.rolling_mean(20) / (4 * math.log(2))).clip(0).sqrt(),
        lookback=19,
        description="deviation a session from the high-low ranges of 20 sessions",
        source="Parkinson, Journal of Business 53 (1980)",
    ),
    Feature(
        column="garman_klass_20",
        category="volatility",
        expression=_GARMAN_KLASS.rolling_mean(20).clip(0).sqrt(),
        lookback=19,
        description="deviation a session from open, high, low and close of 20 sessions",
        source="Garman and Klass, Journal of Business 53 (1980)",
    ),
    Feature(
        column="downside_volatility_20",
        category="volatility",
        expression=(RETURN.clip(upper=0) ** 2).rolling_mean(20).clip(0).sqrt(),
        lookback=20,
        description="root mean square of the negative log returns of 20 sessions, positive ones counting as 0",
        source="Sortino and van der Meer, Journal of Portfolio Management 17 (1991)",
    ),
    Feature(
        column="bar_range",
        category="volatility",
        expression=(HIGH - LOW) / CLOSE,
        lookback=0,
        description="high minus low over the close",
        source="definition",
    ),
    Feature(
        column="return_skew_60",
        category="volatility",
        expression=where(varies(RETURN, 60), RETURN.rolling_skew(60)),
        lookback=60,
        description="skewness of 60 log returns, population moments",
        source="definition",
    ),
    Feature(
        column="return_kurtosis_60",
        category="volatility",
        expression=where(varies(RETURN, 60), RETURN.rolling_kurtosis(60)),
        lookback=60,
        description="kurtosis of 60 log returns, raw (3 for a normal), population moments",
        source="definition",
    ),
    Feature(
        column="worst_return_20",
        category="volatility",
        expression=RETURN.rolling_min(20),
        lookback=20,
        description="lowest log return of 20 sessions",
        source="definition",
    ),
)
