"""Whether probabilities mean what they say: how often what was given some probability came true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Groups of neighbouring scores, of as many rows each.
BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Groups of rows with neighbouring scores, the lowest first.

    Attributes
    ----------
    rows
        (groups,) number of rows.
    score, share
        (groups,) mean score, and the share of label 1.
    """

    rows: NDArray[np.int64]
    score: Floats
    share: Floats


def reliability(score: Floats, label: Floats, bins: int = BINS) -> Reliability:
    """Return the mean score and the share of label 1 of groups of as many rows each; equal scores are in one group.

    Parameters
    ----------
    score
        (rows,) probability of label 1, at least one row.
    label
        (rows,) 1 or 0.
    bins
        Groups; fewer where many scores are equal.

    Examples
    --------
    >>> found = reliability(np.array([0.1, 0.3, 0.6, 0.8]), np.array([0.0, 0.0, 1.0, 0.0]), bins=2)
    >>> found.score.round(3).tolist(), found.share.tolist()
    ([0.2, 0.7], [0.0, 0.5])
    """
    group = groups_of(score, bins)
    rows = np.bincount(group)
    return Reliability(rows, np.bincount(group, score) / rows, np.bincount(group, label) / rows)


def groups_of(score: Floats, bins: int = BINS) -> NDArray[np.int64]:
    """Return the number of the group of each row: groups of neighbouring scores, of as many rows each.

    Parameters
    ----------
    score, bins
        As `reliability` takes them.

    Examples
    --------
    >>> groups_of(np.array([0.8, 0.1, 0.3, 0.6]), bins=2).tolist()
    [1, 0, 0, 1]
    """
    ordered = np.sort(score)
    starts = ordered[np.arange(bins) * score.size // bins]
    found: NDArray[np.int64] = np.unique(np.searchsorted(np.unique(starts), score, side="right"), return_inverse=True)[
        1
    ]
    return found


def debiased_ece(score: Floats, label: Floats, bins: int = BINS) -> float:
    """Return the expected calibration error, less what chance alone makes of it.

    The error is the mean over rows of the distance between the mean score of a row's group and the share of label 1
    in it. Of perfect scores it is above 0 as well, for the share of a few rows is never quite what was said. So what a
    share that is drawn around the one that was seen, with its binomial error, would add to the distance is taken off:
    the estimator of Kumar, Liang and Ma (2019), Verified Uncertainty Calibration, section 5 and appendix, with the mean
    of the folded normal distribution in place of their resampling, and groups of as many rows each. Of perfect scores
    that takes two fifths off; the rest falls with the root of the rows. It takes rows as independent: labels that
    overlap leave more of what chance makes in it.

    Parameters
    ----------
    score
        (rows,) probability of label 1, at least one row.
    label
        (rows,) 1 or 0.
    bins
        Groups of neighbouring scores.

    Returns
    -------
    float
        A difference of probabilities, at least 0.

    Examples
    --------
    Half of the rows are given 0.9 and come true 8 times in 10, the other half 0.2 and 2 times in 10. The first group
    is 0.1 off, about one standard error of 0.0126 times 8, so chance adds nothing; the second is off by what chance
    adds.

    >>> score, label = np.repeat([0.9, 0.2], 1000), np.tile([1.0, 1, 1, 1, 0, 1, 1, 1, 1, 0], 100)
    >>> label = np.concatenate([label, np.tile([0.0, 0, 0, 0, 1], 200)])
    >>> round(debiased_ece(score, label), 3)
    0.045
    """
    from scipy.special import ndtr

    groups = reliability(score, label, bins)
    distance = np.abs(groups.score - groups.share)
    error = np.sqrt(groups.share * (1 - groups.share) / groups.rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error > 0, distance / error, np.inf)
    folded = error * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + distance * (1 - 2 * ndtr(-ratio))
    return float(max((groups.rows * (2 * distance - folded)).sum() / groups.rows.sum(), 0.0))
