"""Logistic regression with a ridge penalty, by scikit-learn; saved as arrays."""

from __future__ import annotations

import numpy as np

from trading_assets.config.models import Logistic
from trading_assets.models.families.interface import Fitted, TrainingSet
from trading_assets.models.families.linear import Linear, Scaling
from trading_assets.models.families.linear import load as load_linear

FILE_NAME = "model.npz"


def fit(training: TrainingSet, settings: Logistic, seed: int) -> Fitted:
    """Fit the classifier; it draws nothing.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed, which has no part in it.
    """
    from sklearn.linear_model import LogisticRegression

    scaling = Scaling.of(training.features)
    model = LogisticRegression(C=1 / settings.penalty, solver="newton-cholesky", max_iter=500)
    model.fit(scaling.apply(training.features), training.label, sample_weight=training.weight)
    return Linear(scaling, model.coef_[0].astype(np.float64), float(model.intercept_[0]), is_probability=True)


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    return load_linear(content)
