"""Combinatorial purged cross-validation over dates: many paths of one history, each out of sample throughout.

The sessions are parted into groups. Each choice of some of them is tested by a model of the others, so that every
group is tested several times, by different models, and these make paths over all sessions (Lopez de Prado, Advances in
Financial Machine Learning, 2018, chapter 12). A path is no track record: most of what tests a session has learnt from
later ones. It tells how much a metric owes to the one path that a walk forward is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from trading_assets.config.cross_validation import CrossValidation
from trading_assets.models.evaluation import fold_metrics
from trading_assets.models.online import learning_on
from trading_assets.models.samples import Days, RowNumbers, Samples
from trading_assets.models.threads import one_thread
from trading_assets.models.training import Learner, insufficiency, model_scores, training_set
from trading_assets.parallel.workers import IN_THREADS, Workers

Floats = NDArray[np.float64]
#: What is said of a path of the model; that of `naive` is beside it.
METRICS = ("log_loss", "brier", "auc", "information_coefficient", "ece")
#: A row is held where its score is above this.
HELD_ABOVE = 0.5


@dataclass(frozen=True)
class Split:
    """A choice of groups, the rows that train for it, and those that it tests, by group."""

    number: int
    train: RowNumbers
    tested: Mapping[int, RowNumbers]


def splits(session: Days, label_end: Days, usable: NDArray[np.bool_], settings: CrossValidation) -> Iterator[Split]:
    """Yield all choices of tested groups, in order.

    A row trains if its label is over before a tested group begins, or if it is decided more than the embargo after
    the last label of the group is over. That holds for every tested group.

    Parameters
    ----------
    session, label_end
        (rows,) days since 1970-01-01 of the decision, and of the end of its label.
    usable
        (rows,) whether a row can train and be tested: its label is known.
    settings
        Groups, how many of them are tested, and the embargo in sessions.
    """
    sessions = np.unique(session[usable])
    groups = [group for group in np.array_split(sessions, settings.groups) if group.size]
    rows = [np.flatnonzero(usable & (session >= group[0]) & (session <= group[-1])) for group in groups]
    kept_out = []
    for group, own in zip(groups, rows, strict=True):
        after = np.searchsorted(sessions, label_end[own].max(), side="right") + settings.embargo_sessions
        first_again = sessions[after] if after < sessions.size else np.iinfo(sessions.dtype).max
        kept_out.append((label_end >= group[0]) & (session < first_again))
    for number, chosen in enumerate(combinations(range(len(groups)), settings.tested)):
        train = usable & ~np.logical_or.reduce([kept_out[group] for group in chosen])
        yield Split(number, np.flatnonzero(train), {group: rows[group] for group in chosen})


def path_of_each(chosen: Sequence[Sequence[int]]) -> dict[tuple[int, int], int]:
    """Return the path that each test of a group is a part of, by number of the split and group.

    The first test of each group is of the first path, the second of the second, and so on.

    Parameters
    ----------
    chosen
        Groups that each split tests.

    Examples
    --------
    Three groups, two of them tested: group 0 by splits 0 and 1, group 1 by 0 and 2, group 2 by 1 and 2.

    >>> path_of_each([(0, 1), (0, 2), (1, 2)])
    {(0, 0): 0, (0, 1): 0, (1, 0): 1, (1, 2): 0, (2, 1): 1, (2, 2): 1}
    """
    seen: dict[int, int] = {}
    found = {}
    for split, groups in enumerate(chosen):
        for group in groups:
            found[split, group] = seen.get(group, 0)
            seen[group] = found[split, group] + 1
    return found


@dataclass(frozen=True)
class _Known:
    samples: Samples
    learner: Learner


def cross_validate(
    samples: Samples, learner: Learner, settings: CrossValidation, workers: Workers = IN_THREADS
) -> tuple[list[dict[str, float | None]], int]:
    """Train a model for each choice of groups, and return the metrics of each path.

    Parameters
    ----------
    samples
        Rows that the model learns from; none of a holdout.
    learner
        What makes a model of a training set.
    settings
        Groups, how many of them are tested, and the embargo.
    workers
        Who trains.

    Returns
    -------
    tuple
        Metrics by name of each path that every split of could be trained, and how many splits were.
    """
    usable = samples.scorable() & ~np.isnan(samples.label)
    every = list(splits(samples.session, samples.label_end, usable, settings))
    paths = path_of_each([tuple(each.tested) for each in every])
    with one_thread("sklearn.linear_model", "xgboost"):
        scored = workers.map(_scored, _Known(samples, learner), every)
    count = max(paths.values(), default=-1) + 1
    score, naive = (np.full((count, samples.session.shape[0]), np.nan) for _ in range(2))
    broken = set()
    for split, said in zip(every, scored, strict=True):
        for group, rows in split.tested.items():
            path = paths[split.number, group]
            if said is None:
                broken.add(path)
                continue
            score[path, rows], naive[path, rows] = said[0][group], said[1]
    rows = np.flatnonzero(usable)
    return [
        path_metrics(samples, rows, score[path][rows], naive[path][rows], learner.settings.horizon)
        for path in range(count)
        if path not in broken
    ], sum(said is not None for said in scored)


def _scored(known: _Known, split: Split) -> tuple[dict[int, Floats], float] | None:
    """Scores of the tested rows by group, and the share of label 1 among the rows that trained."""
    samples, learner = known.samples, known.learner
    if insufficiency(samples, split.train, learner.settings) is not None:
        return None
    training = training_set(samples, split.train)
    with one_thread():
        fitted = learner.fit(training)
        scores = {}
        for group, rows in split.tested.items():
            model, day = learning_on(fitted, samples, split.train, rows, learner)
            scores[group] = model_scores(model, samples.features[rows], day)
    return scores, training.base_rate()


def path_metrics(
    samples: Samples, rows: RowNumbers, score: Floats, naive: Floats, horizon: int
) -> dict[str, float | None]:
    """Return the metrics of one path.

    Parameters
    ----------
    samples, rows
        All rows, and the numbers of those that are scored.
    score, naive
        (rows,) scores of the path, and the share of label 1 among the rows that trained for each.
    horizon
        Sessions of a label.
    """
    label, earned = samples.label[rows].astype(np.float64), samples.relative_return[rows]
    found = fold_metrics({"model": score, "naive": naive}, label, earned)
    sharpe = sharpe_of_holdings(samples.session[rows], score, earned, horizon)
    return {name: found[name] for name in METRICS} | {
        "naive_log_loss": found["naive_log_loss"],
        "sharpe_per_holding": sharpe,
    }


def sharpe_of_holdings(session: Days, score: Floats, earned: Floats, horizon: int) -> float | None:
    """Return the Sharpe ratio of holding what is scored above one half, long only, by holding period.

    Every `horizon` + 1 sessions the rows of that session with a score above `HELD_ABOVE` are held with equal weights
    until their labels end; nothing is held where there are none. The periods do not overlap. The ratio is the mean of
    their returns over their standard deviation, not annualised, before costs; returns are relative to the benchmark as
    labels are.

    Parameters
    ----------
    session, score, earned
        (rows,) session, score, and return over the benchmark until the label ends.
    horizon
        Sessions of a label.

    Returns
    -------
    float
        None with fewer than two periods, or where all of them are the same.

    Examples
    --------
    Of three sessions with two symbols the returns are 0.02, the mean of 0.03 and 0.01, and nothing: mean 0.04 / 3,
    deviation 0.0115.

    >>> session = np.array([0, 0, 1, 1, 2, 2], dtype=np.int32)
    >>> score, earned = np.array([0.6, 0.4, 0.7, 0.9, 0.5, 0.2]), np.array([0.02, 0.5, 0.03, 0.01, 0.5, 0.5])
    >>> round(sharpe_of_holdings(session, score, earned, horizon=0), 3)
    1.155
    """
    sessions, place = np.unique(session, return_inverse=True)
    held = score > HELD_ABOVE
    count = np.bincount(place[held], minlength=sessions.size)
    total = np.bincount(place[held], earned[held], sessions.size)
    returns = (total / np.maximum(count, 1))[:: horizon + 1]
    if returns.size < 2 or not np.ptp(returns) > 0:
        return None
    return float(returns.mean() / returns.std(ddof=1))


def number_of_paths(settings: CrossValidation) -> int:
    """Return how many paths there are: choices of the other tested groups for one that is tested."""
    return comb(settings.groups - 1, settings.tested - 1)
