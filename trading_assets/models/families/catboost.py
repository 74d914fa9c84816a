"""Gradient boosting by CatBoost (extra `catboost`). Draws nothing; bytes are CatBoost's own (``.cbm``)."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from trading_assets.config.models import Catboost
from trading_assets.models.families.curve import fit_curved, load_curved, standardised
from trading_assets.models.families.interface import THREADS, Features, Fitted, Floats, TrainingSet

FILE_NAME = "model.cbm"


@dataclass(frozen=True)
class Trees:
    """Trees of CatBoost.

    Attributes
    ----------
    model
        CatBoost's model.
    is_probability
        Their sum is a log-odds, and the score its probability.
    """

    model: Any
    is_probability: bool

    def score(self, features: Features) -> Floats:
        """Return what the trees say of (rows, features)."""
        if not len(features):
            return np.empty(0)
        total = np.asarray(
            self.model.predict(features, prediction_type="RawFormulaVal", thread_count=THREADS), dtype=np.float64
        ).ravel()
        found: Floats = expit(total) if self.is_probability else total
        return found

    def save(self) -> bytes:
        """Return the native bytes."""
        return _native(self.model)

    def contributions(self, features: Features) -> Floats:
        """Return (rows, features) what each value adds to what the trees say, by Shapley values."""
        import catboost

        found = self.model.get_feature_importance(
            catboost.Pool(features, thread_count=THREADS), type="ShapValues", thread_count=THREADS
        )
        values: Floats = np.asarray(found)
        return values[:, :-1]

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as native bytes."""
        return load_trees, (self.save(),)


def fit(training: TrainingSet, settings: Catboost, seed: int) -> Fitted:
    """Fit a classifier, or a regression and its curve.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of CatBoost.
    """
    if training.target is None:
        return fit_trees(training, settings, seed)
    return fit_curved(partial(fit_trees, settings=settings, seed=seed), training)


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    return load_curved(content, load_trees)


def load_trees(content: bytes) -> Trees:
    """Return the trees of native bytes."""
    import catboost

    model = catboost.CatBoost()
    model.load_model(blob=content)
    return Trees(model, is_probability=model.get_metadata()["learns"] == "class")


def fit_trees(training: TrainingSet, settings: Catboost, seed: int) -> Trees:
    """Fit the trees: of the label where a class is learnt, else of the standardised target.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of CatBoost.
    """
    import catboost

    is_class = training.target is None
    model = catboost.CatBoost(
        {
            "loss_function": "Logloss" if is_class else "RMSE",
            "iterations": settings.trees,
            "depth": settings.depth,
            "learning_rate": settings.learning_rate,
            "border_count": settings.bins,
            "l2_leaf_reg": settings.leaf_penalty,
            "boosting_type": "Plain",
            "bootstrap_type": "No",
            "random_strength": 0,
            "random_seed": seed,
            "thread_count": THREADS,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
    )
    learnt = training.label.astype(np.int64) if is_class else standardised(training)
    model.fit(catboost.Pool(training.features, learnt, weight=training.weight, thread_count=THREADS))
    known = model.get_metadata()
    for name in list(known.keys()):  # a time and a random number, which would make other bytes of the same model
        del known[name]
    known["learns"] = "class" if is_class else "number"
    return Trees(model, is_probability=is_class)


def _native(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        model.save_model(str(path), format="cbm")
        return path.read_bytes()
