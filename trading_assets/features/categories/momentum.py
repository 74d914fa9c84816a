"""Momentum: how far and how steadily the price went."""

from __future__ import annotations

from trading_assets.features.compiled.expression import aroon_oscillator, macd_histogram, rsi, trix, where
from trading_assets.features.compiled.words import CLOSE, HIGH, LOW, OPEN, RETURN, moved
from trading_assets.features.feature import Feature, change

_TALIB = "TA-Lib"
_WILDER = "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib"


def _return(sessions: int) -> Feature:
    return Feature(
        column=f"return_{sessions}",
        category="momentum",
        expression=change(CLOSE, sessions),
        lookback=sessions,
        description=f"return over {sessions} sessions, a fraction",
        source="definition",
    )


def _rsi(sessions: int) -> Feature:
    return Feature(
        column=f"rsi_{sessions}",
        category="momentum",
        provider="talib",
        expression=where(moved(sessions + 1), rsi(CLOSE, sessions) / 100),
        lookback=None,
        warm_up=sessions,
        description=f"relative strength index of {sessions} sessions, 0 to 1",
        source=_WILDER,
    )


_LOWEST, _HIGHEST = LOW.rolling_min(14), HIGH.rolling_max(14)

POSITION = 10
FEATURES = (
    *(_return(sessions) for sessions in (5, 20, 60, 120)),
    Feature(
        column="momentum_12_1",
        category="momentum",
        expression=CLOSE.shift(21) / CLOSE.shift(252) - 1,
        lookback=252,
        description="return from 252 to 21 sessions ago, a fraction: a year without its last month",
        source="Jegadeesh and Titman, Journal of Finance 48 (1993)",
    ),
    Feature(
        column="overnight_return",
        category="momentum",
        expression=OPEN / CLOSE.shift(1) - 1,
        lookback=1,
        description="open over the close before, minus 1",
        source="definition",
    ),
    Feature(
        column="intraday_return",
        category="momentum",
        expression=CLOSE / OPEN - 1,
        lookback=0,
        description="close over open, minus 1",
        source="definition",
    ),
    _rsi(2),
    _rsi(14),
    Feature(
        column="macd_histogram",
        category="momentum",
        provider="talib",
        expression=macd_histogram(CLOSE, 12, 26, 9) / CLOSE,
        lookback=None,
        warm_up=33,
        description="MACD (12, 26) minus its signal (9), over the close",
        source="Appel, The Moving Average Convergence Divergence Method (1979); TA-Lib",
    ),
    Feature(
        column="trix_15",
        category="momentum",
        provider="talib",
        expression=trix(CLOSE, 15) / 100,
        lookback=None,
        warm_up=43,
        description="one-session change of the triple exponential mean of 15 sessions, a fraction",
        source=_TALIB,
    ),
    Feature(
        column="aroon_25",
        category="momentum",
        provider="talib",
        expression=where(moved(26), aroon_oscillator(HIGH, LOW, 25) / 100),
        lookback=25,
        description="Aroon oscillator: how much more recent the 25-session high is than the low, -1 to 1",
        source="Chande (1995); TA-Lib",
    ),
    Feature(
        column="stochastic_14",
        category="momentum",
        expression=where(moved(14), (CLOSE - _LOWEST) / (_HIGHEST - _LOWEST)),
        lookback=13,
        description="place of the close within the range of 14 sessions, 0 to 1",
        source="Lane (1984)",
    ),
    Feature(
        column="up_share_20",
        category="momentum",
        expression=(RETURN > 0).rolling_mean(20),
        lookback=20,
        description="share of 20 sessions that closed higher",
        source="definition",
    ),
)
