"""Regimes: found in a planted market, known only from the past, filtered as the theory says."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import multivariate_normal

from trading_assets.config.sections import Regimes
from trading_assets.models import regimes
from trading_assets.models.regimes import RegimeModel, fit, forward, log_densities, regime_probabilities
from trading_assets.models.tables import REGIMES
from trading_assets_tests.models.panels import weekdays

SETTINGS = Regimes(number=2, min_sessions=200, refit_sessions=100)
SPELL = 120  # sessions of a planted regime


@cache
def planted(sessions: int = 800, seed: int = 3) -> pl.DataFrame:
    """Calm and rising, then wild and falling, in turns; `state` is the truth."""
    state = (np.arange(sessions) // SPELL) % 2
    moves = np.random.default_rng(seed).standard_normal(sessions)
    moves = moves * np.where(state, 0.025, 0.007) + np.where(state, -0.001, 0.0006)
    frame = pl.DataFrame({"session": weekdays(sessions), "move": moves, "state": state})
    return frame.with_columns(
        return_20=pl.col("move").rolling_sum(20).exp() - 1, volatility_20=pl.col("move").rolling_std(20)
    )


def probabilities(features: pl.DataFrame, settings: Regimes = SETTINGS, seed: int = 1) -> pl.DataFrame:
    columns = features.select("session", "return_20", "volatility_20")
    return regime_probabilities(columns, settings, benchmark="IDX", seed=seed)


@cache
def found() -> pl.DataFrame:
    return probabilities(planted())


def test_rows_keep_the_contract() -> None:
    rows = found()
    REGIMES.validate(rows)
    sums = rows.group_by("session").agg(pl.col("probability").sum(), pl.len())
    assert sums["probability"].to_list() == pytest.approx([1.0] * sums.height, abs=1e-12)
    assert sums["len"].unique().to_list() == [2]
    # From the first session after the first fit to the last; each fit has seen the sessions before its own.
    observed = planted().filter(pl.col("volatility_20").is_not_null())["session"]
    assert rows["session"].unique().sort().to_list() == observed[200:].to_list()
    fits = rows.group_by("version").agg(pl.col("session").min(), pl.col("trained_until").unique()).sort("session")
    assert fits["session"].to_list() == observed[200::100].to_list()
    assert fits["trained_until"].to_list() == [[day] for day in observed[199::100][: fits.height].to_list()]


def test_planted_regimes_are_recovered_from_the_past() -> None:
    """Regime 1 is the wild one after every refit.

    It is known once the window of the features is full of it. In the 20 of 120 sessions before that, about half
    are late, which is honest.
    """
    wild = found().filter(regime=1).join(planted(), on="session")
    settled = (np.arange(planted().height) % SPELL >= 20)[-wild.height :]
    right = (wild["probability"].to_numpy() > 0.5) == (wild["state"].to_numpy() == 1)
    assert right[settled].mean() > 0.97
    assert 0.2 < right[~settled].mean() < 0.8


def test_history_that_follows_changes_nothing() -> None:
    features, rows = planted(), found()
    noise = np.random.default_rng(0).uniform(0.5, 2, features.height)
    for cut in (225, 320, 431, 600):  # before the second fit, at the session that it starts at, between, later
        last = features["session"][cut]
        later = pl.col("session") > last
        other = features.with_columns(
            pl.when(later).then(pl.col(name) * noise).otherwise(name).alias(name)
            for name in ("return_20", "volatility_20")
        )
        for changed in (features.filter(~later), other):
            assert probabilities(changed).filter(~later).equals(rows.filter(~later))


def test_a_session_that_cannot_be_observed_has_no_row() -> None:
    gap = planted()["session"][500:503]
    holes = {"return_20": [None, 0.01, 0.01], "volatility_20": [0.01, None, 0.0]}
    features = planted().update(pl.DataFrame({"session": gap, **holes}), on="session", include_nulls=True)
    rows = probabilities(features)
    assert rows.height == found().height - 2 * 3
    assert rows.filter(pl.col("session").is_in(gap.implode())).is_empty()


@pytest.mark.parametrize("sessions", [0, 219])
def test_too_few_observations_have_no_regimes(sessions: int) -> None:
    rows = probabilities(planted().head(sessions))
    assert rows.is_empty() and rows.columns == list(REGIMES.columns)


def test_a_market_of_one_kind_leaves_the_other_regimes_empty() -> None:
    """Independent observations of one normal distribution."""
    past = np.random.default_rng(5).standard_normal((600, 2)) * [0.02, 0.3] + [0.0, -4.5]
    model = fit(past, Regimes(number=3), seed=1)
    assert model.weights.max() > 0.8
    assert model.weights.sum() == pytest.approx(1)


def test_transitions_are_counted_with_their_prior() -> None:
    """Two kinds of observations far apart, in a known order: 0 0 1 1 1 0 0 0 ..., and 1 is the wilder one."""
    order = np.array([0, 0, 1, 1, 1, 0, 0, 0, 0, 1] * 6)
    past = np.random.default_rng(6).normal(0, 0.1, (60, 2))
    past[:, 1] += 5 * order - 4
    model = fit(past, Regimes(number=2, transition_prior=0.5), seed=1)
    counts = np.zeros((2, 2))
    for before, after in pairwise(order):
        counts[before, after] += 1
    expected = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    assert model.transition == pytest.approx(expected)
    assert model.means[0, 1] < model.means[1, 1]


def three_regimes() -> RegimeModel:
    return RegimeModel(
        location=np.array([0.01, -4.0]),
        scale=np.array([0.05, 0.4]),
        means=np.array([[0.5, -1.0], [0.0, 0.2], [-0.7, 1.5]]),
        factors=np.array([[[0.6, 0.0], [0.1, 0.5]], [[0.8, 0.0], [-0.3, 0.7]], [[1.1, 0.0], [0.4, 0.9]]]),
        weights=np.array([0.5, 0.3, 0.2]),
        transition=np.array([[0.9, 0.08, 0.02], [0.1, 0.8, 0.1], [0.03, 0.07, 0.9]]),
    )


def test_the_filter_is_the_sum_over_all_paths() -> None:
    """Each of the 3^4 paths up to a row, with its probability and its densities (scipy)."""
    model = three_regimes()
    observations = np.array([[0.03, -4.3], [0.0, -3.9], [-0.06, -3.2], [-0.01, -3.7]])
    standard = (observations - model.location) / model.scale
    normals = [multivariate_normal(m, f @ f.T) for m, f in zip(model.means, model.factors, strict=True)]
    densities = np.array([[normal.pdf(row) for normal in normals] for row in standard])
    assert log_densities(model, observations) == pytest.approx(np.log(densities))
    for last, probability in enumerate(forward(model, np.log(densities))):
        expected = np.zeros(3)
        for path in product(range(3), repeat=last + 2):  # from the regime before the first row
            likelihood = model.weights[path[0]]
            for row in range(last + 1):
                likelihood *= model.transition[path[row], path[row + 1]] * densities[row, path[row + 1]]
            expected[path[-1]] += likelihood
        assert probability == pytest.approx(expected / expected.sum())


def test_an_observation_far_from_every_regime_is_no_division_by_zero() -> None:
    model = three_regimes()
    (probability,) = forward(model, log_densities(model, np.array([[5.0, 9.0]])))
    assert np.isfinite(probability).all() and probability.sum() == pytest.approx(1)


def test_a_fit_of_the_same_past_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the text of a record, too: models of an earlier call give the rows of a call without any, to the bit."""
    fits: dict[str, RegimeModel] = {}
    known = planted().select("session", "return_20", "volatility_20")
    before = regime_probabilities(known.head(700), SETTINGS, benchmark="IDX", seed=1, fits=fits)
    assert set(fits) == set(before["version"])
    kept = {version: RegimeModel.of_json(json.loads(json.dumps(each.as_json()))) for version, each in fits.items()}
    pasts: list[int] = []

    def counted(past: np.ndarray, *rest: Any) -> RegimeModel:
        pasts.append(len(past))
        return fit(past, *rest)

    monkeypatch.setattr(regimes, "fit", counted)
    assert regime_probabilities(known, SETTINGS, benchmark="IDX", seed=1, fits=kept).equals(found())
    observed = known.filter(pl.col("volatility_20").is_not_null()).height
    assert pasts == [each for each in range(200, observed, 100) if each >= 700 - (800 - observed)]
    pasts.clear()
    revised = known.with_columns(return_20=pl.when(pl.int_range(pl.len()) == 450).then(0.5).otherwise("return_20"))
    again = regime_probabilities(revised, SETTINGS, benchmark="IDX", seed=1, fits=kept)
    assert pasts == [each for each in range(200, observed, 100) if each > 450 - (800 - observed)]
    assert again.equals(probabilities(revised))
