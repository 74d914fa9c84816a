"""Which pairs of prices move together: correlation, then the Engle-Granger test, for many pairs at once.

The test is that of Engle and Granger, Econometrica 55 (1987): ordinary least squares of one series on the other, then
an augmented Dickey-Fuller regression of the residuals (Said and Dickey, Biometrika 71 (1984)). The p-value is the
asymptotic response surface of MacKinnon, Journal of Business & Economic Statistics 12 (1994), with the coefficients
for two series and a constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_assets.models.threads import one_thread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# MacKinnon (1994), two series and a constant: the normal deviate of the p-value is a polynomial in the
# statistic, one below `_TAU_STAR`, another above; outside the two bounds it is 0 and 1.
_TAU_MIN, _TAU_STAR, _TAU_MAX = -18.86, -2.62, 0.92
_SMALL_P = (2.92, 1.5012, 0.039796)
_LARGE_P = (2.1945, 0.64695, -0.29198, -0.042377)

#: A fit this good leaves rounding errors as residuals: the two series are one.
_COLLINEAR = 1 - 100 * math.sqrt(np.finfo(np.float64).eps)

#: Keeps a Cholesky factor in being where a lag has no variation; changes a statistic in the tenth digit.
_RIDGE = 1e-12


@dataclass(frozen=True)
class Cointegration:
    """The test of each pair; every array is (pairs,).

    Attributes
    ----------
    beta
        Slope of y on x.
    mean, deviation
        Mean and deviation of the spread ``y - beta x`` (sample deviation).
    statistic, p_value
        Test of the hypothesis that the two are not cointegrated; NaN where the two are one series or one of them is
        constant.
    """

    beta: Floats
    mean: Floats
    deviation: Floats
    statistic: Floats
    p_value: Floats


@dataclass(frozen=True)
class Formation:
    """The pairs of a window: columns of the two legs, and the spread ``y - beta x``; every array is (pairs,)."""

    y: Ints
    x: Ints
    beta: Floats
    mean: Floats
    deviation: Floats
    p_value: Floats

    def spread_z(self, log_prices: Floats) -> Floats:
        """Return deviations of the spread from its mean, (sessions, pairs); NaN without both prices.

        Parameters
        ----------
        log_prices
            (sessions, symbols), NaN without a bar.
        """
        return (log_prices[:, self.y] - self.beta * log_prices[:, self.x] - self.mean) / self.deviation


def form_pairs(log_prices: Floats, count: int, max_p_value: float) -> Formation:
    """Choose pairs in a window.

    Of the `count` pairs with the highest correlation of log returns (equals in the order of the columns) those with
    p < `max_p_value` and a positive beta. In a pair, y is the leg with the more volatile log returns, of equals the
    first: a choice that does not look at the test, so that its p-value is that of one test and not of the better of
    two.

    Parameters
    ----------
    log_prices
        (sessions, symbols) without NaN.

    Returns
    -------
    Formation
        Sorted by the columns of the two legs, the lower one first.
    """
    left, right = most_correlated(log_prices, count)
    variance = np.var(np.diff(log_prices, axis=0), axis=0)
    swapped = variance[right] > variance[left]
    y, x = np.where(swapped, right, left), np.where(swapped, left, right)
    tested = engle_granger(log_prices[:, y], log_prices[:, x])
    taken = np.flatnonzero((tested.p_value < max_p_value) & (tested.beta > 0))
    taken = taken[np.lexsort((right[taken], left[taken]))]
    return Formation(
        y=y[taken],
        x=x[taken],
        beta=tested.beta[taken],
        mean=tested.mean[taken],
        deviation=tested.deviation[taken],
        p_value=tested.p_value[taken],
    )


def most_correlated(log_prices: Floats, count: int) -> tuple[Ints, Ints]:
    """Return the columns of the pairs with the most correlated log returns, the lower column first, best pair first.

    Columns without variation are in no pair. The result does not depend on the number of threads.

    Parameters
    ----------
    count
        Number of pairs, fewer if there are no more.
    log_prices
        (sessions, symbols).

    Examples
    --------
    >>> moves = np.array([[0.01, 0.02, 0.03], [-0.02, -0.04, 0.01], [0.03, 0.06, -0.01]])
    >>> [columns.tolist() for columns in most_correlated(moves.cumsum(axis=0), count=1)]
    [[0], [1]]
    """
    returns = np.diff(log_prices, axis=0)
    returns = returns - returns.mean(axis=0)
    norm = np.sqrt((returns**2).sum(axis=0))
    moving = np.flatnonzero(norm > 0)
    unit = np.ascontiguousarray((returns[:, moving] / norm[moving]).T)
    with one_thread():
        correlation = unit @ unit.T
    left, right = np.triu_indices(len(moving), k=1)
    # A stable sort: of equals the pair of the lower columns.
    best = np.argsort(-correlation[left, right], kind="stable")[:count]
    return moving[left[best]], moving[right[best]]


def engle_granger(y: Floats, x: Floats) -> Cointegration:
    """Test whether y and x are cointegrated.

    The regression of y on x has a constant. The Dickey-Fuller regression of its residuals has none, and as many
    lagged differences as minimise Akaike's criterion, of at most 12 (n / 100)^(1/4), over the sample that all of
    them share.

    Parameters
    ----------
    y, x
        (sessions, pairs).

    Examples
    --------
    Twice a random walk and noise is cointegrated with it; another random walk is not.

    >>> walk, noise, other = np.random.default_rng(1).normal(size=(3, 250, 1))
    >>> x = walk.cumsum(axis=0)
    >>> found = engle_granger(2.0 * x + 0.1 * noise, x)
    >>> found.beta.round(2), found.p_value.round(4)
    (array([2.]), array([0.]))
    >>> bool(engle_granger(other.cumsum(axis=0), x).p_value[0] > 0.05)
    True
    """
    y_mean, x_mean = y.mean(axis=0), x.mean(axis=0)
    y_moves, x_moves = y - y_mean, x - x_mean
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = (x_moves * y_moves).sum(axis=0) / (x_moves**2).sum(axis=0)
        residuals = y_moves - beta * x_moves
        left_over = (residuals**2).sum(axis=0)
        fit = 1 - left_over / (y_moves**2).sum(axis=0)
    statistic = np.full(y.shape[1], np.nan)
    testable = np.flatnonzero(fit < _COLLINEAR)  # not where it is NaN
    if testable.size:
        statistic[testable] = _dickey_fuller(residuals[:, testable].T)
    return Cointegration(
        beta=beta,
        mean=y_mean - beta * x_mean,
        deviation=np.sqrt(left_over / (len(y) - 1)),
        statistic=statistic,
        p_value=p_values(statistic),
    )


def p_values(statistic: Floats) -> Floats:
    """Return MacKinnon's asymptotic p-values of Engle-Granger statistics of two series with a constant; NaN of NaN.

    Examples
    --------
    The critical values of MacKinnon (2010) for two series and a constant: 1 %, 5 % and 10 %.

    >>> p_values(np.array([-3.9001, -3.3377, -3.0462])).round(3)
    array([0.01, 0.05, 0.1 ])
    """
    small, large = (np.polynomial.polynomial.polyval(statistic, terms) for terms in (_SMALL_P, _LARGE_P))
    deviate = np.where(statistic <= _TAU_STAR, small, large)
    normal = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in deviate.tolist()], dtype=np.float64)
    bounded = np.where(statistic > _TAU_MAX, 1.0, np.where(statistic < _TAU_MIN, 0.0, normal))
    return np.where(np.isnan(statistic), np.nan, bounded)


def _dickey_fuller(series: Floats) -> Floats:
    """t-value of the lagged level, for (pairs, sessions) of mean zero."""
    series = series / np.sqrt((series**2).mean(axis=1, keepdims=True))
    sessions = series.shape[1]
    most = min(math.ceil(12 * (sessions / 100) ** 0.25), sessions // 2 - 1)
    lags = _best_lags(series, most)
    statistic = np.empty(len(series))
    for lag in np.unique(lags).tolist():
        chosen = np.flatnonzero(lags == lag)
        level, differences, change = _regression(series[chosen], lag)
        factor = _factor([*differences, level, change])
        # In the factor of [lags, level, change] the level comes last of the regressors: its t-value is the entry of
        # (change, level) over the residual deviation.
        free = change.shape[1] - lag - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic[chosen] = factor[:, -1, -2] / (factor[:, -1, -1] / math.sqrt(free))
    return statistic


def _best_lags(series: Floats, most: int) -> Ints:
    """Number of lagged differences with the least criterion, the fewest of equals."""
    level, differences, change = _regression(series, most)
    last_row = _factor([level, *differences, change])[:, -1, :]
    # Residual sums of squares of the nested regressions: what the columns left out would still explain.
    left_over = np.cumsum(last_row[:, ::-1] ** 2, axis=1)[:, ::-1][:, 1:]
    regressors = np.arange(1, most + 2)
    with np.errstate(divide="ignore"):
        criterion = change.shape[1] * np.log(left_over) + 2 * regressors
    best: Ints = np.argmin(criterion, axis=1)
    return best


def _regression(series: Floats, lags: int) -> tuple[Floats, list[Floats], Floats]:
    """Lagged level, lagged differences, and the change they explain; each (pairs, sessions - 1 - lags)."""
    change = np.diff(series, axis=1)
    rows = change.shape[1] - lags
    differences = [change[:, lags - lag : lags - lag + rows] for lag in range(1, lags + 1)]
    return series[:, lags : lags + rows], differences, change[:, lags:]


def _factor(columns: list[Floats]) -> Floats:
    """Cholesky factors of the cross products of columns: (pairs, columns, columns), lower triangular."""
    stacked = np.stack(columns, axis=1)
    with one_thread():
        products = stacked @ stacked.transpose(0, 2, 1)
        products += _RIDGE * stacked.shape[2] * np.eye(len(columns))
        return np.asarray(np.linalg.cholesky(products), dtype=np.float64)
