"""A cross-validation that tests everything, or trains too often, is refused."""

from __future__ import annotations

from math import comb

import pytest

from trading_assets.config.cross_validation import MOST_TRAININGS, CrossValidation


@pytest.mark.parametrize(
    ("groups", "tested", "said"),
    [(3, 3, "none is left to train"), (20, 3, f"{comb(20, 3)} trainings, and at most {MOST_TRAININGS}")],
)
def test_what_cannot_be_trained_is_refused(groups: int, tested: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CrossValidation(groups=groups, tested=tested)


def test_the_most_trainings_are_taken() -> None:
    assert CrossValidation(groups=12, tested=4).groups == 12
    assert comb(12, 4) == 495 <= MOST_TRAININGS
