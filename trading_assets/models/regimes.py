"""Regimes of a market: a mixture fitted on the past, and the probability of each regime filtered forward.

The mixture is a variational Gaussian one with a Dirichlet process prior (Blei and Jordan, Bayesian Analysis 1
(2006)), which leaves regimes that the past does not need almost empty. Its regimes are the states of a hidden Markov
chain (Hamilton, Econometrica 57 (1989)). Filtered means that the probability at *t* comes from the observations up to
*t*: a smoothed probability, or the mixture's own over a whole series, would know how the regime went on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from trading_assets.config import hash_of
from trading_assets.config.sections import Regimes
from trading_assets.config.stated import completed
from trading_assets.models.regime_fit import fit
from trading_assets.models.regime_model import Floats, RegimeModel, forward, log_densities
from trading_assets.models.regime_numbers import NUMBERS_PER_REGIME, RECENT, next_numbers
from trading_assets.models.tables import REGIMES

#: Columns of `features.daily` that tell regimes apart.
FEATURES = ("return_20", "volatility_20")
#: Part of every version: raise it when a regime changes meaning.
REGIMES_VERSION = 3


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
    Regimes of the first fit are numbered by their mean log volatility; those of a later one have the numbers of the
    regimes that they go on from, or new ones (see `next_numbers`). Rows up to a session are the same to the bit
    whatever follows it.

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
    before: RegimeModel | None = None
    # All numbers: those never used, those out of use, those of the fit before.
    used = [*range(settings.number, settings.number * NUMBERS_PER_REGIME), *range(settings.number)]
    for start in range(settings.min_sessions, len(observations), settings.refit_sessions):
        past = np.ascontiguousarray(observations[:start])
        version = _version(past, settings, seed)
        if version not in fits:
            fits[version] = fit(past, settings, seed, before)
        model = fits[version]
        retired, current = used[: -settings.number], used[-settings.number :]
        numbers = next_numbers(before, model, past[-RECENT:], current, retired) if before else current
        used, before = [*(each for each in used if each not in numbers), *numbers], model
        recent, end = start - settings.min_sessions, min(start + settings.refit_sessions, len(observations))
        filtered = list(forward(model, log_densities(model, observations[recent:end])))[start - recent :]
        parts.append(
            pl.DataFrame(
                {
                    "session": np.repeat(known["session"][start:end].to_numpy(), settings.number),
                    "regime": np.tile(np.sort(numbers), end - start),
                    "probability": np.array(filtered)[:, np.argsort(numbers)].ravel(),
                }
            ).with_columns(
                benchmark=pl.lit(benchmark),
                version=pl.lit(version),
                trained_until=pl.lit(known["session"][start - 1]),
            )
        )
    return REGIMES.conform(pl.concat(parts)) if parts else REGIMES.empty()


def _version(past: Floats, settings: Regimes, seed: int) -> str:
    data = hashlib.sha256(past.tobytes()).hexdigest()
    return hash_of([REGIMES_VERSION, completed(settings), seed, FEATURES, data])
