"""Fitting regimes on the past: as near to the fit before as it explains the past, unless another does far better.

Fits from scratch part the same past in another way every few months, and a number would mean something else each
time. A fit that goes on from the one before keeps its regimes, and moves them as far as the new observations ask and
the sessions just before are still called the same.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from trading_assets.config.sections import Regimes
from trading_assets.models.regime_model import Floats, RegimeModel, expected_changes, log_densities
from trading_assets.models.regime_numbers import RECENT, labels
from trading_assets.models.threads import one_thread

#: Place of the log volatility among the observations: regimes of a fit from scratch are in its order.
VOLATILITY = 1
#: Part of the sessions before a refit that a fit has to call as the fit before it did.
STEADY = 0.85
#: What the mean log density of an observation has to gain before that does not count.
ANEW = 0.02
#: Most iterations of a fit that is taken, and of one from scratch that is only compared.
_MOST, _ENOUGH = 500, 100
#: Most iterations of fits that go on from the one before.
_STEPS = (1, 4, _MOST)


def fit(past: Floats, settings: Regimes, seed: int, before: RegimeModel | None = None) -> RegimeModel:
    """Fit the regimes on observations, all of which are past.

    The transition probabilities are expected counts of the changes between neighbouring observations, plus
    `transition_prior` each: the mean of their Dirichlet posterior. The counts of a fit from scratch start from those of
    the most likely regimes of the mixture, those of another from the transitions before it.

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
        anew = _from_scratch(standard, location, scale, settings, seed, _MOST if before is None else _ENOUGH)
        found = anew if before is None else _steadiest(past, standard, before, anew, settings, seed)
        return replace(found, transition=_transition(expected_changes(found, past), settings))


def evidence(model: RegimeModel, past: Floats) -> float:
    """Return the mean log density of observations by the mixture, whatever came before each.

    Parameters
    ----------
    model, past
        Fit, and (sessions, features) observations.

    Examples
    --------
    One regime, the standard normal one, and an observation of 0: log(1 / sqrt(2 pi)) = -0.919.

    >>> one = np.ones((1, 1))
    >>> model = RegimeModel(np.zeros(1), np.ones(1), np.zeros((1, 1)), one[None], np.ones(1), one)
    >>> round(evidence(model, np.zeros((1, 1))), 3)
    -0.919
    """
    logs = log_densities(model, past)
    highest = logs.max(axis=1)
    mean = np.log((model.weights * np.exp(logs - highest[:, None])).sum(axis=1)) + highest
    return float(mean.mean() - np.log(model.scale).sum())


def _steadiest(
    past: Floats, standard: Floats, before: RegimeModel, anew: RegimeModel, settings: Regimes, seed: int
) -> RegimeModel:
    """The fit that explains the past best of those that call its end as `before` does, or one that does far better.

    Those that go on are the regimes as they were, and fits from there that were stopped early, or not.
    """
    moved = _moved(before, anew.location, anew.scale)
    going = [moved, *(_going_on(standard, settings, seed, moved, most) for most in _STEPS)]
    recent = past[-RECENT:]
    was = labels(before, recent)
    steady = [each for each in going if float((labels(each, recent) == was).mean()) >= STEADY]
    found = max(steady or going[:1], key=lambda each: evidence(each, past))
    for other in (going[-1], anew):
        if evidence(other, past) > evidence(found, past) + ANEW:
            found = other
    return found


def _from_scratch(
    standard: Floats, location: Floats, scale: Floats, settings: Regimes, seed: int, most: int
) -> RegimeModel:
    mixture = _fitted(_unfitted(settings, seed, most, is_warm=False), standard)
    order = np.argsort(mixture.means_[:, VOLATILITY], kind="stable")
    number = np.argsort(order)[mixture.predict(standard)]
    counts = np.zeros((settings.number, settings.number))
    np.add.at(counts, (number[:-1], number[1:]), 1)
    return _of(mixture, order, location, scale, _transition(counts, settings))


def _of(mixture: Any, order: Any, location: Floats, scale: Floats, transition: Floats) -> RegimeModel:
    return RegimeModel(
        location=location,
        scale=scale,
        means=mixture.means_[order],
        factors=np.linalg.cholesky(mixture.covariances_[order]),
        weights=mixture.weights_[order] / mixture.weights_.sum(),
        transition=transition,
    )


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


def _going_on(standard: Floats, settings: Regimes, seed: int, before: RegimeModel, most: int) -> RegimeModel:
    """A fit that starts from regimes: what `warm_start` finds is what a fit on as many rows would have left.

    The posterior of a regime that has `n` rows is that of scikit-learn's priors: one mean, `features` degrees of
    freedom, and a concentration of 1 / regimes (Bishop, Pattern Recognition and Machine Learning, section 10.2).
    """
    mixture, rows = _unfitted(settings, seed, most, is_warm=True), before.weights * len(standard)
    mixture.means_ = before.means
    mixture.covariances_ = before.factors @ before.factors.transpose(0, 2, 1)
    mixture.precisions_cholesky_ = np.linalg.inv(before.factors).transpose(0, 2, 1)
    mixture.mean_precision_ = 1.0 + rows
    mixture.degrees_of_freedom_ = standard.shape[1] + rows
    behind = np.append(np.cumsum(rows[::-1])[-2::-1], 0.0)
    mixture.weight_concentration_ = (1.0 + rows, 1.0 / settings.number + behind)
    mixture.lower_bound_, mixture.converged_ = -np.inf, True
    order = np.arange(settings.number)
    return _of(_fitted(mixture, standard), order, before.location, before.scale, before.transition)
