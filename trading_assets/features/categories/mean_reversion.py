"""Mean reversion: how far the price strayed, and whether straying tends to last."""

from __future__ import annotations

from trading_assets.features.compiled.expression import cci, ema, where
from trading_assets.features.compiled.words import BARS, CLOSE, DOLLARS, RETURN, correlation, moved, share
from trading_assets.features.feature import Feature, varies


def _zscore(sessions: int) -> Feature:
    return Feature(
        column=f"zscore_{sessions}",
        category="mean_reversion",
        expression=(CLOSE - CLOSE.rolling_mean(sessions)) / CLOSE.rolling_std(sessions),
        lookback=sessions - 1,
        description=f"close in sample deviations from its mean of {sessions} sessions, this one included",
        source="trading rules, section 3.3",
    )


_FIVE_SESSIONS = CLOSE.log().diff(5)

POSITION = 60
FEATURES = (
    _zscore(20),
    _zscore(60),
    Feature(
        column="cci_20",
        category="mean_reversion",
        provider="talib",
        expression=where(moved(20), cci(BARS, 20) / 100),
        lookback=19,
        description="commodity channel index of 20 sessions, over 100",
        source="Lambert, Commodities (1980); TA-Lib",
    ),
    Feature(
        column="autocorrelation_60",
        category="mean_reversion",
        expression=correlation(RETURN, RETURN.shift(1), 60),
        lookback=61,
        description="correlation of 60 log returns with the ones before",
        source="definition",
    ),
    Feature(
        column="variance_ratio_5_60",
        category="mean_reversion",
        expression=where(varies(RETURN, 64), _FIVE_SESSIONS.rolling_var(60) / (5 * RETURN.rolling_var(64))),
        lookback=64,
        description="variance of 60 five-session log returns over 5 x that of 64 one-session ones; random walk: 1",
        source="Lo and MacKinlay, Review of Financial Studies 1 (1988)",
    ),
    Feature(
        column="close_to_vwap_20",
        category="mean_reversion",
        expression=CLOSE / share(CLOSE * DOLLARS, 20) - 1,
        lookback=19,
        description="close over the mean close of 20 sessions weighted by dollar volume, minus 1",
        source="definition",
    ),
    Feature(
        column="close_to_ema_20",
        category="mean_reversion",
        provider="talib",
        expression=CLOSE / ema(CLOSE, 20) - 1,
        lookback=None,
        warm_up=19,
        description="close over its exponential mean of 20 sessions, minus 1",
        source="TA-Lib",
    ),
)
