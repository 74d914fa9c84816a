"""Regimes of a market: a mixture fitted on the past, and the probability of each regime filtered forward.

The mixture is a variational Gaussian one with a Dirichlet process prior (Blei and Jordan, Bayesian Analysis 1
(2006)), which leaves regimes that the past does not need almost empty. Its regimes are the states of a hidden Markov
chain (Hamilton, Econometrica 57 (1989)). Filtered means that the probability at *t* comes from the observations up to
*t*: a smoothed probability, or the mixture's own over a whole series, would know how the regime went on.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config import hash_of
from trading_assets.config.sections import Regimes
from trading_assets.config.stated import completed
from trading_assets.models.tables import REGIMES
from trading_assets.models.threads import one_thread

Floats = NDArray[np.float64]

#: Columns of `features.daily` that tell regimes apart.
FEATURES = ("return_20", "volatility_20")
#: Place of the log volatility among the observations: regimes are numbered by it.
_VOLATILITY = 1
#: Part of every version: raise it when a regime changes meaning.
REGIMES_VERSION = 1


@dataclass(frozen=True)
class RegimeModel:
    """Normal distributions of the observations by regime, the calmest first, and how regimes follow each other.

    Attributes
    ----------
    location, scale
        (features,) of the past, by which observations are standardised.
    means
        (regimes, features), standardised.
    factors
        (regimes, features, features) lower Cholesky factors of the covariances.
    weights
        (regimes,) share of each.
    transition
        (regimes, regimes), from row to column.
    """

    location: Floats
    scale: Floats
    means: Floats
    factors: Floats
    weights: Floats
    transition: Floats

    def as_json(self) -> dict[str, Any]:
        """Return its numbers as lists, which have every digit."""
        return {each.name: getattr(self, each.name).tolist() for each in fields(self)}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> RegimeModel:
        """Return what `as_json` was made of."""
        return cls(**{name: np.array(values, dtype=np.float64) for name, values in said.items()})


def regimes_of_benchmarks(
    features: pl.DataFrame,
    benchmarks: Sequence[str],
    settings: Regimes,
    seed: int,
    fits: dict[str, RegimeModel] | None = None,
) -> pl.DataFrame:
    """Return the rows of `models.regimes` of every benchmark.

    Parameters
    ----------
    features
        symbol, session, return_20 and volatility_20 of the benchmarks, see `regime_probabilities`.
    benchmarks
        Symbols; each is looked at once.
    settings, seed
        Section of the configuration, and the seed of the mixtures.
    fits
        Models by version: those of an earlier call are not fitted again, and those that are fitted are added.
    """
    found = [
        regime_probabilities(features.filter(symbol=benchmark), settings, benchmark=benchmark, seed=seed, fits=fits)
        for benchmark in sorted(set(benchmarks))
    ]
    return pl.concat([REGIMES.empty(), *found])


def regime_probabilities(
    features: pl.DataFrame,
    settings: Regimes,
    *,
    benchmark: str,
    seed: int,
    fits: dict[str, RegimeModel] | None = None,
) -> pl.DataFrame:
    """Return the rows of `models.regimes` of one benchmark.

    The first model is fitted after `min_sessions` observations, another every `refit_sessions`, on all observations
    before. It takes over at the next one, from where its own filter over the last `min_sessions` of them ends.
    Regimes are numbered by their mean log volatility, so that a number means the same after a refit. Rows up to a
    session are the same to the bit whatever follows it.

    Parameters
    ----------
    features
        session, return_20 and volatility_20 of the benchmark. Sessions on which one of them is null, or the volatility
        is 0, are no observation and have no row.
    settings, benchmark, seed, fits
        As `regimes_of_benchmarks` takes them, of one benchmark.

    Returns
    -------
    polars.DataFrame
        Rows by session and regime; none if there are too few observations.
    """
    known = features.sort("session").filter(
        pl.col("return_20").is_not_null(), pl.col("volatility_20").is_not_null(), pl.col("volatility_20") > 0
    )
    observations = known.select("return_20", pl.col("volatility_20").log()).to_numpy().astype(np.float64)
    parts, fits = [], {} if fits is None else fits
    for start in range(settings.min_sessions, len(observations), settings.refit_sessions):
        past = np.ascontiguousarray(observations[:start])
        version = _version(past, settings, seed)
        if version not in fits:
            fits[version] = fit(past, settings, seed)
        model = fits[version]
        recent, end = start - settings.min_sessions, min(start + settings.refit_sessions, len(observations))
        filtered = list(forward(model, log_densities(model, observations[recent:end])))[start - recent :]
        parts.append(
            pl.DataFrame(
                {
                    "session": np.repeat(known["session"][start:end].to_numpy(), settings.number),
                    "regime": np.tile(np.arange(settings.number), end - start),
                    "probability": np.concatenate(filtered),
                }
            ).with_columns(
                benchmark=pl.lit(benchmark),
                version=pl.lit(version),
                trained_until=pl.lit(known["session"][start - 1]),
            )
        )
    return REGIMES.conform(pl.concat(parts)) if parts else REGIMES.empty()


def fit(past: Floats, settings: Regimes, seed: int) -> RegimeModel:
    """Fit the regimes on observations, all of which are past.

    The transition probabilities are the counts of the changes between the most likely regimes of neighbouring
    observations, plus `transition_prior` each: the mean of their Dirichlet posterior.

    Parameters
    ----------
    past
        (sessions, features): return_20 and the log of volatility_20.
    settings, seed
        Section of the configuration, and the seed of the mixture.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import BayesianGaussianMixture

    location, spread = past.mean(axis=0), past.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    standard = (past - location) / scale
    mixture = BayesianGaussianMixture(
        n_components=settings.number,
        weight_concentration_prior_type="dirichlet_process",
        max_iter=500,
        random_state=seed,
    )
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that is not quite there is a fit
        assigned = mixture.fit(standard).predict(standard)
    order = np.argsort(mixture.means_[:, _VOLATILITY], kind="stable")
    number = np.argsort(order)[assigned]
    counts = np.full((settings.number, settings.number), settings.transition_prior)
    np.add.at(counts, (number[:-1], number[1:]), 1)
    return RegimeModel(
        location=location,
        scale=scale,
        means=mixture.means_[order],
        factors=np.linalg.cholesky(mixture.covariances_[order]),
        weights=mixture.weights_[order] / mixture.weights_.sum(),
        transition=counts / counts.sum(axis=1, keepdims=True),
    )


