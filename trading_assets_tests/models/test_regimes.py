"""Regimes: found in a planted market, known only from the past, filtered as the theory says."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.config.sections import Regimes
from trading_assets.models import regimes
from trading_assets.models.regime_fit import fit
from trading_assets.models.regime_model import RegimeModel
from trading_assets.models.regime_numbers import labels, next_numbers
from trading_assets.models.regimes import regime_probabilities
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


def three_kinds(sessions: int = 1_500, seed: int = 0) -> pl.DataFrame:
    """Rising, falling as calmly, and wild, in turns: two of them have the same volatility."""
    state = (np.arange(sessions) // SPELL) % 3
    moves = np.random.default_rng(seed).standard_normal(sessions) * np.array([0.008, 0.008, 0.025])[state]
    frame = pl.DataFrame({"session": weekdays(sessions), "move": moves + np.array([0.002, -0.002, -0.001])[state]})
    return frame.with_columns(
        return_20=pl.col("move").rolling_sum(20).exp() - 1, volatility_20=pl.col("move").rolling_std(20)
    )


def alike_at_refits(features: pl.DataFrame, settings: Regimes) -> list[float]:
    """Of the 252 observations before each refit, the share to which both fits give the same number."""
    fits: dict[str, RegimeModel] = {}
    columns = features.select("session", "return_20", "volatility_20")
    rows = regime_probabilities(columns, settings, benchmark="IDX", seed=1, fits=fits)
    observations = columns.drop_nulls().select("return_20", pl.col("volatility_20").log()).to_numpy()
    versions = rows.group_by("version", maintain_order=True).agg(pl.col("regime").unique().sort())
    found, current, other = [], [*range(settings.number)], [*range(settings.number, 4 * settings.number)]
    for start, (before, after) in enumerate(pairwise(versions["version"])):
        place = settings.min_sessions + (start + 1) * settings.refit_sessions
        recent = observations[max(place - 252, 0) : place]
        numbers = next_numbers(fits[before], fits[after], recent, current, other)
        assert versions["regime"][start + 1].to_list() == sorted(numbers)
        theirs, own = np.array(current)[labels(fits[before], recent)], np.array(numbers)[labels(fits[after], recent)]
        found.append(float((theirs == own).mean()))
        other = [*(each for each in [*other, *current] if each not in numbers)]
        current = numbers
    return found


def test_numbers_mean_the_same_after_refits() -> None:
    """95 % on average on planted markets, and no refit at which all numbers are others."""
    alike = alike_at_refits(planted(1_500, 0), Regimes(number=2)) + alike_at_refits(three_kinds(), Regimes(number=3))
    assert len(alike) == 2 * 9
    assert np.mean(alike) >= 0.95
    assert min(alike) > 0.5


@pytest.mark.slow
def test_numbers_mean_the_same_on_many_planted_markets() -> None:
    markets = [(planted(2_600, seed), 2) for seed in range(4)] + [(three_kinds(2_600, seed), 3) for seed in range(4)]
    alike = [alike_at_refits(market, Regimes(number=number)) for market, number in markets]
    assert np.mean([np.mean(each) for each in alike]) >= 0.95


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
