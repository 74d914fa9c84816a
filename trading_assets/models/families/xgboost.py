"""Gradient boosting by XGBoost: the default. Training draws no random numbers; bytes are XGBoost's own (``.ubj``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_assets.config.models import Xgboost
from trading_assets.models.families.curve import fit_curved, load_curved, standardised
from trading_assets.models.families.interface import THREADS, Features, Fitted, Floats, TrainingSet

FILE_NAME = "model.ubj"


@dataclass(frozen=True)
class Booster:
    """Trees of XGBoost."""

    booster: Any

    def score(self, features: Features) -> Floats:
        """Return what the trees say of (rows, features): the probability of label 1, if they learnt a class."""
        found: NDArray[np.float32] = self.booster.inplace_predict(features)
        return found.astype(np.float64)

    def save(self) -> bytes:
        """Return the native bytes."""
        return bytes(self.booster.save_raw("ubj"))

    def contributions(self, features: Features) -> NDArray[np.floating]:
        """Return (rows, features) what each value adds to what the trees say, by exact Shapley values."""
        import xgboost

        found: NDArray[np.floating] = self.booster.predict(
            xgboost.DMatrix(features, nthread=THREADS), pred_contribs=True
        )
        return found[:, :-1]


def fit(training: TrainingSet, settings: Xgboost, seed: int) -> Fitted:
    """Fit a classifier, or a regression and its curve.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of xgboost.
    """
    if training.target is None:
        return Booster(fit_booster(training, settings, seed))
    return fit_curved(partial(_regression, settings=settings, seed=seed), training)


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    return load_curved(content, load_booster)


def load_booster(content: bytes) -> Booster:
    """Return the trees of native bytes."""
    import xgboost

    booster = xgboost.Booster(model_file=bytearray(content))
    booster.set_param({"nthread": THREADS})
    return Booster(booster)


def fit_booster(training: TrainingSet, settings: Xgboost, seed: int, threads: int = THREADS) -> Any:
    """Fit a classifier alone: a function of its arguments, and of nothing else.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of xgboost.
    threads
        Threads of xgboost; the result must not depend on it.
    """
    more = {"objective": "binary:logistic", "min_child_weight": settings.min_child_weight}
    return _trained(training, training.label, settings, {**more, "seed": seed, "nthread": threads})


def _regression(training: TrainingSet, settings: Xgboost, seed: int) -> Booster:
    # The second derivative of a square loss is the weight: four times that of a class of either side alike.
    more = {"objective": "reg:squarederror", "min_child_weight": 4 * settings.min_child_weight}
    learnt = standardised(training).astype(np.float32)
    return Booster(_trained(training, learnt, settings, {**more, "seed": seed, "nthread": THREADS}))


def _trained(training: TrainingSet, learnt: NDArray[np.float32], settings: Xgboost, more: dict[str, Any]) -> Any:
    import xgboost

    data = xgboost.QuantileDMatrix(
        training.features, learnt, weight=training.weight, max_bin=settings.bins, nthread=more["nthread"]
    )
    parameters = {
        "tree_method": "hist",
        "device": "cpu",
        "max_bin": settings.bins,
        "max_depth": settings.depth,
        "learning_rate": settings.learning_rate,
        **more,
    }
    return xgboost.train(parameters, data, num_boost_round=settings.trees)
