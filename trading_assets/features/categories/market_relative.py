"""Market-relative: a symbol against the benchmark of its asset class.

Beta and correlation use the sessions that both have a bar on, with both returns measured between those
sessions, so that a hole on either side does not pair a one-session return with a two-session one. The rest
subtracts or repeats the benchmark's own feature of the same session.
"""

from __future__ import annotations

from trading_assets.features.compiled.expression import col, rolling_cov, where
from trading_assets.features.compiled.words import RETURN, correlation
from trading_assets.features.feature import Feature, varies

#: Features of the benchmark that its whole asset class sees, as ``benchmark_<column>``.
OF_BENCHMARK = ("return_20", "return_60", "volatility_20", "close_to_ma_200")

_OWN, _MARKET = RETURN, col("benchmark_close")
_BENCHMARK = (_MARKET / _MARKET.shift(1)).log()
_COVARIANCE = rolling_cov(_OWN, _BENCHMARK, 60)
_BETA = where(varies(_BENCHMARK, 60), _COVARIANCE / _BENCHMARK.rolling_var(60))


def _excess(sessions: int) -> Feature:
    column = f"return_{sessions}"
    return Feature(
        column=f"relative_strength_{sessions}",
        category="market_relative",
        scope="row",
        expression=col(column) - col(f"benchmark_{column}"),
        lookback=sessions,
        description=f"return over {sessions} sessions minus the benchmark's",
        source="trading rules, section 4",
    )


def _market(column: str, of: str, lookback: int, what: str) -> Feature:
    return Feature(
        column=column,
        category="market_relative",
        scope="row",
        expression=col(f"benchmark_{of}"),
        lookback=lookback,
        description=f"the benchmark's {what}",
        source="definition",
    )


POSITION = 80
FEATURES = (
    Feature(
        column="beta_60",
        category="market_relative",
        scope="market",
        expression=_BETA,
        lookback=60,
        description="slope of 60 log returns on the benchmark's",
        source="Sharpe, Journal of Finance 19 (1964)",
    ),
    Feature(
        column="correlation_60",
        category="market_relative",
        scope="market",
        expression=correlation(_OWN, _BENCHMARK, 60),
        lookback=60,
        description="correlation of 60 log returns with the benchmark's",
        source="definition",
    ),
    Feature(
        column="idiosyncratic_volatility_60",
        category="market_relative",
        scope="market",
        expression=(_OWN.rolling_var(60) - _BETA * _COVARIANCE).clip(0).sqrt(),
        lookback=60,
        description="standard deviation of 60 log returns that the benchmark leaves unexplained",
        source="Ang, Hodrick, Xing and Zhang, Journal of Finance 61 (2006), one factor",
    ),
    _excess(20),
    _excess(60),
    _market("market_return_20", "return_20", 20, "return over 20 sessions"),
    _market("market_volatility_20", "volatility_20", 20, "standard deviation of 20 log returns"),
    _market("market_close_to_ma_200", "close_to_ma_200", 199, "close over its mean of 200 sessions, minus 1"),
)
