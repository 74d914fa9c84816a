"""A number goes on with its regime, and a regime that is another one has another number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from trading_assets.models.regime_model import Floats, RegimeModel
from trading_assets.models.regime_numbers import likeness, next_numbers, overlap


def regimes_at(*means: tuple[float, float], deviation: float = 1.0) -> RegimeModel:
    """Regimes of equal share that hardly change, in units of the data."""
    count = len(means)
    return RegimeModel(
        location=np.zeros(2),
        scale=np.ones(2),
        means=np.array(means),
        factors=np.stack([np.eye(2) * deviation] * count),
        weights=np.full(count, 1 / count),
        transition=np.full((count, count), 0.02 / count) + np.eye(count) * 0.98,
    )


def sessions_of(counts: dict[tuple[float, float], int]) -> Floats:
    return np.concatenate([np.tile(mean, (count, 1)) for mean, count in counts.items()])


CALM, WILD, FALLING = (0.0, 0.0), (0.0, 8.0), (-8.0, 4.0)
RECENT = sessions_of({CALM: 126, WILD: 126})


def test_numbers_follow_regimes_whose_places_have_changed() -> None:
    assert next_numbers(regimes_at(CALM, WILD), regimes_at(WILD, CALM), RECENT, [0, 1], [2, 3]) == [1, 0]


def test_a_regime_that_neither_was_has_the_first_free_number() -> None:
    """Both fits agree on the calm half; the other half is now half one thing and half another."""
    recent = sessions_of({CALM: 126, WILD: 63, FALLING: 63})
    before, after = regimes_at(CALM, (-4.0, 6.0), (50.0, 50.0)), regimes_at(CALM, WILD, FALLING)
    assert likeness(before, after, recent)[1, 1:] == pytest.approx([63 / 94.5, 63 / 94.5])
    assert next_numbers(before, after, recent, [4, 0, 2], [5, 1, 3]) == [4, 5, 1]


@pytest.mark.parametrize(("moved", "is_alike"), [(40, True), (44, False)])
def test_the_agreement_is_dices_and_has_to_be_four_fifths(moved: int, is_alike: bool) -> None:
    """126 sessions, k of which a refit gives to the next regime: 2 (126 - k) / (252 - k) is 0.8 at k = 42.

    Those k are 3.5 above the calm ones and 4.5 below the wild ones, until the wild regime comes nearer. They come
    last, so that the filter's delay of a session counts once.
    """
    recent = sessions_of({WILD: 126, CALM: 126 - moved, (0.0, 3.5): moved})
    before, after = regimes_at(CALM, WILD), regimes_at(CALM, (0.0, 5.0))
    alike = likeness(before, after, recent)[0, 0]
    assert alike == pytest.approx(2 * (126 - moved) / (252 - moved), abs=0.005)
    assert (next_numbers(before, after, recent, [0, 1], [5, 6])[0] == 0) == is_alike


def test_regimes_of_few_sessions_are_told_by_their_distributions() -> None:
    recent = sessions_of({CALM: 240, WILD: 12})
    near, far = (0.0, 8.4), (3.0, 11.0)
    assert next_numbers(regimes_at(CALM, WILD), regimes_at(near, CALM), recent, [0, 1], [2, 3]) == [1, 0]
    assert next_numbers(regimes_at(CALM, WILD), regimes_at(far, CALM), recent, [0, 1], [2, 3]) == [2, 0]


def test_the_overlap_is_that_by_hand() -> None:
    """Of unit normals d apart exp(-d^2 / 8).

    Of deviations 1 and 2 in two dimensions the covariances are I and 4 I, their mean 2.5 I: the determinants are 1, 16
    and 6.25, and the coefficient is (16 / 6.25^2)^(1/4) = 0.8.
    """
    one = regimes_at(CALM, (1.0, 2.0))
    assert overlap(one, one) == pytest.approx(np.array([[1, math.exp(-5 / 8)], [math.exp(-5 / 8), 1]]))
    assert overlap(regimes_at(CALM), regimes_at(CALM, deviation=2.0)) == pytest.approx(np.array([[0.8]]))


def test_units_of_the_fits_do_not_matter() -> None:
    before, after = regimes_at(CALM, WILD), regimes_at(CALM, (1.0, 7.0))
    scale, location = np.array([2.0, 0.5]), np.array([1.0, -3.0])
    other = replace(
        after,
        location=location,
        scale=scale,
        means=(after.means - location) / scale,
        factors=after.factors / scale[:, None],
    )
    assert overlap(before, other) == pytest.approx(overlap(before, after))
    assert likeness(before, other, RECENT) == pytest.approx(likeness(before, after, RECENT))
