"""Expressions over the bars of a symbol, written as in Polars and computed by compiled passes.

An expression is a tree of operations on columns. It computes nothing itself: `program` puts those of many features in
an order, once each, and runs them over some symbols at a time. NaN is what is undefined, and what is computed from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Number = int | float
#: The operation of a column.
COLUMN = "column"


@dataclass(frozen=True, eq=False)
class Expression:
    """A column, or an operation on other expressions.

    Attributes
    ----------
    operation
        Module and name of an operation (`kernel.operation`) or of a function of NumPy, which are loaded where they are
        run, numba being heavy; ``column`` for a column.
    arguments
        Expressions and constants, in the order of the function; the name of a column.
    key
        The same text for the same expression.
    roots
        Names of the columns that it is computed from.
    """

    operation: str
    arguments: tuple[Any, ...]
    key: str = field(init=False)
    roots: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        inner = ",".join(each.key if isinstance(each, Expression) else repr(each) for each in self.arguments)
        object.__setattr__(self, "key", f"{self.operation}({inner})")
        of_arguments = (name for each in self.arguments if isinstance(each, Expression) for name in each.roots)
        roots = (self.arguments[0],) if self.operation == COLUMN else tuple(dict.fromkeys(of_arguments))
        object.__setattr__(self, "roots", roots)

    def root_names(self) -> list[str]:
        """Return the names of the columns that it is computed from."""
        return list(self.roots)

    def __add__(self, other: Expression | Number) -> Expression:
        return Expression("numpy.add", (self, other))

    def __radd__(self, other: Number) -> Expression:
        return Expression("numpy.add", (other, self))

    def __sub__(self, other: Expression | Number) -> Expression:
        return Expression("numpy.subtract", (self, other))

    def __rsub__(self, other: Number) -> Expression:
        return Expression("numpy.subtract", (other, self))

    def __mul__(self, other: Expression | Number) -> Expression:
        return Expression("numpy.multiply", (self, other))

    def __rmul__(self, other: Number) -> Expression:
        return Expression("numpy.multiply", (other, self))

    def __truediv__(self, other: Expression | Number) -> Expression:
        if isinstance(other, Expression):
            return Expression("numpy.divide", (self, other))
        return Expression("numpy.multiply", (self, 1.0 / other))  # as Polars does, to the bit

    def __rtruediv__(self, other: Number) -> Expression:
        return Expression("numpy.divide", (other, self))

    def __neg__(self) -> Expression:
        return Expression("numpy.negative", (self,))

    def __pow__(self, exponent: int) -> Expression:
        if exponent != 2:
            raise ValueError(f"only squares are computed, not the power of {exponent}")
        return Expression("numpy.multiply", (self, self))

    def __gt__(self, other: Expression | Number) -> Expression:
        return Expression("rows.greater", (self, other))

    def __lt__(self, other: Expression | Number) -> Expression:
        return Expression("rows.less", (self, other))

    def __and__(self, other: Expression) -> Expression:
        return Expression("numpy.multiply", (self, other))

    def eq(self, other: Expression | Number) -> Expression:
        """Return 1 where the two are equal, 0 where they are not."""
        return Expression("rows.equal", (self, other))

    def abs(self) -> Expression:
        """Return the absolute value."""
        return Expression("numpy.absolute", (self,))

    def sign(self) -> Expression:
        """Return -1, 0 or 1."""
        return Expression("numpy.sign", (self,))

    def sqrt(self) -> Expression:
        """Return the square root."""
        return Expression("numpy.sqrt", (self,))

    def log(self) -> Expression:
        """Return the natural logarithm."""
        return Expression("rows.logarithm", (self,))

    def tanh(self) -> Expression:
        """Return the hyperbolic tangent."""
        return Expression("rows.hyperbolic_tangent", (self,))

    def clip(self, lower: Number | None = None, upper: Number | None = None) -> Expression:
        """Return the nearest value that is neither below `lower` nor above `upper`."""
        return Expression("rows.clip", (self, lower, upper))

    def weekday(self) -> Expression:
        """Return the day of the week of a session, 1 on Monday."""
        return Expression("rows.weekday", (self,))

    def month(self) -> Expression:
        """Return the month of a session, 1 in January."""
        return Expression("rows.month", (self,))

    def look_up(self, values: tuple[float, ...]) -> Expression:
        """Return the value at the place that a whole number names, the first at 1."""
        return Expression("rows.look_up", (self, values))

    def shift(self, sessions: int) -> Expression:
        """Return the value of so many sessions before."""
        return Expression("windows.shift", (self, sessions))

    def diff(self, sessions: int = 1) -> Expression:
        """Return the difference to the value of so many sessions before."""
        return self - self.shift(sessions)

    def rolling_sum(self, window: int) -> Expression:
        """Return the sum of the last `window` values."""
        return Expression("windows.rolling_sum", (self, window))

    def rolling_mean(self, window: int) -> Expression:
        """Return the mean of the last `window` values."""
        return Expression("numpy.divide", (self.rolling_sum(window), float(window)))

    def rolling_var(self, window: int) -> Expression:
        """Return the sample variance of the last `window` values."""
        return Expression("windows.rolling_var", (self, window))

    def rolling_std(self, window: int) -> Expression:
        """Return the sample standard deviation of the last `window` values."""
        return self.rolling_var(window).sqrt()

    def rolling_skew(self, window: int) -> Expression:
        """Return the skewness of the last `window` values, population moments."""
        return Expression("windows.rolling_shape", (self, window, False))

    def rolling_kurtosis(self, window: int) -> Expression:
        """Return the kurtosis of the last `window` values, population moments, 3 for a normal."""
        return Expression("windows.rolling_shape", (self, window, True))

    def rolling_max(self, window: int) -> Expression:
        """Return the largest of the last `window` values."""
        return Expression("windows.rolling_max", (self, window))

    def rolling_min(self, window: int) -> Expression:
        """Return the smallest of the last `window` values."""
        return Expression("windows.rolling_min", (self, window))

    def rank(self) -> Expression:
        """Return the rank within the group, 1 for the smallest; equal values share their mean rank."""
        return Expression("groups.rank", (Expression("groups.order", (self,)), self))

    def median(self) -> Expression:
        """Return the median of the group, for each of its rows."""
        return Expression("groups.median", (Expression("groups.order", (self,)), self))

    def count(self) -> Expression:
        """Return how many values of the group are defined, for each of its rows."""
        return Expression("groups.count", (self,))

    def sum(self) -> Expression:
        """Return the sum of the defined values of the group, for each of its rows."""
        return Expression("groups.total", (self,))


def col(name: str) -> Expression:
    """Return the expression of a column."""
    return Expression(COLUMN, (name,))


def where(condition: Expression, values: Expression, otherwise: float = float("nan")) -> Expression:
    """Return the values where a condition holds, and something else where it does not or is undefined.

    Parameters
    ----------
    condition
        1 where it holds.
    values
        What is returned there.
    otherwise
        What is returned elsewhere; by default nothing is defined there.
    """
    return Expression("rows.where", (condition, values, otherwise))


def maximum(one: Expression, other: Expression) -> Expression:
    """Return the larger of two values."""
    return Expression("numpy.maximum", (one, other))


def minimum(one: Expression, other: Expression) -> Expression:
    """Return the smaller of two values."""
    return Expression("numpy.minimum", (one, other))


def rolling_cov(left: Expression, right: Expression, window: int) -> Expression:
    """Return the sample covariance of the last `window` pairs: the mean of the products less the product of the means.

    Parameters
    ----------
    left, right
        Values of order one.
    window
        Sessions, this one included.
    """
    left, right = (Expression("rows.defined_with", pair) for pair in ((left, right), (right, left)))
    products = (left * right).rolling_mean(window)
    return (products - left.rolling_mean(window) * right.rolling_mean(window)) * (window / (window - 1.0))


def rolling_corr(left: Expression, right: Expression, window: int) -> Expression:
    """Return the Pearson correlation of the last `window` pairs.

    Parameters
    ----------
    left, right
        Values of order one.
    window
        Sessions, this one included.
    """
    own, other = (Expression("rows.defined_with", pair) for pair in ((left, right), (right, left)))
    return rolling_cov(left, right, window) / (own.rolling_var(window) * other.rolling_var(window)).sqrt()


def ema(values: Expression, window: int) -> Expression:
    """Return the exponential mean."""
    return Expression("averages.ema", (values, window))


def macd_histogram(values: Expression, fast: int, slow: int, signal: int) -> Expression:
    """Return the moving average convergence divergence, less its signal.

    Parameters
    ----------
    values
        Prices.
    fast, slow, signal
        Sessions of the two exponential means, and of the mean of their difference.
    """
    return Expression("averages.macd_histogram", (values, fast, slow, signal))


def trix(values: Expression, window: int) -> Expression:
    """Return the one-session change of the triple exponential mean, in percent."""
    return Expression("averages.trix", (values, window))


def rsi(values: Expression, window: int) -> Expression:
    """Return the relative strength index, 0 to 100."""
    return Expression("averages.rsi", (values, window))


def atr(bars: tuple[Expression, Expression, Expression], window: int) -> Expression:
    """Return the average true range of highs, lows and closes."""
    return Expression("averages.atr", (*bars, window))


def adx(bars: tuple[Expression, Expression, Expression], window: int) -> Expression:
    """Return the average directional index of highs, lows and closes, 0 to 100."""
    return Expression("averages.adx", (*bars, window))


def directional_balance(bars: tuple[Expression, Expression, Expression], window: int) -> Expression:
    """Return the plus less the minus directional indicator of highs, lows and closes, -100 to 100."""
    return Expression("averages.directional_balance", (*bars, window))


def aroon_oscillator(highs: Expression, lows: Expression, window: int) -> Expression:
    """Return how much more recent the highest high is than the lowest low, -100 to 100.

    Parameters
    ----------
    highs, lows
        Of the sessions.
    window
        Sessions before this one.
    """
    return Expression("averages.aroon_oscillator", (highs, lows, window))


def cci(bars: tuple[Expression, Expression, Expression], window: int) -> Expression:
    """Return the commodity channel index of highs, lows and closes."""
    return Expression("averages.cci", (*bars, window))


def linear_slope(values: Expression, window: int) -> Expression:
    """Return the least-squares slope over the last `window` values, a session."""
    return Expression("averages.linear_slope", (values, window))
