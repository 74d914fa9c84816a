"""Quantile regression by gradient-boosted trees of XGBoost (pinball loss)."""

from __future__ import annotations

from functools import partial

from trading_assets.config.models import Quantile
from trading_assets.models.families.curve import fit_curved, load_curved
from trading_assets.models.families.interface import THREADS, Fitted, TrainingSet
from trading_assets.models.families.xgboost import Booster, load_booster

FILE_NAME = "model.npz"


def fit(training: TrainingSet, settings: Quantile, seed: int) -> Fitted:
    """Fit the trees and the curve of their scores.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of xgboost.
    """
    return fit_curved(partial(fit_quantile, settings=settings, seed=seed), training)


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    return load_curved(content, load_booster)


def fit_quantile(training: TrainingSet, settings: Quantile, seed: int) -> Booster:
    """Fit the trees alone, whose score is the quantile of what is learnt.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of xgboost.
    """
    import xgboost

    learnt = training.label if training.target is None else training.target
    data = xgboost.QuantileDMatrix(
        training.features, learnt, weight=training.weight, max_bin=settings.bins, nthread=THREADS
    )
    parameters = {
        "objective": "reg:quantileerror",
        "quantile_alpha": settings.quantile,
        "tree_method": "hist",
        "device": "cpu",
        "max_bin": settings.bins,
        "max_depth": settings.depth,
        "learning_rate": settings.learning_rate,
        "seed": seed,
        "nthread": THREADS,
    }
    return Booster(xgboost.train(parameters, data, num_boost_round=settings.trees))
