"""Gradient boosting by LightGBM (extra `lightgbm`). Draws nothing; bytes are LightGBM's own text of the trees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_assets.config.models import Lightgbm
from trading_assets.models.families.curve import fit_curved, load_curved, standardised
from trading_assets.models.families.interface import THREADS, Features, Fitted, Floats, TrainingSet

FILE_NAME = "model.txt"


@dataclass(frozen=True)
class Trees:
    """Trees of LightGBM."""

    booster: Any

    def score(self, features: Features) -> Floats:
        """Return what the trees say of (rows, features): the probability of label 1, if they learnt a class."""
        if not len(features):
            return np.empty(0)
        return np.asarray(self.booster.predict(features, num_threads=THREADS), dtype=np.float64)

    def save(self) -> bytes:
        """Return the text of the trees."""
        return str(self.booster.model_to_string()).encode()

    def contributions(self, features: Features) -> Floats:
        """Return (rows, features) what each value adds to what the trees say, by Shapley values."""
        found: Floats = np.asarray(self.booster.predict(features, num_threads=THREADS, pred_contrib=True))
        return found[:, :-1]


def fit(training: TrainingSet, settings: Lightgbm, seed: int) -> Fitted:
    """Fit a classifier, or a regression and its curve.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of LightGBM.
    """
    if training.target is None:
        return fit_trees(training, settings, seed)
    return fit_curved(partial(fit_trees, settings=settings, seed=seed), training)


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    return load_curved(content, load_trees)


def load_trees(content: bytes) -> Trees:
    """Return the trees of LightGBM's text."""
    import lightgbm

    return Trees(lightgbm.Booster(model_str=content.decode()))


def fit_trees(training: TrainingSet, settings: Lightgbm, seed: int) -> Trees:
    """Fit the trees: of the label where a class is learnt, else of the standardised target.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of LightGBM.
    """
    import lightgbm

    is_class = training.target is None
    learnt: NDArray[Any] = training.label if is_class else standardised(training)
    parameters = {
        "objective": "binary" if is_class else "regression",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "max_bin": settings.bins,
        "min_sum_hessian_in_leaf": settings.min_child_weight * (1 if is_class else 4),
        "min_data_in_leaf": 1,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "num_threads": THREADS,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(training.features, learnt, weight=training.weight, params=parameters)
    return Trees(lightgbm.train(parameters, data, num_boost_round=settings.trees))
