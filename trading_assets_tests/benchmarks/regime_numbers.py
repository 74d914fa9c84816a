"""Whether numbers of regimes keep their meaning through refits: on planted markets, and on benchmarks of real data.

`python -m trading_assets_tests.benchmarks.regime_numbers [FILE.csv ...]` prints a line a market; a CSV has a date and a
close.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from trading_assets.config.sections import Regimes
from trading_assets.models.regime_model import RegimeModel, forward, log_densities
from trading_assets.models.regime_numbers import RECENT, labels
from trading_assets.models.regimes import regime_probabilities
from trading_assets_tests.models.panels import weekdays

#: Drift and deviation of a session in each regime of a planted market.
KINDS: dict[str, tuple[tuple[float, float], ...]] = {
    "two regimes of different volatility": ((0.0006, 0.007), (-0.001, 0.025)),
    "two regimes of the same volatility": ((0.002, 0.008), (-0.002, 0.008)),
    "three regimes, two of the same volatility": ((0.002, 0.008), (-0.002, 0.008), (-0.001, 0.025)),
    "three regimes of different volatility": ((0.001, 0.006), (0.0, 0.012), (-0.002, 0.028)),
}
SPELL = 120
SESSIONS = 2_600


@dataclass(frozen=True)
class Measured:
    """What was found on one market.

    Attributes
    ----------
    alike
        Of the 252 observations before each refit, the share to which both fits give the same number.
    new
        Numbers that no regime of the fit before had.
    shares
        Of the sessions with a row, the share in which each number is the most likely, the largest first.
    density
        Log density of an observation by the fit before it, the held-out likelihood.
    """

    alike: tuple[float, ...]
    new: int
    shares: tuple[float, ...]
    density: float


def planted(kind: str, seed: int, sessions: int = SESSIONS) -> pl.DataFrame:
    """Return features of a market whose regimes take turns, `SPELL` sessions each."""
    state = (np.arange(sessions) // SPELL) % len(KINDS[kind])
    drift, deviation = np.array(KINDS[kind]).T
    moves = np.random.default_rng(seed).standard_normal(sessions) * deviation[state] + drift[state]
    return features_of(pl.DataFrame({"session": weekdays(sessions), "move": moves}))


def features_of(moves: pl.DataFrame) -> pl.DataFrame:
    """Return session, return_20 and volatility_20 of log returns, null at first."""
    return moves.select(
        "session",
        return_20=pl.col("move").rolling_sum(20).exp() - 1,
        volatility_20=pl.col("move").rolling_std(20),
    )


def measure(features: pl.DataFrame, settings: Regimes) -> Measured:
    """Return how regimes of a market keep their numbers."""
    fits: dict[str, RegimeModel] = {}
    rows = regime_probabilities(features, settings, benchmark="IDX", seed=1, fits=fits)
    known = features.drop_nulls()
    observations = known.select("return_20", pl.col("volatility_20").log()).to_numpy()
    versions = rows.group_by("version", maintain_order=True).agg(pl.col("session").min())
    numbers = [
        _numbers(rows.filter(version=version), fits[version], known, settings) for version in versions["version"]
    ]
    alike, new = [], 0
    for place, ((before, after), (old, now)) in enumerate(
        zip(pairwise(versions["version"]), pairwise(numbers), strict=True)
    ):
        start = settings.min_sessions + (place + 1) * settings.refit_sessions
        recent = observations[max(start - RECENT, 0) : start]
        theirs, own = np.array(old)[labels(fits[before], recent)], np.array(now)[labels(fits[after], recent)]
        alike.append(float((theirs == own).mean()))
        new += len(set(now) - set(old))
    likely = rows.sort("session", "probability").group_by("session", maintain_order=True).last()
    shares = likely["regime"].value_counts(sort=True)["count"].to_numpy() / likely.height
    return Measured(tuple(alike), new, tuple(shares.tolist()), _held_out(observations, list(fits.values()), settings))


def _numbers(rows: pl.DataFrame, model: RegimeModel, known: pl.DataFrame, settings: Regimes) -> list[int]:
    """The number of each place of a fit, found by its probabilities on its first session."""
    first = rows["session"].min()
    at = known["session"].to_list().index(first)
    observations = known.select("return_20", pl.col("volatility_20").log()).to_numpy()[
        at - settings.min_sessions : at + 1
    ]
    *_, last = forward(model, log_densities(model, observations))
    written = rows.filter(session=first).sort("probability")["regime"].to_list()
    found = [0] * len(written)
    for number, place in zip(written, np.argsort(last, kind="stable"), strict=True):
        found[place] = number
    return found


def _held_out(observations: np.ndarray, fits: list[RegimeModel], settings: Regimes) -> float:
    """Mean log density of each observation by the fit before it, from the observations before it."""
    total, count = 0.0, 0
    for place, model in enumerate(fits):
        start = settings.min_sessions + place * settings.refit_sessions
        end = min(start + settings.refit_sessions, len(observations))
        logs = log_densities(model, observations[start - settings.min_sessions : end])
        filtered = np.array(list(forward(model, logs)))
        predicted = filtered[:-1] @ model.transition
        joint = np.log((predicted * np.exp(logs[1:])).sum(axis=1)) - np.log(model.scale).sum()
        total += joint[settings.min_sessions - 1 :].sum()
        count += end - start
    return total / count


def markets() -> Iterator[tuple[str, pl.DataFrame, Regimes]]:
    """Yield sixteen planted markets: each kind with four seeds."""
    for kind, regimes in KINDS.items():
        for seed in range(4):
            yield kind, planted(kind, seed), Regimes(number=len(regimes))


def _of_file(path: str) -> pl.DataFrame:
    rows = pl.read_csv(path, try_parse_dates=True)
    rows = (
        rows.select(session=pl.col(rows.columns[0]).cast(pl.Date), close=rows.columns[1]).drop_nulls().sort("session")
    )
    return features_of(rows.select("session", move=pl.col("close").log().diff()))


def line_of(name: str, found: Measured) -> str:
    """Return what was measured as a line."""
    shares = ", ".join(f"{each:.0%}" for each in found.shares)
    return (
        f"{name}: {np.mean(found.alike):.1%} alike, the least {min(found.alike):.1%}, {len(found.alike)} refits, "
        f"{found.new} new numbers, shares {shares}, log density {found.density:.3f}"
    )


if __name__ == "__main__":
    means = []
    for kind, features, settings in markets():
        found = measure(features, settings)
        means.append(float(np.mean(found.alike)))
        print(line_of(kind, found), flush=True)
    print(f"sixteen planted markets: {np.mean(means):.1%} on average, the least {min(means):.1%}")
    for file in sys.argv[1:]:
        for number in (2, 3):
            print(line_of(f"{file}, {number} regimes", measure(_of_file(file), Regimes(number=number))), flush=True)
