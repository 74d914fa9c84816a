"""Linear regression with L1 and L2 penalties, by scikit-learn; saved as arrays."""

from __future__ import annotations

from functools import partial

from trading_assets.config.models import ElasticNet
from trading_assets.models.families.curve import fit_curved, load_curved, standardised
from trading_assets.models.families.interface import Fitted, TrainingSet
from trading_assets.models.families.linear import Linear, Scaling
from trading_assets.models.families.linear import load as load_linear

FILE_NAME = "model.npz"


def fit(training: TrainingSet, settings: ElasticNet, seed: int) -> Fitted:
    """Fit the regression and its curve; it draws nothing.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed, which has no part in it.
    """
    return fit_curved(partial(fit_elastic_net, settings=settings), training)


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    return load_curved(content, load_linear)


def fit_elastic_net(training: TrainingSet, settings: ElasticNet) -> Linear:
    """Fit the regression alone, whose score is the standardised target."""
    from sklearn.linear_model import ElasticNet as Regression

    scaling = Scaling.of(training.features)
    model = Regression(alpha=settings.penalty, l1_ratio=settings.l1_share, max_iter=20_000)
    model.fit(scaling.apply(training.features), standardised(training), sample_weight=training.weight)
    return Linear(scaling, model.coef_, float(model.intercept_), is_probability=False)
