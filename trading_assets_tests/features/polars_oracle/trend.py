"""Trend: where the price stands against its own past, and how straight the way was."""

from __future__ import annotations

import polars as pl
import polars_talib as ta

from trading_assets.features.feature import CLOSE, HIGH, LOW, RETURN, Feature, change, moved

_WILDER = "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib"
_WEEKLY_CLOSE = pl.col("weekly_close")


def _mean(sessions: int) -> pl.Expr:
    return CLOSE.rolling_mean(sessions)


def _close_to_mean(sessions: int) -> Feature:
    return Feature(
        column=f"close_to_ma_{sessions}",
        category="trend",
        expression=CLOSE / _mean(sessions) - 1,
        lookback=sessions - 1,
        description=f"close over its mean of {sessions} sessions, minus 1",
        source="definition",
    )


def _mean_to_mean(short: int, long: int) -> Feature:
    return Feature(
        column=f"ma_{short}_to_ma_{long}",
        category="trend",
        expression=_mean(short) / _mean(long) - 1,
        lookback=long - 1,
        description=f"mean close of {short} sessions over that of {long}, minus 1",
        source="definition",
    )


def _breakout(sessions: int) -> Feature:
    return Feature(
        column=f"close_to_high_{sessions}",
        category="trend",
        expression=CLOSE / CLOSE.shift(1).rolling_max(sessions) - 1,
        lookback=sessions,
        description=f"close over the highest close of the {sessions} sessions before, minus 1",
        source="trading rules, section 3.1",
    )


def _weekly(weeks: int) -> Feature:
    # In a week of seven sessions the close of `weeks` weeks ago is 7 x weeks bars back; five-session weeks need less.
    return Feature(
        column=f"weekly_close_to_ma_{weeks}",
        category="trend",
        scope="week",
        expression=_WEEKLY_CLOSE / _WEEKLY_CLOSE.rolling_mean(weeks) - 1,
        lookback=7 * weeks,
        description=f"close of the last completed week over the mean of {weeks} weekly closes, minus 1",
        source="trading rules, section 3.3",
    )


POSITION = 20
FEATURES = (
    Feature(
        column="directional_movement_14",
        category="trend",
        provider="talib",
        expression=pl.when(moved(14)).then(ta.adx(HIGH, LOW, CLOSE, 14) / 100),
        lookback=None,
        warm_up=27,
        description="average directional index of 14 sessions, 0 to 1: strength of the trend, whatever its direction",
        source=_WILDER,
    ),
    Feature(
        column="directional_balance_14",
        category="trend",
        provider="talib",
        expression=pl.when(moved(14)).then(
            (ta.plus_di(HIGH, LOW, CLOSE, 14) - ta.minus_di(HIGH, LOW, CLOSE, 14)) / 100
        ),
        lookback=None,
        warm_up=14,
        description="positive minus negative directional indicator of 14 sessions, -1 to 1",
        source=_WILDER,
    ),
    *(_close_to_mean(sessions) for sessions in (20, 50, 200)),
    _mean_to_mean(20, 50),
    _mean_to_mean(50, 200),
    Feature(
        column="ma_50_slope_20",
        category="trend",
        expression=change(_mean(50), 20),
        lookback=69,
        description="change of the 50-session mean close over 20 sessions, a fraction",
        source="trading rules, section 3.1",
    ),
    _breakout(20),
    _breakout(55),
    Feature(
        column="close_to_high_250",
        category="trend",
        expression=CLOSE / HIGH.rolling_max(250) - 1,
        lookback=249,
        description="close over the highest high of 250 sessions, minus 1",
        source="George and Hwang, Journal of Finance 59 (2004)",
    ),
    Feature(
        column="close_to_low_250",
        category="trend",
        expression=CLOSE / LOW.rolling_min(250) - 1,
        lookback=249,
        description="close over the lowest low of 250 sessions, minus 1",
        source="George and Hwang, Journal of Finance 59 (2004)",
    ),
    Feature(
        column="regression_slope_20",
        category="trend",
        provider="talib",
        expression=ta.linearreg_slope(CLOSE.log(), 20),
        lookback=19,
        description="least-squares slope of the log close over 20 sessions, a fraction a session",
        source="TA-Lib",
    ),
    Feature(
        column="efficiency_ratio_20",
        category="trend",
        expression=pl.when(RETURN.abs().rolling_max(20) > 0).then(
            ((CLOSE / CLOSE.shift(20)).log().abs() / RETURN.abs().rolling_sum(20)).clip(0, 1)
        ),
        lookback=20,
        description="net over total log movement of 20 sessions, 0 to 1",
        source="Kaufman, Smarter Trading (1995)",
    ),
    _weekly(13),
    _weekly(26),
)
