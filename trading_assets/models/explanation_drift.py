"""Whether a model that is fitted anew goes by the same features as the one before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Part of what moved scores that may be of other features after a refit, before somebody is told.
MOST_MOVED = 0.5


@dataclass(frozen=True)
class Change:
    """How far the contributions of features to scores have changed.

    Attributes
    ----------
    rank_correlation
        Spearman correlation of both; NaN where one of them is the same for all features.
    total_variation
        Half of the sum of the absolute differences of the shares of the features: 0 if they are the same, 1 if all that
        moved scores is of other features now; NaN where nothing moved them in one of the two.
    """

    rank_correlation: float
    total_variation: float


def change_of(before: Floats, after: Floats) -> Change:
    """Return how far contributions have changed.

    Parameters
    ----------
    before, after
        (features,) mean absolute contribution of the same features.

    Examples
    --------
    Shares 1/2, 1/4, 1/4 become 1/4, 1/2, 1/4: a quarter has moved. Ranks 3, 1.5, 1.5 and 1.5, 3, 1.5 correlate by -1/2.

    >>> found = change_of(np.array([2.0, 1.0, 1.0]), np.array([10.0, 20.0, 10.0]))
    >>> found.total_variation, round(found.rank_correlation, 4)
    (0.25, -0.5)
    """
    from scipy.stats import spearmanr

    unknown, shares = float("nan"), [each / each.sum() for each in (before, after) if each.sum() > 0]
    moved = float(np.abs(shares[0] - shares[1]).sum() / 2) if len(shares) == 2 else unknown
    varies = before.size > 1 and np.ptp(before) > 0 and np.ptp(after) > 0
    return Change(float(spearmanr(before, after).statistic) if varies else unknown, moved)


def drift_rows(contributions: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows of `models.explanation_drift` of a model, without its name and version.

    Parameters
    ----------
    contributions
        fold, feature, value of each fold that has them: all have the same features.
    """
    folds = contributions.sort("fold", "feature").partition_by("fold", maintain_order=True)
    for before, after in pairwise(folds):
        found = change_of(*(each["value"].to_numpy() for each in (before, after)))
        yield {
            "fold": after["fold"][0],
            "previous_fold": before["fold"][0],
            "features": after.height,
            **{name: None if np.isnan(value) else value for name, value in vars(found).items()},
        }


def newest_change(drift: pl.DataFrame) -> float | None:
    """Return the total variation at the newest refit that has one; None if there is none.

    Parameters
    ----------
    drift
        Rows of `models.explanation_drift` of one model.
    """
    known = drift.drop_nulls("total_variation").sort("fold")
    return known["total_variation"][-1] if known.height else None
