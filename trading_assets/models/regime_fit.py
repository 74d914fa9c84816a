"""Fitting regimes on the past: from where the fit before was, unless one from scratch explains the past far better.

Fits from scratch part the same past in another way every few months, and a number would mean something else each
time. A fit that goes on from the one before keeps its regimes, and moves them as far as the new observations ask.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from trading_assets.config.sections import Regimes
from trading_assets.models.regime_model import Floats, RegimeModel, expected_changes
from trading_assets.models.threads import one_thread

#: Place of the log volatility among the observations: regimes of a fit from scratch are in its order.
VOLATILITY = 1
#: What the lower bound of the evidence of an observation has to gain before regimes begin anew.
ANEW = 0.02
#: Most iterations of a fit that is taken, and of one from scratch that is only compared.
_MOST, _ENOUGH = 500, 100


def fit(past: Floats, settings: Regimes, seed: int, before: RegimeModel | None = None) -> RegimeModel:
    """Fit the regimes on observations, all of which are past.

    The transition probabilities are expected counts of the changes between neighbouring observations, plus
    `transition_prior` each: the mean of their Dirichlet posterior. The counts start from those of the most likely
    regimes of the mixture.

    Parameters
    ----------
    past
        (sessions, features): return_20 and the log of volatility_20.
    settings, seed
        Section of the configuration, and the seed of the mixture.
    before
        The fit on less of the past, whose regimes go on; None: there is none.

    Returns
    -------
    RegimeModel
        Regimes in the order of `before`; from scratch the calmest first.
    """
    location, spread = past.mean(axis=0), past.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    standard = (past - location) / scale
    with one_thread():
        mixture = _mixture(standard, settings, seed, _MOST if before is None else _ENOUGH)
        order = np.argsort(mixture.means_[:, VOLATILITY], kind="stable")
        if before is not None:
            going_on = _going_on(standard, settings, seed, _moved(before, location, scale))
            if mixture.lower_bound_ <= going_on.lower_bound_ + ANEW * len(past):
                mixture, order = going_on, np.arange(settings.number)
        number = np.argsort(order)[mixture.predict(standard)]
        counts = np.zeros((settings.number, settings.number))
        np.add.at(counts, (number[:-1], number[1:]), 1)
        model = RegimeModel(
            location=location,
            scale=scale,
            means=mixture.means_[order],
            factors=np.linalg.cholesky(mixture.covariances_[order]),
            weights=mixture.weights_[order] / mixture.weights_.sum(),
            transition=_transition(counts, settings),
        )
        return replace(model, transition=_transition(expected_changes(model, past), settings))


def _transition(counts: Floats, settings: Regimes) -> Floats:
    more: Floats = counts + settings.transition_prior
    return np.asarray(more / more.sum(axis=1, keepdims=True))


def _moved(model: RegimeModel, location: Floats, scale: Floats) -> RegimeModel:
    """The same regimes in units of another location and scale."""
    ratio = model.scale / scale
    return replace(
        model,
        location=location,
        scale=scale,
        means=model.means * ratio + (model.location - location) / scale,
        factors=model.factors * ratio[:, None],
    )


def _unfitted(settings: Regimes, seed: int, iterations: int, is_warm: bool) -> Any:
    from sklearn.mixture import BayesianGaussianMixture

    return BayesianGaussianMixture(
        n_components=settings.number,
        weight_concentration_prior_type="dirichlet_process",
        max_iter=iterations,
        random_state=seed,
        warm_start=is_warm,
    )


def _fitted(mixture: Any, standard: Floats) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that is not quite there is a fit
        return mixture.fit(standard)


def _mixture(standard: Floats, settings: Regimes, seed: int, iterations: int) -> Any:
    return _fitted(_unfitted(settings, seed, iterations, is_warm=False), standard)


def _going_on(standard: Floats, settings: Regimes, seed: int, before: RegimeModel) -> Any:
    """A mixture that starts from regimes: what `warm_start` finds is what a fit on as many rows would have left.

    The posterior of a regime that has `n` rows is that of scikit-learn's priors: one mean, `features` degrees of
    freedom, and a concentration of 1 / regimes (Bishop, Pattern Recognition and Machine Learning, section 10.2).
    """
    mixture, rows = _unfitted(settings, seed, _MOST, is_warm=True), before.weights * len(standard)
    mixture.means_ = before.means
    mixture.covariances_ = before.factors @ before.factors.transpose(0, 2, 1)
    mixture.precisions_cholesky_ = np.linalg.inv(before.factors).transpose(0, 2, 1)
    mixture.mean_precision_ = 1.0 + rows
    mixture.degrees_of_freedom_ = standard.shape[1] + rows
    behind = np.append(np.cumsum(rows[::-1])[-2::-1], 0.0)
    mixture.weight_concentration_ = (1.0 + rows, 1.0 / settings.number + behind)
    mixture.lower_bound_, mixture.converged_ = -np.inf, True
    return _fitted(mixture, standard)