def log_densities(model: RegimeModel, observations: Floats) -> Floats:
    """Return the log density of each standardised observation in each regime, (sessions, regimes).

    Element by element, not by matrix products, whose last bits depend on the number of rows.
    """
    standard = (observations - model.location) / model.scale
    found = np.empty((len(standard), len(model.means)))
    for regime, (mean, factor) in enumerate(zip(model.means, model.factors, strict=True)):
        solved: list[Floats] = []
        density = np.full(len(standard), -0.5 * len(mean) * np.log(2 * np.pi))
        for row in range(len(mean)):
            rest = standard[:, row] - mean[row]
            for column, earlier in enumerate(solved):
                rest = rest - factor[row, column] * earlier
            solved.append(rest / factor[row, row])
            density = density - np.log(factor[row, row]) - 0.5 * solved[-1] * solved[-1]
        found[:, regime] = density
    return found


def forward(model: RegimeModel, densities: Floats) -> Iterator[Floats]:
    """Yield the probability of each regime at every row, from the rows up to it; before the first it is `weights`.

    Examples
    --------
    Two regimes that never change: the second explains the observation three times as well.

    >>> model = RegimeModel(
    ...     location=np.zeros(1),
    ...     scale=np.ones(1),
    ...     means=np.zeros((2, 1)),
    ...     factors=np.ones((2, 1, 1)),
    ...     weights=np.array([0.5, 0.5]),
    ...     transition=np.eye(2),
    ... )
    >>> next(forward(model, np.log([[1.0, 3.0]])))
    array([0.25, 0.75])
    """
    probability = model.weights
    for log_density in densities:
        predicted = (probability[:, None] * model.transition).sum(axis=0)
        joint = predicted * np.exp(log_density - log_density.max())
        probability = joint / joint.sum()
        yield probability


def _version(past: Floats, settings: Regimes, seed: int) -> str:
    data = hashlib.sha256(past.tobytes()).hexdigest()
    return hash_of([REGIMES_VERSION, completed(settings), seed, FEATURES, data])
