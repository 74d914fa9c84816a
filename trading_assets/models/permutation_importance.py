"""How much a model needs each feature: how far its loss out of sample rises once the feature tells nothing.

Values of one feature change places among the symbols of a session, and stay in the session. So what a feature says of
the whole market is left to it, and no score is asked of a row that mixes two markets. What is measured is how the model
tells the symbols of a session apart. A feature that all of them share has no importance of this kind: null, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_assets.config.evaluation import Evaluation
from trading_assets.models.families.odds import log_losses
from trading_assets.models.permutations import cyclic_permutation, has_company, strata_of
from trading_assets.models.samples import Days

Features = NDArray[np.float32]
Floats = NDArray[np.float64]
#: Scores of (rows, features) and the session of each row.
Score = Callable[[Features, Days], Floats]

#: Rows that are scored in one call.
_MOST_AT_A_TIME = 65_536


@dataclass(frozen=True)
class Importance:
    """What the features of a model are worth in one fold.

    Attributes
    ----------
    rows
        Rows that were scored anew for each feature and repeat.
    increase, error
        (features,) rise of the mean log loss, the mean over the repeats, and its standard error over these; NaN where
        a feature is the same for all symbols of each session.
    """

    rows: int
    increase: Floats
    error: Floats


def permutation_importance(
    score: Score, features: Features, session: Days, label: Floats, settings: Evaluation, draws: np.random.Generator
) -> Importance:
    """Return how far the log loss rises if a feature's values are those of other symbols of the same session.

    Each row takes the value of another row of its session, all others equally likely (`cyclic_permutation`): the mean
    over repeats estimates the switched loss of Fisher, Rudin and Dominici (2019), All models are wrong, but many are
    useful, Journal of Machine Learning Research 20 (177), section 3.1, within sessions. Breiman (2001), Random forests,
    section 10, permutes likewise. All features change places by the same draws, so that a feature more changes nothing
    of the others. The error is that of the draws alone: how much the fold itself is chance, other folds tell.

    Features that say the same stand in for each other: each of two equal ones is needed little.

    Parameters
    ----------
    score
        What the model says of rows.
    features, session, label
        (rows, features), (rows,) days since 1970-01-01 and (rows,) labels 1 or 0: out of sample, no label missing.
    settings
        Section `evaluation`: repeats, and most rows, which are drawn if there are more.
    draws
        What draws.

    Examples
    --------
    Two symbols, one session: the model says what the first feature says, 0.9 and 0.2, and both labels come true. The
    loss is (-ln 0.9 - ln 0.8) / 2 = 0.164; switched it is (-ln 0.2 - ln 0.1) / 2 = 1.956. The second feature is unused.

    >>> said = np.array([[0.9, 1.0], [0.2, 2.0]], dtype=np.float32)
    >>> found = permutation_importance(
    ...     lambda rows, _: rows[:, 0].astype(float), said, np.array([7, 7], dtype=np.int32), np.array([1.0, 0.0]),
    ...     Evaluation(importance_repeats=2), np.random.default_rng(0))
    >>> found.increase.round(3).tolist(), found.error.tolist()
    ([1.792, 0.0], [0.0, 0.0])
    """
    groups = strata_of(session, np.ones(label.size, dtype=np.bool_))
    chosen = np.flatnonzero(has_company(groups))
    chosen = chosen[_drawn(groups[chosen], settings.importance_rows, draws)]
    columns = features.shape[1]
    if not chosen.size:
        return Importance(0, np.full(columns, np.nan), np.full(columns, np.nan))
    rows, days, truth, strata = features[chosen], session[chosen], label[chosen], groups[chosen]
    takes = [cyclic_permutation(strata, draws) for _ in range(settings.importance_repeats)]
    varies = _varies_within(rows, strata)
    asked = [(column, take) for column in np.flatnonzero(varies) for take in takes]
    before = log_losses(score(rows, days), truth).mean()
    rises = np.array(
        [log_losses(said, truth).mean() - before for said in _scored(score, rows, days, asked)], dtype=np.float64
    ).reshape(-1, len(takes))
    increase, error = np.full(columns, np.nan), np.full(columns, np.nan)
    increase[varies] = rises.mean(axis=1)
    error[varies] = rises.std(axis=1, ddof=1) / np.sqrt(len(takes))
    return Importance(int(chosen.size), increase, error)


def _drawn(groups: NDArray[np.int64], most: int, draws: np.random.Generator) -> NDArray[np.int64]:
    """Places of whole groups that are drawn and have no more than `most` rows together; of one group, if it has more.

    Of one group alone, as of a universe of one symbol, as many rows are drawn.
    """
    if groups.size <= most:
        return np.arange(groups.size)
    _, group, count = np.unique(groups, return_inverse=True, return_counts=True)
    if count.size == 1:
        return np.sort(draws.choice(groups.size, most, replace=False))
    order = draws.permutation(count.size)
    fits = max(int(np.searchsorted(np.cumsum(count[order]), most, side="right")), 1)
    return np.flatnonzero(np.isin(group, order[:fits]))


def _varies_within(rows: Features, strata: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(features,) whether two rows of one group differ; a missing value is a value."""
    order = np.argsort(strata, kind="stable")
    ordered = rows[order]
    is_same_group = (strata[order][1:] == strata[order][:-1])[:, None]
    one, other = ordered[1:], ordered[:-1]
    differs = (one != other) & ~(np.isnan(one) & np.isnan(other))
    found: NDArray[np.bool_] = (differs & is_same_group).any(axis=0)
    return found


def _scored(
    score: Score, rows: Features, days: Days, asked: list[tuple[np.int64, NDArray[np.int64]]]
) -> Iterator[Floats]:
    """Scores of the rows with one column of theirs from other rows, for each that is asked."""
    at_a_time = max(1, _MOST_AT_A_TIME // len(rows))
    for start in range(0, len(asked), at_a_time):
        part = asked[start : start + at_a_time]
        copies = np.tile(rows, (len(part), 1))
        for place, (column, take) in enumerate(part):
            copies[place * len(rows) : (place + 1) * len(rows), column] = rows[take, column]
        yield from np.split(score(copies, np.tile(days, len(part))), len(part))
