"""Volume: how much is traded, and on which side (all on dollar volume, which a split leaves alone)."""

from __future__ import annotations

from trading_assets.features.compiled.expression import where
from trading_assets.features.compiled.words import CLOSE, DOLLARS, HIGH, LOW, RETURN, correlation, share
from trading_assets.features.feature import Feature

_TYPICAL = (HIGH + LOW + CLOSE) / 3
_FLOW = DOLLARS * _TYPICAL / CLOSE
_UP_FLOW = _FLOW * (_TYPICAL.diff() > 0)
_DOWN_FLOW = _FLOW * (_TYPICAL.diff() < 0)
_BOTH_FLOWS = _UP_FLOW + _DOWN_FLOW
_CLOSE_LOCATION = where(HIGH > LOW, (2 * CLOSE - HIGH - LOW) / (HIGH - LOW), 0.0)


def _mean_ratio(short: int, long: int, column: str) -> Feature:
    return Feature(
        column=column,
        category="volume",
        expression=where(DOLLARS.rolling_max(long) > 0, DOLLARS.rolling_mean(short) / DOLLARS.rolling_mean(long)),
        lookback=long - 1,
        description=f"mean dollar volume of {short} session{'s' * (short > 1)} over that of {long}",
        source="definition",
    )


POSITION = 40
FEATURES = (
    _mean_ratio(1, 20, "volume_ratio_20"),
    _mean_ratio(5, 60, "volume_trend_5_60"),
    Feature(
        column="volume_zscore_60",
        category="volume",
        expression=(DOLLARS - DOLLARS.rolling_mean(60)) / DOLLARS.rolling_std(60),
        lookback=59,
        description="dollar volume in deviations from its mean of 60 sessions",
        source="definition",
    ),
    Feature(
        column="money_flow_14",
        category="volume",
        expression=where(
            _BOTH_FLOWS.rolling_max(14) > 0, (_UP_FLOW.rolling_sum(14) / _BOTH_FLOWS.rolling_sum(14)).clip(0, 1)
        ),
        lookback=14,
        description="money flow index: share of 14 sessions' money flow on rising typical prices, 0 to 1",
        source="Quong and Soudack (1989); TA-Lib's MFI over 100, without its absolute threshold",
    ),
    Feature(
        column="chaikin_money_flow_20",
        category="volume",
        expression=share(_CLOSE_LOCATION * DOLLARS, 20).clip(-1, 1),
        lookback=19,
        description="dollar volume of 20 sessions weighted by the close's place in its bar, over all of it, -1 to 1",
        source="Chaikin, on dollar volume",
    ),
    Feature(
        column="signed_volume_20",
        category="volume",
        expression=share(RETURN.sign() * DOLLARS, 20).clip(-1, 1),
        lookback=20,
        description="dollar volume of rising minus falling sessions of the last 20, over all of it, -1 to 1",
        source="Granville's on-balance volume, made relative",
    ),
    Feature(
        column="return_volume_correlation_60",
        category="volume",
        expression=correlation(RETURN, DOLLARS, 60),
        lookback=60,
        description="correlation of log return and dollar volume over 60 sessions",
        source="Karpoff, Journal of Financial and Quantitative Analysis 22 (1987)",
    ),
)
