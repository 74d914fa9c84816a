"""Whether a model scores where there is nothing to find: labels change places within each session, and it learns them.

What is left to learn of shuffled labels is nothing that tells the symbols of a session apart. A model that does so all
the same was shown the labels that it is tested on: by rows that train and are tested, by a family that keeps what it
must not, or by labels that reach it on another way. What this cannot find is a feature that knows the future: its
values do not follow the labels when these are shuffled. Features are held to the look-ahead audit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from trading_assets.models.families.odds import log_losses
from trading_assets.models.online import learning_on
from trading_assets.models.permutations import shuffled, strata_of
from trading_assets.models.samples import RowNumbers, Samples
from trading_assets.models.threads import one_thread
from trading_assets.models.training import Learner, insufficiency, model_scores, training_set

Floats = NDArray[np.float64]

#: How often a model is blamed that has seen nothing: once in so many.
LEVEL = 1e-4


@dataclass(frozen=True)
class ShuffledScore:
    """How well a model of shuffled labels tells the labels of one fold apart.

    Attributes
    ----------
    train_rows, rows
        Rows that it learnt from, and those that it was asked about.
    pairs
        Pairs of a label 1 and a label 0 of one session.
    auc
        Part of these that the scores put in the right order, ties half; NaN without pairs.
    error
        Standard deviation of `auc` over all ways to shuffle the labels of the tested rows, where nothing is known.
    log_loss, base_log_loss
        Mean log loss of the scores, and that of the share of label 1 among the rows that it learnt from.
    """

    train_rows: int
    rows: int
    pairs: int
    auc: float
    error: float
    log_loss: float
    base_log_loss: float


def auc_within(score: Floats, label: Floats, strata: NDArray[np.int64]) -> tuple[int, float, float]:
    """Return pairs, area under the curve within groups, and its deviation if the labels of each group are shuffled.

    A pair is a 1 and a 0 of one group. Where all permutations of labels within each group are equally likely, whatever
    the scores, the number of pairs in order has the mean of one half of them, and a variance of

        n1 n0 / 12 (n + 1 - sum of (t^3 - t) / (n (n - 1)))

    in each group of n rows, t of which share a score: the rank-sum test with ties (Lehmann, 1975, Nonparametrics,
    section 1.4), added up over groups (van Elteren, 1960).

    Parameters
    ----------
    score, label
        (rows,) what is said of each row, and 1 or 0.
    strata
        (rows,) group of each row.

    Examples
    --------
    One session of three rows, the first of them a 1 that has the highest score: both pairs are in order. The variance
    is 2 / 12 x 4 = 2/3 pairs, the deviation 0.816 of 2 pairs.

    >>> pairs, auc, error = auc_within(np.array([0.9, 0.5, 0.1]), np.array([1.0, 0, 0]), np.array([7, 7, 7]))
    >>> pairs, auc, round(error, 3)
    (2, 1.0, 0.408)
    """
    if not score.size:
        return 0, float("nan"), float("nan")
    order = np.lexsort((score, strata))
    group, ordered = strata[order], score[order]
    new_group = np.r_[True, group[1:] != group[:-1]]
    new_score = new_group | np.r_[True, ordered[1:] != ordered[:-1]]
    of_group, of_score = np.cumsum(new_group) - 1, np.cumsum(new_score) - 1
    rows, ones = np.bincount(of_group).astype(np.float64), np.bincount(of_group, label[order])
    tied = np.bincount(of_score).astype(np.float64)
    place = np.arange(score.size) - np.flatnonzero(new_group)[of_group]
    middle = (np.bincount(of_score, place) / tied)[of_score] + 1
    in_order = np.bincount(of_group, middle * label[order]) - ones * (ones + 1) / 2
    both = ones * (rows - ones)
    tie_sum = np.bincount(of_group[new_score], tied**3 - tied)
    variance = both / 12 * (rows + 1 - tie_sum / np.maximum(rows * (rows - 1), 1))
    pairs = both.sum()
    if not pairs > 0:
        return 0, float("nan"), float("nan")
    return int(pairs), float(in_order.sum() / pairs), float(np.sqrt(variance.sum()) / pairs)


def with_shuffled_labels(
    samples: Samples, rows: RowNumbers, strata: NDArray[np.int64], draws: np.random.Generator
) -> Samples:
    """Return samples in which labels, and what they are made of, have changed places within groups.

    When a label ends, and how much it weighs, stays with its row.

    Parameters
    ----------
    samples
        Rows that a model learns from.
    rows, strata
        Numbers of those of them that change places, all with a label, and the group of each; the others keep theirs.
    draws
        What draws.
    """
    takes = np.arange(samples.session.size)
    takes[rows] = rows[shuffled(strata, draws)]
    target = None if samples.target is None else samples.target[takes]
    return replace(samples, label=samples.label[takes], relative_return=samples.relative_return[takes], target=target)


def score_shuffled(
    samples: Samples, train: RowNumbers, test: RowNumbers, learner: Learner, most_rows: int, draws: np.random.Generator
) -> ShuffledScore | None:
    """Shuffle labels, learn them, and return what is told of those that were not learnt; None if nothing can be.

    Parameters
    ----------
    samples
        Rows that a model learns from.
    train, test
        Numbers of the rows that train and that are tested, ascending, all with a label; none of a closed holdout.
    learner
        What makes a model of a training set.
    most_rows
        Rows that train, of the last sessions of `train`, whole sessions: a label that has not ended, or a row that is
        tested as well, would be of these.
    draws
        What draws.
    """
    train = _last_sessions(samples, train, most_rows)
    rows = np.union1d(train, test)
    is_tested = np.isin(rows, test)
    strata = strata_of(samples.session[rows], is_tested)
    made = with_shuffled_labels(samples, rows, strata, draws)
    if not test.size or insufficiency(made, train, learner.settings) is not None:
        return None
    learns_from = training_set(made, train)
    with one_thread():
        model, day = learning_on(learner.fit(learns_from), made, train, test, learner)
        score = model_scores(model, made.features[test], day)
    label = made.label[test].astype(np.float64)
    pairs, auc, error = auc_within(score, label, strata[is_tested])
    base = np.full(test.size, learns_from.base_rate())
    return ShuffledScore(
        train_rows=train.size,
        rows=test.size,
        pairs=pairs,
        auc=auc,
        error=error,
        log_loss=float(log_losses(score, label).mean()),
        base_log_loss=float(log_losses(base, label).mean()),
    )


def _last_sessions(samples: Samples, rows: RowNumbers, most: int) -> RowNumbers:
    """Rows of the last sessions that have no more than so many together; of the last session, if it has more."""
    session, count = np.unique(samples.session[rows], return_counts=True)
    if rows.size <= most:
        return rows
    together = np.cumsum(count[::-1])[::-1]
    fits = np.flatnonzero(together <= most)
    found: RowNumbers = rows[samples.session[rows] >= session[fits[0] if fits.size else -1]]
    return found


@dataclass(frozen=True)
class Finding:
    """What all folds say together.

    Attributes
    ----------
    auc
        Part of all pairs that is in order; NaN without pairs.
    z, p
        Its distance from one half in standard deviations, and how often nothing makes as much of it.
    is_leak
        Whether that is less often than `LEVEL`.
    """

    auc: float
    z: float
    p: float
    is_leak: bool


def finding_of(folds: Sequence[tuple[int, float, float]]) -> Finding:
    """Return what pairs, `auc` and `error` of some folds say together.

    Examples
    --------
    Of 300 pairs (100 x 0.6 + 200 x 0.5) / 300 = 53.3 % are in order, 10 more than half. The deviation is the root of
    (100 x 0.05)^2 + (200 x 0.04)^2 = 89 pairs, 9.43.

    >>> found = finding_of([(100, 0.6, 0.05), (200, 0.5, 0.04)])
    >>> round(found.auc, 4), round(found.z, 3), round(found.p, 3), found.is_leak
    (0.5333, 1.06, 0.145, False)
    """
    known = [each for each in folds if each[0] > 0]
    pairs = sum(count for count, _, _ in known)
    deviation = float(np.sqrt(sum((count * error) ** 2 for count, _, error in known)))
    if not pairs or not deviation > 0:
        return Finding(float("nan"), float("nan"), float("nan"), is_leak=False)
    auc = sum(count * auc for count, auc, _ in known) / pairs
    z = (auc - 0.5) * pairs / deviation
    p = NormalDist().cdf(-z)
    return Finding(auc, z, p, is_leak=p < LEVEL)
