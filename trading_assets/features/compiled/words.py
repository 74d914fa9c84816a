"""The words that the features of the house are written in: those of `features.feature`, computed by compiled passes."""

from __future__ import annotations

from trading_assets.features.compiled.expression import Expression, col, rolling_corr, where
from trading_assets.features.feature import ROUNDING, varies

#: Prices over a symbol's first adjusted close, and dollar volume: see `features.feature`.
OPEN, HIGH, LOW, CLOSE = col("open"), col("high"), col("low"), col("close")
DOLLARS = col("dollar_volume")
#: Log return from the close of the usable bar before; undefined on a symbol's first bar.
RETURN = (CLOSE / CLOSE.shift(1)).log()
#: Columns beside the features that other expressions may name.
NAMED = {"log_return": RETURN, "mean_dollar_volume_20": DOLLARS.rolling_mean(20)}
#: What indicators on bars are made of.
BARS = (HIGH, LOW, CLOSE)


def moved(window: int) -> Expression:
    """Return whether the price moved at all within the window, highs and lows included."""
    return HIGH.rolling_max(window) > LOW.rolling_min(window) * (1 + ROUNDING)


def share(part: Expression, window: int) -> Expression:
    """Return the sum of `part` over the dollar volume of the window; undefined if nothing was traded in it."""
    return where(DOLLARS.rolling_max(window) > 0, part.rolling_sum(window) / DOLLARS.rolling_sum(window))


def correlation(left: Expression, right: Expression, window: int) -> Expression:
    """Return the Pearson correlation; undefined if either side is constant.

    Parameters
    ----------
    left, right
        Values of order one, as returns are: what differs by less than rounding is constant.
    window
        Sessions, this one included.
    """
    both_vary = varies(left, window) & varies(right, window)
    return where(both_vary, rolling_corr(left, right, window).clip(-1, 1))
