"""Liquidity: what trading seems to cost, estimated from daily bars."""

from __future__ import annotations

import math

from trading_assets.features.compiled.expression import Expression, maximum, minimum, rolling_cov, where
from trading_assets.features.compiled.words import CLOSE, DOLLARS, HIGH, LOW, RETURN
from trading_assets.features.feature import Feature

_SPAN = 3 - 2 * math.sqrt(2)
_RANGE = (HIGH / LOW).log() ** 2
_BETA = _RANGE + _RANGE.shift(1)
_GAMMA = (maximum(HIGH, HIGH.shift(1)) / minimum(LOW, LOW.shift(1))).log() ** 2
_ALPHA = ((2 * _BETA).sqrt() - _BETA.sqrt()) / _SPAN - (_GAMMA / _SPAN).sqrt()
_SPREAD = (2 * (_ALPHA / 2).tanh()).clip(0)


def _illiquidity(sessions: int) -> Expression:
    # Sums over sums, so that a session without volume is no infinity in the middle of the window.
    return RETURN.abs().rolling_sum(sessions) / DOLLARS.rolling_sum(sessions)


def _zero_share(values: Expression, sessions: int) -> Expression:
    return values.eq(0).rolling_mean(sessions)


POSITION = 50
FEATURES = (
    Feature(
        column="amihud_ratio_20_120",
        category="liquidity",
        expression=where(
            (DOLLARS.rolling_max(20) > 0) & (RETURN.abs().rolling_max(120) > 0), _illiquidity(20) / _illiquidity(120)
        ),
        lookback=120,
        description="absolute return per dollar traded over 20 sessions, relative to 120",
        source="Amihud, Journal of Financial Markets 5 (2002), made relative",
    ),
    Feature(
        column="corwin_schultz_20",
        category="liquidity",
        expression=_SPREAD.rolling_mean(20),
        lookback=20,
        description="mean of 20 spreads implied by two-session ranges, a fraction; negative ones count as 0",
        source="Corwin and Schultz, Journal of Finance 67 (2012), without the overnight adjustment",
    ),
    Feature(
        column="roll_spread_60",
        category="liquidity",
        expression=2 * (-rolling_cov(RETURN, RETURN.shift(1), 60)).clip(0).sqrt(),
        lookback=61,
        description="spread that the bounce of 60 log returns implies, a fraction; 0 if they do not bounce",
        source="Roll, Journal of Finance 39 (1984)",
    ),
    Feature(
        column="zero_return_share_60",
        category="liquidity",
        expression=_zero_share(CLOSE.diff(), 60),
        lookback=60,
        description="share of 60 sessions that closed unchanged",
        source="Lesmond, Ogden and Trzcinka, Review of Financial Studies 12 (1999)",
    ),
    Feature(
        column="zero_volume_share_20",
        category="liquidity",
        expression=_zero_share(DOLLARS, 20),
        lookback=19,
        description="share of 20 sessions without volume",
        source="definition",
    ),
    Feature(
        column="volume_dispersion_20",
        category="liquidity",
        expression=where(DOLLARS.rolling_max(20) > 0, DOLLARS.rolling_std(20) / DOLLARS.rolling_mean(20)),
        lookback=19,
        description="standard deviation of 20 sessions' dollar volume over its mean",
        source="Chordia, Subrahmanyam and Anshuman, Journal of Financial Economics 59 (2001)",
    ),
)
