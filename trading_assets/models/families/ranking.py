"""Learning to rank the cross-section of a session: LambdaMART by XGBoost (Burges, MSR-TR-2010-82)."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from trading_assets.config.models import Ranking
from trading_assets.models.families.curve import fit_curved, load_curved
from trading_assets.models.families.interface import THREADS, Fitted, TrainingSet
from trading_assets.models.families.xgboost import Booster, load_booster

FILE_NAME = "model.npz"


def fit(training: TrainingSet, settings: Ranking, seed: int) -> Fitted:
    """Fit the ranking and the curve of its scores.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of xgboost.
    """
    return fit_curved(partial(fit_ranking, settings=settings, seed=seed), training)


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    return load_curved(content, load_booster)


def fit_ranking(training: TrainingSet, settings: Ranking, seed: int) -> Booster:
    """Fit the trees alone, whose score is an order within a session and nothing else.

    Parameters
    ----------
    training
        What it learns from; its sessions are the groups.
    settings, seed
        Section of the model, and the seed of xgboost.
    """
    import xgboost

    order = np.argsort(training.session, kind="stable")
    session = training.session[order]
    learnt = (training.label if training.target is None else training.target)[order]
    starts = np.flatnonzero(np.r_[True, session[1:] != session[:-1]])
    sizes = np.diff(np.r_[starts, len(session)])
    weight = np.add.reduceat(training.weight[order].astype(np.float64), starts) / sizes
    data = xgboost.QuantileDMatrix(
        training.features[order],
        grades(learnt, starts, settings.grades),
        group=sizes,
        weight=weight.astype(np.float32),
        max_bin=settings.bins,
        nthread=THREADS,
    )
    parameters = {
        "objective": "rank:ndcg",
        "lambdarank_pair_method": "topk",
        "tree_method": "hist",
        "device": "cpu",
        "max_bin": settings.bins,
        "max_depth": settings.depth,
        "learning_rate": settings.learning_rate,
        "seed": seed,
        "nthread": THREADS,
    }
    return Booster(xgboost.train(parameters, data, num_boost_round=settings.trees))


def grades(learnt: NDArray[np.float32], starts: NDArray[np.int64], number: int) -> NDArray[np.float32]:
    """Return the grade of each row within its session, from 0 to `number` - 1; equal values have equal grades.

    Parameters
    ----------
    learnt
        (rows,) sessions one after the other.
    starts
        (sessions,) first row of each.
    number
        Grades that there are.

    Examples
    --------
    >>> grades(np.array([0.3, 0.1, 0.2, 0.4, 7.0], dtype=np.float32), np.array([0, 4]), 2)
    array([1., 0., 0., 1., 0.], dtype=float32)
    """
    found = np.empty(len(learnt), dtype=np.float32)
    for start, stop in zip(starts, [*starts[1:], len(learnt)], strict=True):
        place = (rankdata(learnt[start:stop]) - 0.5) / (stop - start)
        found[start:stop] = np.minimum(np.ceil(place * number) - 1, number - 1)
    return found
